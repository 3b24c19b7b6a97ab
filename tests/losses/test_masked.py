import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from edudet.cases.losses.masked import CASES, MASK, MISTAKES, TARGET
from edudet.losses import masked_loss
from edudet.losses.masked import IMPLEMENTATIONS
from edudet.losses.reduction import REDUCTIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    input, target, mask, reduction = case.args
    input, target, mask = (torch.tensor(x, device=device).float() for x in (input, target, mask))
    got = form(input, target, mask, reduction=reduction).cpu()
    assert_close(got, torch.tensor(case.expected))
    if set(mask.tolist()) <= {0, 1}:
        assert_close(form(input, target, mask.bool(), reduction=reduction).cpu(), got)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(not np.allclose(MISTAKES[mistake](*case.args), case.expected) for case in CASES), (
        "no case bites"
    )


def test_the_mask_of_three_anchors():
    assert len(MASK) == len(TARGET) == 15 and sum(MASK) == 7
    assert [m == 0 for m in MASK] == [math.isnan(y) for y in TARGET]


def test_no_gradient_where_masked(form, device):
    input = torch.tensor([2.0, 3.0, math.inf], device=device, requires_grad=True)
    target = torch.tensor([0.0, math.nan, 0.0], device=device)
    mask = torch.tensor([True, False, False], device=device)
    form(input, target, mask).backward()
    assert input.grad.tolist() == [1.0, 0.0, 0.0]
    nothing = torch.tensor([2.0], device=device, requires_grad=True)
    form(nothing, nothing.detach(), torch.tensor([False], device=device)).backward()
    assert nothing.grad.tolist() == [0.0]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(-9, 9, width=32), st.floats(-9, 9, width=32), st.sampled_from([0.0, 1, 0.5])
        ),
        max_size=6,
    ),
    st.sampled_from(REDUCTIONS),
)
def test_forms_agree(entries, reduction):
    input, target, mask = torch.tensor(entries).reshape(-1, 3).T
    assert_close(
        *(form(input, target, mask, reduction=reduction) for form in IMPLEMENTATIONS.values())
    )


def test_selecting_agrees():
    """An outside witness: torch's loss of the entries that count alone."""
    generator = torch.Generator().manual_seed(0)
    input, target = torch.randn(2, 5, 7, generator=generator)
    mask = torch.rand(5, 7, generator=generator) > 0.5
    for ours, theirs in (("sum", "sum"), ("mean", "mean")):
        expected = functional.smooth_l1_loss(input[mask], target[mask], reduction=theirs)
        assert_close(masked_loss(input, target, mask, reduction=ours), expected)
    squares = functional.mse_loss(input[mask], target[mask], reduction="sum")
    assert_close(masked_loss(input, target, mask, lambda a, b: (a - b) ** 2), squares)


def test_gradient(form):
    input, target = torch.tensor([[0.3, -2, 1], [0, 4, 5]], dtype=torch.double)
    mask = torch.tensor([1, 0, 0.5], dtype=torch.double)
    input.requires_grad_()
    for reduction in REDUCTIONS:
        assert torch.autograd.gradcheck(
            lambda a, r=reduction: form(a, target, mask, reduction=r), input
        )


def test_dtypes(form):
    half = torch.ones(3, dtype=torch.float16)
    assert form(half, half, half).dtype == torch.float32
    assert form(half, half.double(), half.bool()).dtype == torch.float64


def test_compiles():
    compiled = torch.compile(masked_loss, fullgraph=True, backend="aot_eager")
    input, mask = torch.arange(4.0), torch.tensor([True, False, True, True])
    assert_close(compiled(input, torch.zeros(4), mask), masked_loss(input, torch.zeros(4), mask))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((torch.zeros(2), torch.zeros(2), [1, 0]), TypeError, "mask must be a Tensor, got list"),
        (
            (torch.zeros(2), torch.zeros(3), torch.zeros(2)),
            ValueError,
            "target must have the shape",
        ),
        ((torch.zeros(2), torch.zeros(2), torch.zeros(1)), ValueError, "mask must have the shape"),
        (
            (torch.zeros(2), torch.zeros(2), torch.zeros(2).int()),
            ValueError,
            "mask must have dtype",
        ),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match="masked_loss: " + message):
        masked_loss(*args)
