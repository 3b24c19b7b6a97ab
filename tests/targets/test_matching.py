import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.boxes import clip_boxes_to_image
from edudet.cases.targets.matching import CASES, MISTAKES
from edudet.ops import box_iou
from edudet.proposals import generate_anchors, grid_anchors
from edudet.targets import match_anchors
from edudet.targets.matching import IMPLEMENTATIONS

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def boxes_of(numbers, dtype=torch.float32):
    return torch.tensor(numbers, dtype=dtype).reshape(-1, 4)


def random_boxes(n, seed, size=20):
    """Integer boxes, so that many IoUs are equal."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, size, (n, 2), generator=generator)
    sides = torch.randint(0, size // 2, (n, 2), generator=generator)
    return torch.cat([corner, corner + sides], 1).float()


def as_lists(matches):
    return matches.labels.tolist(), matches.gt_indices.tolist()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(form, case, dtype):
    anchors, gt_boxes, *rest = case.args
    if len(rest) == 4:
        rest[3] = boxes_of(rest[3], dtype)
    matches = form(boxes_of(anchors, dtype), boxes_of(gt_boxes, dtype), *rest)
    assert as_lists(matches) == case.expected
    assert matches.labels.dtype == matches.gt_indices.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 12),
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(0, 2**31),
    st.sampled_from([(0.7, 0.3), (0.5, 0.5), (0.5, 0.0), (0.25, 0.125)]),
    st.booleans(),
)
def test_forms_agree(n, m, k, seed, thresholds, best_for_each):
    anchors, gt_boxes, crowd = (random_boxes(c, seed + i) for i, c in enumerate((n, m, k)))
    loop, vectorized = (
        form(anchors, gt_boxes, *thresholds, best_for_each, crowd, 0.3)
        for form in IMPLEMENTATIONS.values()
    )
    assert as_lists(loop) == as_lists(vectorized)


def image_of_anchors():
    anchors = grid_anchors(generate_anchors([32, 64]), (15, 20), 16, 0.5)
    return clip_boxes_to_image(anchors, (240, 320))


def test_what_the_labels_promise():
    anchors = image_of_anchors()
    gt_boxes = random_boxes(12, 3, 200) + torch.tensor([0, 0, 9, 9])
    labels, gt_indices = match_anchors(anchors, gt_boxes)
    iou = box_iou(anchors, gt_boxes)
    assert (labels[iou.amax(1) > 0.7] == 1).all()
    assert (labels[iou.argmax(0)] == 1).all()
    assert (iou.amax(1)[labels == 0] < 0.3).all()
    assert ((gt_indices >= 0) == (labels == 1)).all()
    positive = labels == 1
    assert torch.equal(gt_indices[positive], iou[positive].argmax(1))
    assert not positive.all() and (labels == 0).sum() > 10 * positive.sum()


def test_order_of_the_anchors_does_not_matter(form):
    anchors, gt_boxes = random_boxes(30, 4), random_boxes(5, 5)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(6))
    expected, got = form(anchors, gt_boxes), form(anchors[order], gt_boxes)
    assert torch.equal(got.labels, expected.labels[order])
    assert torch.equal(got.gt_indices, expected.gt_indices[order])


@pytest.mark.parametrize("best_for_each", [True, False])
def test_torchvision_agrees_off_the_thresholds(best_for_each):
    torchvision_ops()
    from torchvision.models.detection._utils import Matcher

    generator = torch.Generator().manual_seed(7)
    gt_boxes = torch.rand(10, 4, generator=generator) * 100
    gt_boxes[:, 2:] = gt_boxes[:, :2] + 20 + gt_boxes[:, 2:]
    anchors = image_of_anchors()
    iou = box_iou(gt_boxes, anchors)
    assert (iou.amax(1) > 0).all()  # else torchvision makes every anchor positive
    expected = Matcher(0.7, 0.3, best_for_each)(iou)
    labels, gt_indices = match_anchors(anchors, gt_boxes, best_for_each=best_for_each)
    assert torch.equal(labels, torch.where(expected >= 0, 1, expected + 1))
    assert torch.equal(gt_indices, expected.clamp(min=-1))


def test_any_strides_and_boxes_that_require_grad(form):
    anchors, gt_boxes = random_boxes(20, 8), random_boxes(4, 9)
    expected = form(anchors, gt_boxes)
    wide = torch.stack([anchors, anchors], 2)[..., 0].requires_grad_()
    matches = form(wide, gt_boxes)
    assert as_lists(matches) == as_lists(expected) and not matches.labels.requires_grad


def test_large_boxes_in_half_precision():
    boxes = boxes_of([[0, 0, 300, 300], [0, 0, 300, 100]], torch.float16)
    assert as_lists(match_anchors(boxes, boxes[:1], crowd_boxes=boxes)) == ([1, -1], [0, -1])


ONE = torch.tensor([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0]], ONE), TypeError, "match_anchors: anchors must be a Tensor, got list"),
        ((ONE, ONE[0]), ValueError, r"gt_boxes must have shape \(N, 4\), got \(4,\)"),
        ((ONE, ONE.double()), ValueError, "gt_boxes must have the dtype of anchors"),
        ((ONE.int(), ONE.int()), ValueError, "anchors must have dtype .* got int32"),
        ((ONE, ONE.to("meta")), ValueError, "gt_boxes must be on the device of anchors"),
        ((ONE, ONE, 1.5), ValueError, r"positive_threshold must lie in \[0, 1\], got 1.5"),
        ((ONE, ONE, 0.7, math.nan), ValueError, "negative_threshold must lie in"),
        ((ONE, ONE, 0.3, 0.7), ValueError, "positive_threshold must be at least negative_thr"),
        ((ONE, ONE, 0.7, 0.3, 1), TypeError, "best_for_each must be a bool, got 1"),
        ((ONE, ONE, 0.7, 0.3, True, [1]), TypeError, "crowd_boxes must be a Tensor, got list"),
        ((ONE, ONE, 0.7, 0.3, True, ONE, 2), ValueError, "crowd_threshold must lie in"),
        ((ONE, -ONE), ValueError, r"gt_boxes\[0\] must have x1 <= x2 and y1 <= y2, got"),
        ((ONE * math.nan, ONE[:0]), ValueError, r"match_anchors: anchors\[0\] must be finite"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        match_anchors(*args)
