import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet.cases.losses.focal import (
    CASES,
    CASES_OF_SOFTMAX,
    GRADIENTS,
    GRADIENTS_BY_PROBABILITY,
    IMBALANCE,
    MISTAKES,
    MISTAKES_BY_PROBABILITY,
    MISTAKES_OF_GRADIENTS,
    PRIORS,
)
from edudet.losses import focal_prior_bias, sigmoid_focal_loss, softmax_focal_loss
from edudet.losses.focal import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_SOFTMAX_FOCAL_LOSS
from edudet.losses.reduction import REDUCTIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_SOFTMAX_FOCAL_LOSS)
def softmax_form(request):
    return IMPLEMENTATIONS_OF_SOFTMAX_FOCAL_LOSS[request.param]


def random_logits(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (5 * torch.randn(*shape, generator=generator)).to(dtype)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    inputs, targets, alpha, gamma = case.args
    inputs, targets = (torch.tensor(numbers, device=device) for numbers in (inputs, targets))
    got = form(inputs, targets, alpha, gamma).cpu()
    assert_close(got, torch.tensor(case.expected), rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        try:
            return not np.allclose(MISTAKES[mistake](*case.args), case.expected, rtol=1e-5)
        except (ValueError, OverflowError, TypeError):
            return True

    assert any(differs(case) for case in CASES), "no case bites"


@pytest.mark.parametrize("case", IMBALANCE, ids=lambda case: case.name)
def test_easy_against_hard(case):
    easy, hard, gamma = case.args
    sums = [
        n * sigmoid_focal_loss(torch.tensor([p]).logit(), torch.ones(1), -1, gamma).item()
        for p, n in (easy, hard)
    ]
    assert sums[0] / sums[1] == pytest.approx(case.expected, abs=5e-4)


@pytest.mark.parametrize("case", PRIORS, ids=lambda case: case.name)
def test_prior(case):
    bias = focal_prior_bias(*case.args)
    assert bias == pytest.approx(case.expected, abs=1e-6)
    assert torch.sigmoid(torch.tensor(bias)).item() == pytest.approx(case.args[0])


@pytest.mark.parametrize("case", CASES_OF_SOFTMAX, ids=lambda case: case.name)
def test_worked_examples_of_softmax(softmax_form, device, case):
    inputs, targets, alpha, gamma = case.args
    inputs = torch.tensor(inputs, device=device).reshape(len(targets), -1 if targets else 3)
    targets = torch.tensor(targets, dtype=torch.int64, device=device)
    alpha = None if alpha is None else torch.tensor(alpha, device=device)
    got = softmax_form(inputs, targets, alpha, gamma).cpu()
    assert_close(got, torch.tensor(case.expected), rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case.name)
def test_gradient_by_the_logits_is_softmax_minus_onehot(softmax_form, case):
    logits, label = case.args
    logits = torch.tensor([logits], requires_grad=True)
    softmax_form(logits, torch.tensor([label]), None, 0, "sum").backward()
    assert_close(logits.grad[0], torch.tensor(case.expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", GRADIENTS_BY_PROBABILITY, ids=lambda case: case.name)
def test_gradient_by_the_probability(case):
    probability = torch.tensor(case.args[0], requires_grad=True)
    (-probability.log()).backward()
    assert probability.grad.item() == pytest.approx(case.expected, abs=1e-6)


@pytest.mark.parametrize(
    ("mistakes", "cases"),
    [(MISTAKES_OF_GRADIENTS, GRADIENTS), (MISTAKES_BY_PROBABILITY, GRADIENTS_BY_PROBABILITY)],
    ids=["by the logits", "by the probability"],
)
def test_worked_gradients_catch(mistakes, cases):
    for mistake, solve in mistakes.items():
        assert any(not np.allclose(solve(*c.args), c.expected, atol=1e-5) for c in cases), mistake


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-1e4, 1e4, width=32), st.sampled_from([0, 0.25, 0.5, 1.0])), max_size=6
    ),
    st.sampled_from([-1, 0.0, 0.25, 1.0]),
    st.sampled_from([0, 0.5, 1, 2, 5.0]),
)
def test_forms_agree(pairs, alpha, gamma):
    inputs, targets = torch.tensor(pairs).reshape(-1, 2).T
    results = []
    for form in IMPLEMENTATIONS.values():
        logits = inputs.clone().requires_grad_()
        losses = form(logits, targets, alpha, gamma)
        losses.sum().backward()
        assert losses.isfinite().all() and logits.grad.isfinite().all()
        results.append((losses.detach(), logits.grad))
    assert_close(*results, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_forms_of_softmax_agree(gamma):
    for n, c in ((0, 3), (1, 1), (5, 7)):
        targets = torch.arange(n) % c
        for scale in (1, 2000):
            results = []
            for form in IMPLEMENTATIONS_OF_SOFTMAX_FOCAL_LOSS.values():
                logits = (scale * random_logits(n, c, seed=1)).requires_grad_()
                form(logits, targets, torch.linspace(0.5, 1, c), gamma, "sum").backward()
                results.append((form(logits, targets, None, gamma).detach(), logits.grad))
                assert logits.grad.isfinite().all()
            assert_close(*results, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gamma", [0, 1, 2, 2.5])
def test_gradient(form, gamma):
    inputs = random_logits(2, 3, dtype=torch.double).requires_grad_()
    targets = torch.tensor([[0, 1, 0.3], [1, 0, 0.8]], dtype=torch.double)
    for reduction in REDUCTIONS:
        assert torch.autograd.gradcheck(
            lambda z, r=reduction: form(z, targets, 0.25, gamma, r), inputs
        )


@pytest.mark.parametrize("gamma", [0, 1, 2.5])
def test_gradient_of_softmax(softmax_form, gamma):
    inputs = random_logits(3, 4, dtype=torch.double).requires_grad_()
    targets = torch.tensor([3, 0, 1])
    assert torch.autograd.gradcheck(lambda z: softmax_form(z, targets, None, gamma), inputs)


def test_gradient_at_zero_is_that_of_a_smooth_function(form):
    logit = torch.zeros(1, requires_grad=True)
    form(logit, torch.ones(1), -1, 0).backward()
    assert logit.grad.item() == -0.5


@pytest.mark.parametrize("alpha", [-1, 0.25])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_torchvision_agrees(alpha, reduction):
    ops = torchvision_ops()
    inputs, targets = random_logits(40, 5), (random_logits(40, 5, seed=1) > 0).float()
    for soft in (targets, 0.9 * targets + 0.05):
        got = sigmoid_focal_loss(inputs, soft, alpha=alpha, reduction=reduction)
        expected = ops.sigmoid_focal_loss(inputs, soft, alpha=alpha, reduction=reduction)
        assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_torch_agrees_where_gamma_is_0():
    inputs, targets = random_logits(9, 5), torch.arange(9) % 5
    onehot = functional.one_hot(targets, 5).float()
    assert_close(
        sigmoid_focal_loss(inputs, onehot, -1, 0, "mean"),
        functional.binary_cross_entropy_with_logits(inputs, onehot),
    )
    assert_close(
        softmax_focal_loss(inputs, targets, None, 0, "mean"),
        functional.cross_entropy(inputs, targets),
    )


def test_two_classes_are_one_logit():
    logits, labels = random_logits(9, 2), torch.arange(9) % 2
    assert_close(
        softmax_focal_loss(logits, labels),
        sigmoid_focal_loss(logits[:, 1] - logits[:, 0], labels.float(), alpha=-1),
        rtol=1e-4,
        atol=1e-7,
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(form, softmax_form, device, dtype):
    inputs = random_logits(4, 3, dtype=dtype).to(device)
    targets = torch.zeros(4, 3, dtype=dtype, device=device)
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    got = form(inputs, targets)
    assert got.dtype == wanted
    assert_close(got.cpu(), form(inputs.to(wanted), targets.to(wanted)).cpu())
    assert softmax_form(inputs, targets[:, 0].long()).dtype == wanted


def test_nothing(form, softmax_form, device):
    nothing = torch.zeros(0, 4, device=device, requires_grad=True)
    labels = torch.zeros(0, dtype=torch.int64, device=device)
    assert form(nothing, nothing.detach()).shape == (0, 4)
    assert softmax_form(nothing, labels).shape == (0,)
    for loss in (
        form(nothing, nothing.detach(), reduction="mean"),
        softmax_form(nothing, labels, reduction="mean"),
    ):
        nothing.grad = None
        loss.backward()
        assert loss == 0 and nothing.grad.shape == (0, 4)


def test_compiles():
    inputs, labels = random_logits(6, 3), torch.arange(6) % 3
    for loss, targets in ((sigmoid_focal_loss, inputs.sigmoid()), (softmax_focal_loss, labels)):
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        assert_close(compiled(inputs, targets), loss(inputs, targets))


zeros = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: sigmoid_focal_loss(zeros, torch.zeros(2)),
            ValueError,
            r"sigmoid_focal_loss: targets must have the shape of inputs, \(2, 3\), got \(2,\)",
        ),
        (lambda: sigmoid_focal_loss(zeros, 0), TypeError, "targets must be a Tensor, got int"),
        (lambda: sigmoid_focal_loss(zeros, zeros.long()), ValueError, "targets must have dtype"),
        (
            lambda: sigmoid_focal_loss(zeros, zeros, alpha=-0.5),
            ValueError,
            r"alpha must lie in \[0, 1\]",
        ),
        (
            lambda: sigmoid_focal_loss(zeros, zeros, gamma=-2),
            ValueError,
            "gamma must be finite and at",
        ),
        (
            lambda: sigmoid_focal_loss(zeros, zeros, reduction="avg"),
            ValueError,
            "reduction must be one of",
        ),
        (
            lambda: softmax_focal_loss(zeros, torch.zeros(2)),
            ValueError,
            r"softmax_focal_loss: targets must be int64 of shape \(2,\), got float32 of shape",
        ),
        (
            lambda: softmax_focal_loss(zeros, torch.tensor([0, 3])),
            ValueError,
            r"targets\[1\] must lie in 0 to 2, got 3",
        ),
        (
            lambda: softmax_focal_loss(zeros, torch.tensor([0, 1]), torch.ones(2)),
            ValueError,
            r"alpha must have shape \(3,\), got \(2,\)",
        ),
        (
            lambda: softmax_focal_loss(torch.zeros(3), torch.tensor([0])),
            ValueError,
            r"inputs must have shape \(N, C\), got \(3,\)",
        ),
        (lambda: focal_prior_bias(1), ValueError, "pi must lie between 0 and 1, got 1"),
        (lambda: focal_prior_bias(2), ValueError, r"pi must lie in \[0, 1\], got 2"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
