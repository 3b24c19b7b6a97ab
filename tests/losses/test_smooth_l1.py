import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from edudet.cases.losses.smooth_l1 import CASES, GRADIENTS, MISTAKES
from edudet.losses import smooth_l1_loss
from edudet.losses.reduction import REDUCTIONS
from edudet.losses.smooth_l1 import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    input, target, beta = case.args
    input, target = (torch.tensor(numbers, device=device) for numbers in (input, target))
    assert form(input, target, beta, "none").tolist() == case.expected
    assert form(input, target, beta, "sum").item() == sum(case.expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case.name)
def test_worked_gradients(form, case):
    input = torch.tensor(case.args[0], requires_grad=True)
    form(input, torch.tensor(case.args[1]), case.args[2], "sum").backward()
    assert input.grad.tolist() == case.expected


numbers = st.floats(-1e3, 1e3, width=32)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(numbers, numbers), max_size=6), st.sampled_from([0.0, 1 / 9, 1.0, 7.5]))
def test_forms_agree_with_each_other_and_with_torch(pairs, beta):
    input, target = torch.tensor(pairs).reshape(-1, 2).T
    for reduction in REDUCTIONS:
        expected = functional.smooth_l1_loss(input, target, reduction=reduction, beta=beta)
        for name in IMPLEMENTATIONS:
            got = IMPLEMENTATIONS[name](input, target, beta, reduction)
            if pairs or reduction != "mean":  # torch: NaN
                assert_close(got, expected, rtol=1e-6, atol=1e-6)
            else:
                assert got == 0 and expected.isnan()


def test_defaults_are_those_of_torch():
    input, target = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert_close(smooth_l1_loss(input, target), functional.smooth_l1_loss(input, target))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_gradient(form, beta):
    input = torch.tensor([[-2.0, 0.25], [0.1, 3]], dtype=torch.double, requires_grad=True)
    target = torch.tensor([[0.0, 0.5], [0.7, 1]], dtype=torch.double, requires_grad=True)
    for reduction in REDUCTIONS:
        assert torch.autograd.gradcheck(
            lambda a, b, r=reduction: form(a, b, beta, r), (input, target)
        )


@pytest.mark.parametrize("beta", [0.1, 1 / 9, 0.5, 3.0])
def test_gradient_where_the_pieces_meet(form, beta):
    """Exactly 1, to which side the seam may be counted: on every release of torch."""
    input = torch.tensor([beta, -beta, 0.0], requires_grad=True)
    form(input, torch.zeros(3), beta, "sum").backward()
    assert_close(input.grad, torch.tensor([1.0, -1.0, 0.0]), rtol=0, atol=2e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(form, device, dtype):
    input = torch.tensor([300.0, 0.5, -7], dtype=dtype, device=device)
    got = form(input, torch.zeros_like(input), 0.5, "sum")
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert got.item() == 299.75 + 0.25 + 6.75
    many = torch.full((4,), 6e4, dtype=dtype, device=device)  # their sum exceeds float16
    assert form(many, torch.zeros(4, device=device), reduction="sum").item() > 2.3e5


def test_nothing(form, device):
    nothing = torch.zeros(0, 4, device=device, requires_grad=True)
    assert form(nothing, nothing.detach(), reduction="none").shape == (0, 4)
    form(nothing, nothing.detach()).backward()
    assert nothing.grad.shape == (0, 4)


def test_any_strides(form):
    wide = torch.arange(24.0).reshape(4, 6)
    got = form(wide.T[::2], torch.zeros(6, 4)[::2], 1.0, "none")
    assert torch.equal(got, form(wide.T[::2].contiguous(), torch.zeros(3, 4), 1.0, "none"))


def test_compiles():
    compiled = torch.compile(smooth_l1_loss, fullgraph=True, backend="aot_eager")
    input = torch.randn(5, generator=torch.Generator().manual_seed(1))
    assert_close(compiled(input, torch.zeros(5)), smooth_l1_loss(input, torch.zeros(5)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: smooth_l1_loss(torch.zeros(3), torch.zeros(3, 1)),
            ValueError,
            r"smooth_l1_loss: target must have the shape of input, \(3,\), got \(3, 1\)",
        ),
        (lambda: smooth_l1_loss([0.0], torch.zeros(1)), TypeError, "input must be a Tensor"),
        (
            lambda: smooth_l1_loss(torch.zeros(1), torch.zeros(1).int()),
            ValueError,
            "target must have dtype float32, .* got int32",
        ),
        (
            lambda: smooth_l1_loss(torch.zeros(1), torch.zeros(1), -1.0),
            ValueError,
            "beta must be finite and at least 0, got -1.0",
        ),
        (
            lambda: smooth_l1_loss(torch.zeros(1), torch.zeros(1), "sum"),
            TypeError,
            "beta must be a number, got 'sum'",
        ),
        (
            lambda: smooth_l1_loss(torch.zeros(1), torch.zeros(1), reduction="avg"),
            ValueError,
            "reduction must be one of none, mean, sum, got 'avg'",
        ),
        (
            lambda: smooth_l1_loss(torch.zeros(1), torch.zeros(1, device="meta")),
            ValueError,
            "target must be on the device of input, cpu, got meta",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
