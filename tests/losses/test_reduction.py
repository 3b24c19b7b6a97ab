import math

import pytest
import torch

from edudet.cases.losses.reduction import CASES, MISTAKES
from edudet.losses import reduce_loss


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
