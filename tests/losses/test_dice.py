import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.losses.dice import CASES, MISTAKES
from edudet.losses import dice_loss
from edudet.losses.dice import IMPLEMENTATIONS
from edudet.losses.reduction import REDUCTIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    inputs, targets, eps = case.args
    inputs, targets = (
        torch.tensor(numbers, device=device).reshape(len(numbers), -1 if numbers else 5)
        for numbers in (inputs, targets)
    )
    got = form(inputs, targets, eps, "none").cpu()
    assert_close(got, torch.tensor(case.expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(
        not np.allclose(MISTAKES[mistake](*case.args), case.expected, atol=1e-5) for case in CASES
    ), "no case bites"


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 3), st.integers(0, 5), st.sampled_from([0.0, 1.0]), st.sampled_from(REDUCTIONS)
)
def test_forms_agree(n, pixels, eps, reduction):
    generator = torch.Generator().manual_seed(n + 10 * pixels)
    logits = 3 * torch.randn(n, pixels, generator=generator)
    targets = (torch.rand(n, pixels, generator=generator) > 0.5).float()
    results = []
    for form in IMPLEMENTATIONS.values():
        leaf = logits.clone().requires_grad_()
        loss = form(leaf, targets, eps, reduction)
        loss.sum().backward()
        results.append((loss.detach(), leaf.grad))
    assert_close(*results, rtol=1e-5, atol=1e-6)


def test_f1_agrees():
    """An outside witness: for hard masks Dice is the F1 score of the pixels."""
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    found, truth = generator.integers(0, 2, (2, 6, 40))
    got = dice_loss(
        torch.tensor(np.where(found, 200.0, -200.0)), torch.tensor(truth).double(), 0.0, "none"
    )
    expected = [1 - metrics.f1_score(t, f) for t, f in zip(truth, found, strict=True)]
    assert_close(got, torch.tensor(expected, dtype=torch.double))


def test_gradient(form):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 2, 3, dtype=torch.double, generator=generator, requires_grad=True)
    targets = torch.rand(2, 2, 3, dtype=torch.double, generator=generator, requires_grad=True)
    for eps in (0.0, 1.0):
        assert torch.autograd.gradcheck(
            lambda z, y, e=eps: form(z, y, e, "none"), (logits, targets)
        )


def test_nothing_to_find_has_a_finite_gradient(form, device):
    logits = torch.full((1, 4), -math.inf, device=device, requires_grad=True)
    loss = form(logits, torch.zeros(1, 4, device=device), 0.0)
    loss.backward()
    assert loss == 0 and logits.grad.tolist() == [[0.0] * 4]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_and_nothing(form, device, dtype):
    nothing = torch.zeros(0, 2, 2, dtype=dtype, device=device, requires_grad=True)
    loss = form(nothing, nothing.detach())
    loss.backward()
    assert loss == 0 and nothing.grad.shape == (0, 2, 2)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_many_pixels_in_16_bits():
    """90 000 exceeds float16: a sum in it would be infinite."""
    ones = torch.ones(1, 300, 300, dtype=torch.float16)
    assert dice_loss(200 * ones, ones) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dice_loss(torch.zeros(3), torch.zeros(3)),
            r"inputs must have shape \(N, \.\.\.\)",
        ),
        (lambda: dice_loss(torch.zeros(1, 3), torch.zeros(3)), "targets must have the shape of"),
        (lambda: dice_loss(torch.zeros(1, 3), torch.zeros(1, 3).bool()), "targets must have dtype"),
        (
            lambda: dice_loss(torch.zeros(1, 3), torch.zeros(1, 3), -1),
            "eps must be finite and at least 0",
        ),
        (
            lambda: dice_loss(torch.zeros(1, 3), torch.zeros(1, 3), 1, "max"),
            "reduction must be one of none, mean, sum, got 'max'",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match="dice_loss: " + message):
        call()
