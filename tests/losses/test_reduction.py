import math

import pytest
import torch

from edudet.cases.losses.reduction import CASES, MISTAKES
from edudet.losses import reduce_loss
from edudet.losses.reduction import safe_power


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    losses, reduction = case.args
    assert reduce_loss(torch.tensor(losses), reduction).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        try:
            return MISTAKES[mistake](*case.args) != case.expected
        except ZeroDivisionError:
            return True

    assert any(differs(case) for case in CASES), "no case bites"


def test_mean_of_nothing_has_a_gradient_where_torch_has_nan():
    nothing = torch.zeros(0, 4, requires_grad=True)
    assert math.isnan(nothing.mean().item())
    loss = reduce_loss(nothing, "mean")
    loss.backward()
    assert loss == 0 and loss.shape == () and nothing.grad.shape == (0, 4)


@pytest.mark.parametrize("exponent", [0, 0.25, 1, 2])
def test_safe_power_at_its_bound(exponent):
    """The slope of 0, and of the smallest number that is safe, is 0 on every release of torch."""
    tiny = torch.finfo(torch.float32).tiny
    base = torch.tensor([0.0, tiny / 2, tiny, 4 * tiny, 0.25, 1.0], requires_grad=True)
    powers = safe_power(base, exponent)
    torch.testing.assert_close(powers[4:], base[4:] ** exponent)
    powers.sum().backward()
    assert powers[0] == powers[1] == powers[2] and base.grad[:3].tolist() == [0, 0, 0]
    slopes = exponent * base.detach()[3:].double() ** (exponent - 1)
    torch.testing.assert_close(base.grad[3:].double(), slopes, rtol=1e-5, atol=0)


def test_sums_of_16_bit_losses_do_not_overflow():
    assert reduce_loss(torch.full((4,), 6e4, dtype=torch.float16), "sum").item() > 2.3e5


def test_errors():
    with pytest.raises(
        ValueError, match="reduce_loss: reduction must be one of none, mean, sum, got 'avg'"
    ):
        reduce_loss(torch.zeros(2), "avg")
    with pytest.raises(ValueError, match=r"losses must have dtype .* got int64"):
        reduce_loss(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match="reduce_loss: losses must be a Tensor, got list"):
        reduce_loss([1.0])
