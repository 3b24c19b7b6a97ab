import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.losses.embedding import CASES, CASES_OF_PUSH, MISTAKES, MISTAKES_OF_PUSH
from edudet.losses import pull_loss, push_loss
from edudet.losses.embedding import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_PUSH_LOSS
from edudet.losses.reduction import REDUCTIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def pull(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_PUSH_LOSS)
def push(request):
    return IMPLEMENTATIONS_OF_PUSH_LOSS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples_of_pull(pull, device, case):
    assert pull(*(torch.tensor(e, device=device) for e in case.args)).item() == case.expected


@pytest.mark.parametrize("case", CASES_OF_PUSH, ids=lambda case: case.name)
def test_worked_examples_of_push(push, device, case):
    *corners, margin = case.args
    got = push(*(torch.tensor(e, device=device) for e in corners), margin).item()
    assert got == pytest.approx(case.expected, rel=1e-6)


@pytest.mark.parametrize(
    ("mistakes", "cases"), [(MISTAKES, CASES), (MISTAKES_OF_PUSH, CASES_OF_PUSH)]
)
def test_worked_examples_catch(mistakes, cases):
    for mistake, solve in mistakes.items():
        assert any(solve(*c.args) != pytest.approx(c.expected) for c in cases), mistake


embedding = st.sampled_from([-3.0, -0.25, 0.0, 0.5, 1.0, 1.1, 40.0])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(embedding, embedding), max_size=6), st.sampled_from([0.0, 1.0, 2.5]))
def test_forms_agree(pairs, margin):
    top_left, bottom_right = torch.tensor(pairs).reshape(-1, 2).T
    for reduction in REDUCTIONS:
        pulls = [f(top_left, bottom_right, reduction) for f in IMPLEMENTATIONS.values()]
        assert_close(*pulls)
        pushes = [
            form(top_left, bottom_right, margin, reduction)
            for form in IMPLEMENTATIONS_OF_PUSH_LOSS.values()
        ]
        assert_close(*pushes)


def test_gradient(pull, push):
    corners = torch.tensor([[0.1, 0.7, 3.0], [0.3, 1.1, 2.0]], dtype=torch.double)
    top_left, bottom_right = (c.clone().requires_grad_() for c in corners)
    for reduction in REDUCTIONS:
        for form in (pull, lambda t, b, r: push(t, b, 1.0, r)):
            assert torch.autograd.gradcheck(
                lambda t, b, f=form, r=reduction: f(t, b, r), (top_left, bottom_right)
            )


@pytest.mark.parametrize(
    ("embeddings", "margin", "expected"),
    [
        ([0, 1, 3], 1.0, [0, 0, 0]),  # the first two exactly the margin apart
        ([0, 1, 3], 2.0, [1, -1, 0]),  # so are the last two; the first two are nearer
        ([0.5, 0.5], 1.0, [0, 0]),  # equal ones: no side is the better one
        ([0.5, 0.5], 0.0, [0, 0]),
    ],
)
def test_gradient_of_push_at_ties(push, embeddings, margin, expected):
    """The same in forward mode, and on every release of torch."""
    top_left, bottom_right = torch.tensor([embeddings, embeddings], dtype=torch.double).unbind()
    expected = torch.tensor(expected, dtype=torch.double)

    def summed(t, b):
        return push(t, b, margin, "sum")

    args = (top_left.clone().requires_grad_(), bottom_right.clone().requires_grad_())
    for got in torch.autograd.grad(summed(*args), args):
        assert torch.equal(got, expected)
    steps = torch.arange(1.0, 1 + len(expected), dtype=torch.double)
    _, slope = torch.func.jvp(summed, (top_left, bottom_right), (steps, steps))
    assert slope == 2 * (expected * steps).sum()


def test_descent_groups_the_corners():
    generator = torch.Generator().manual_seed(0)
    corners = torch.randn(2, 4, generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([corners], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        (pull_loss(*corners) + push_loss(*corners)).backward()
        optimizer.step()
    distances = (corners[0][:, None] - corners[1]).abs()
    assert (distances.argmin(1) == torch.arange(4)).all() and pull_loss(*corners) < 0.02


def test_shapes_dtypes_and_nothing(pull, push, device):
    half = torch.zeros(3, dtype=torch.float16, device=device)
    assert pull(half, half, "none").shape == (3,) and push(half, half, 1.0, "none").shape == (3, 3)
    assert pull(half, half).dtype == push(half, half).dtype == torch.float32
    for n in (0, 1):
        few = torch.ones(n, device=device, requires_grad=True)
        (pull(few, few) + push(few, few)).backward()
        assert few.grad.tolist() == [0.0] * n


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pull_loss(torch.zeros(2), torch.zeros(3)),
            r"pull_loss: bottom_right must have the shape of top_left, \(2,\), got \(3,\)",
        ),
        (
            lambda: push_loss(torch.zeros(2, 1), torch.zeros(2, 1)),
            r"push_loss: top_left must have shape \(N,\), got \(2, 1\)",
        ),
        (
            lambda: push_loss(torch.zeros(2), torch.zeros(2), -1),
            "push_loss: margin must be finite and at least 0, got -1",
        ),
        (
            lambda: pull_loss(torch.zeros(2), torch.zeros(2), "max"),
            "pull_loss: reduction must be one of none, mean, sum, got 'max'",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
