import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import smooth_l1_loss
from torch.testing import assert_close

from edudet.boxes import encode_deltas
from edudet.cases.targets.masked_targets import CASES, MISTAKES
from edudet.targets import masked_targets, match_anchors
from edudet.targets.masked_targets import IMPLEMENTATIONS

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def tensors(labels, deltas, dtype=torch.float32):
    return torch.tensor(labels, dtype=torch.int64), torch.tensor(deltas, dtype=dtype).view(-1, 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(form, case, dtype):
    targets, mask = form(*tensors(*case.args, dtype))
    assert (targets.tolist(), mask.tolist()) == case.expected
    assert targets.dtype == mask.dtype == dtype and targets.shape == mask.shape


def test_the_row_of_the_figure(form):
    case = next(case for case in CASES if case.name == "one on the object, two off")
    targets, mask = (tensor.flatten() for tensor in form(*tensors(*case.args)))
    assert targets.tolist() == [1, 0.25, -0.5, 0.125, 0.75] + [0] * 10
    assert mask.tolist() == [1] * 5 + [1, 0, 0, 0, 0] * 2
    assert len(mask) == 15 and mask.sum() == 7


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2**31))
def test_forms_agree_on_batches(batch, n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, 3, (batch, n), generator=generator)
    deltas = torch.randn(batch, n, 4, generator=generator)
    deltas[labels <= 0] = math.nan
    loop, vectorized = (form(labels, deltas) for form in IMPLEMENTATIONS.values())
    assert torch.equal(loop.targets, vectorized.targets) and torch.equal(loop.mask, vectorized.mask)
    assert loop.targets.shape == (batch, n, 5) and loop.targets.isfinite().all()


def test_gradient_flows_to_positive_anchors_alone(form):
    labels = torch.tensor([1, 0, -1, 2])
    deltas = torch.randn(4, 4, dtype=torch.double).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: form(labels, d).targets, deltas)
    form(labels, deltas).targets.sum().backward()
    assert torch.equal(deltas.grad, (labels > 0)[:, None].expand(4, 4).double())
    deltas.grad = None
    form(labels * 0, deltas).targets.sum().backward()
    assert torch.equal(deltas.grad, torch.zeros_like(deltas))


def test_from_anchors_to_the_loss():
    """What a wrong head says where the mask is 0 costs nothing."""
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [40, 40, 50, 50]])
    gt_boxes = torch.tensor([[0.0, 0, 10, 10]])
    matches = match_anchors(anchors, gt_boxes)
    assert matches.labels.tolist() == [1, -1, 0]
    deltas = encode_deltas(gt_boxes[matches.gt_indices.clamp(min=0)], anchors)
    targets, mask = masked_targets(matches.labels, deltas)
    predictions = targets + torch.tensor([[0.0] * 5, [9.0] * 5, [0, 9, 9, 9, 9]])
    loss = mask * smooth_l1_loss(predictions, targets, reduction="none")
    assert_close(loss.sum(), torch.tensor(0.0))


ROW, LABEL = torch.zeros(1, 4), torch.tensor([1])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([1], ROW), TypeError, "masked_targets: labels must be a Tensor, got list"),
        ((LABEL, [0]), TypeError, "masked_targets: deltas must be a Tensor, got list"),
        ((LABEL, torch.zeros(1, 5)), ValueError, r"deltas must have shape \(\.\.\., 4\)"),
        ((LABEL.float(), ROW), ValueError, "labels must have dtype .* got float32"),
        ((LABEL, ROW.int()), ValueError, "deltas must have dtype .* got int32"),
        ((LABEL[0], ROW), ValueError, r"without its last dimension, \(1,\), got \(\)"),
        ((LABEL, ROW.to("meta")), ValueError, "deltas must be on the device of labels"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        masked_targets(*args)
