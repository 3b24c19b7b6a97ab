import pytest
import torch

from edudet.cases.losses.multi_task import CASES, MISTAKES
from edudet.losses import multi_task_loss
from edudet.losses.multi_task import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    s, r, alpha = case.args
    got = form(torch.tensor(s, device=device), torch.tensor(r, device=device), alpha)
    assert got.item() == case.expected and got.shape == ()
    many = form(torch.full((2, 3), s, device=device), torch.full((2, 3), r, device=device), alpha)
    assert many.tolist() == [[case.expected] * 3] * 2


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def test_gradient_is_shared_by_alpha(form):
    s, r = (torch.tensor([x, x], dtype=torch.double, requires_grad=True) for x in (2.0, 6.0))
    form(s, r, 0.25).sum().backward()
    assert s.grad.tolist() == [0.25, 0.25] and r.grad.tolist() == [0.75, 0.75]
    assert torch.autograd.gradcheck(lambda a, b: form(a, b, 0.4), (s, r))


def test_dtypes_and_nothing(form):
    half = torch.tensor(2.0, dtype=torch.float16)
    assert form(half, half, 0.5).dtype == torch.float32
    assert form(half, half.double(), 0.5).dtype == torch.float64
    assert form(torch.zeros(0), torch.zeros(0), 0.5).shape == (0,)


def test_heads_apart_from_each_other_do_not_feel_alpha_but_a_shared_layer_does():
    """What the deck warns of: alpha moves the optimum only through what both tasks share."""

    def best(alpha, shared):
        weights = torch.zeros(1 if shared else 2, requires_grad=True)
        optimizer = torch.optim.SGD([weights], lr=0.2)
        for _ in range(300):
            optimizer.zero_grad()
            s, r = (weights[0] - 1) ** 2, (weights[-1] + 1) ** 2
            multi_task_loss(s, r, alpha).backward()
            optimizer.step()
        return weights.detach()

    assert torch.allclose(best(0.25, False), best(0.75, False), atol=1e-3)
    assert best(0.25, True).item() == pytest.approx(-0.5, abs=1e-3)
    assert best(0.75, True).item() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((torch.tensor(1.0), torch.tensor(1.0), 1.5), ValueError, r"alpha must lie in \[0, 1\], "),
        ((torch.tensor(1.0), torch.tensor(1.0), "1"), TypeError, "alpha must be a number, got '"),
        ((1.0, torch.tensor(1.0), 0.5), TypeError, "classification_loss must be a Tensor, got flo"),
        (
            (torch.zeros(2), torch.zeros(3), 0.5),
            ValueError,
            r"regression_loss must have the shape of classification_loss, \(2,\), got \(3,\)",
        ),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match="multi_task_loss: " + message):
        multi_task_loss(*args)
