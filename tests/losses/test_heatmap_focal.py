import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.losses.heatmap_focal import CASES, MISTAKES
from edudet.losses import heatmap_focal_loss, sigmoid_focal_loss
from edudet.losses.heatmap_focal import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    inputs, targets, *rest = case.args
    inputs, targets = (torch.tensor(numbers, device=device) for numbers in (inputs, targets))
    got = form(inputs, targets, *rest).cpu()
    assert_close(got, torch.tensor(case.expected), rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        return not np.allclose(MISTAKES[mistake](*case.args), case.expected, rtol=1e-5)

    assert any(differs(case) for case in CASES), "no case bites"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0])),
        max_size=6,
    ),
    st.sampled_from([0, 0.5, 2]),
    st.sampled_from([0, 4]),
    st.sampled_from(["positives", "none", "mean", "sum"]),
)
def test_forms_agree(pairs, alpha, beta, reduction):
    inputs, targets = torch.tensor(pairs).reshape(-1, 2).T
    results = []
    for form in IMPLEMENTATIONS.values():
        logits = inputs.clone().requires_grad_()
        loss = form(logits, targets, alpha, beta, reduction)
        loss.sum().backward()
        assert loss.isfinite().all() and logits.grad.isfinite().all()
        results.append((loss.detach(), logits.grad))
    assert_close(*results, rtol=1e-4, atol=1e-6)


def test_published_code_agrees():
    """CornerNet's own lines, with sigmoid and log in two steps."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=generator)
    targets = torch.rand(2, 3, 8, 8, generator=generator)
    targets[targets > 0.9] = 1
    p, peak = logits.sigmoid(), targets == 1
    positive = (p[peak].log() * (1 - p[peak]) ** 2).sum()
    away = ~peak
    negative = ((1 - p[away]).log() * p[away] ** 2 * (1 - targets[away]) ** 4).sum()
    assert_close(heatmap_focal_loss(logits, targets), -(positive + negative) / peak.sum())


def test_is_the_sigmoid_focal_loss_where_targets_are_hard():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 6, generator=generator)
    targets = (torch.rand(5, 6, generator=generator) > 0.5).float()
    assert_close(
        heatmap_focal_loss(logits, targets, reduction="none"),
        sigmoid_focal_loss(logits, targets, alpha=-1),
    )


def test_gradient(form):
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 3, dtype=torch.double, generator=generator, requires_grad=True)
    targets = torch.tensor([[1, 0.5, 0], [0.3, 1, 0], [0, 0, 0.9]], dtype=torch.double)
    assert torch.autograd.gradcheck(lambda z: form(z, targets), logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_and_nothing(form, device, dtype):
    nothing = torch.zeros(0, 4, dtype=dtype, device=device, requires_grad=True)
    loss = form(nothing, nothing.detach())
    loss.backward()
    assert loss == 0 and nothing.grad.shape == (0, 4)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"targets": torch.zeros(3)}, r"targets must have the shape of inputs, \(2,\), got \(3,\)"),
        ({"alpha": -1}, "alpha must be finite and at least 0, got -1"),
        ({"reduction": "peaks"}, "must be one of positives, none, mean, sum, got 'peaks'"),
    ],
)
def test_errors(kwargs, message):
    arguments = {"inputs": torch.zeros(2), "targets": torch.zeros(2), **kwargs}
    with pytest.raises(ValueError, match="heatmap_focal_loss: .*" + message):
        heatmap_focal_loss(**arguments)
