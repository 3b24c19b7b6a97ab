import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from edudet.training import rate_at


def rates(iterations, **arguments):
    return [rate_at(step, iterations, 0.4, **arguments) for step in range(iterations)]


def of_torch(scheduler, iterations, **arguments):
    """What torch's scheduler, an outside witness, gives step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    steps, found = scheduler(optimizer, **arguments), []
    for _ in range(iterations):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        steps.step()
    return found


def test_cosine_is_that_of_torch():
    assert rates(20) == pytest.approx(of_torch(CosineAnnealingLR, 20, T_max=20), abs=1e-12)


def test_steps_are_those_of_torch():
    found = rates(20, schedule="steps", drops=(0.5, 0.8))
    expected = of_torch(MultiStepLR, 20, milestones=[10, 16], gamma=0.1)
    assert found == pytest.approx(expected, abs=1e-12)


def test_warmup_by_hand():
    # A straight line that would be 0 one step before the first and 0.4 at step 4.
    assert rates(6, warmup=4, schedule="constant") == pytest.approx(
        [0.08, 0.16, 0.24, 0.32, 0.4, 0.4]
    )
    assert rates(8, warmup=4)[4:] == pytest.approx([0.4, 0.3414214, 0.2, 0.0585786])


def test_warmup_longer_than_the_run():
    assert rates(2, warmup=4) == pytest.approx([0.08, 0.16])


def test_unknown_schedule():
    with pytest.raises(ValueError, match=r"rate_at: schedule must be one of .*, got 'line'"):
        rate_at(0, 1, 0.1, schedule="line")
