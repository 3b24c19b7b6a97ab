import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.boxes import decode_deltas
from edudet.cases.targets.rpn_targets import CASES, MISTAKES
from edudet.ops import box_iou
from edudet.proposals import generate_anchors, grid_anchors
from edudet.targets import match_anchors, rpn_targets
from edudet.targets.rpn_targets import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def boxes_of(numbers, dtype=torch.float32):
    return torch.tensor(numbers, dtype=dtype).reshape(-1, 4)


def random_boxes(n, seed, size=24, smallest=1):
    """Integer boxes, so that many IoUs are equal."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, size, (n, 2), generator=generator)
    sides = torch.randint(smallest, size // 2, (n, 2), generator=generator)
    return torch.cat([corner, corner + sides], 1).float()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(got, expected, tolerance=1e-6):
    """Decisions are equal, deltas nearly so."""
    assert torch.equal(got[0], expected[0]) and torch.equal(got[2], expected[2])
    torch.testing.assert_close(got[1], expected[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_worked_examples(form, case, dtype):
    anchors, gt_boxes, *rest = case.args
    if len(rest) == 5:
        rest[4] = boxes_of(rest[4], dtype)
    got = form(boxes_of(anchors, dtype), boxes_of(gt_boxes, dtype), *rest)
    labels, deltas, gt_indices = case.expected
    assert got.labels.tolist() == labels and got.gt_indices.tolist() == gt_indices
    tolerance = max(torch.finfo(dtype).eps, 1e-6)
    torch.testing.assert_close(got.deltas, boxes_of(deltas, dtype), rtol=tolerance, atol=tolerance)
    assert got.labels.dtype == got.gt_indices.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        labels, deltas, gt_indices = MISTAKES[mistake](*case.args)
        right = boxes_of(case.expected[1])
        return (labels, gt_indices) != (case.expected[0], case.expected[2]) or not torch.allclose(
            boxes_of(deltas), right, atol=1e-5
        )

    assert any(differs(case) for case in CASES), "no case bites"


@given(
    st.integers(0, 40),
    st.integers(0, 4),
    st.integers(0, 2),
    st.integers(0, 2**31),
    st.sampled_from([(0.7, 0.3), (0.5, 0.5), (0.25, 0.0)]),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_forms_agree(n, m, k, seed, thresholds, size, fraction):
    anchors, gt_boxes, crowd = (random_boxes(c, seed + i) for i, c in enumerate((n, m, k)))
    loop, vectorized = (
        form(anchors, gt_boxes, *thresholds, size, fraction, crowd, seeded(seed))
        for form in IMPLEMENTATIONS.values()
    )
    same(vectorized, loop)


def pyramid():
    """Anchors of three maps of an image of 128 x 160, one after the other."""
    maps = [(8, (16, 20), [16]), (16, (8, 10), [32]), (32, (4, 5), [64])]
    return torch.cat(
        [grid_anchors(generate_anchors(sizes), cells, stride, 0.5) for stride, cells, sizes in maps]
    )


def test_what_the_targets_promise():
    anchors, gt_boxes = pyramid(), random_boxes(6, 3, 100, smallest=12)
    labels, deltas, gt_indices = rpn_targets(anchors, gt_boxes, size=64, generator=seeded())
    matches = match_anchors(anchors, gt_boxes)
    positive, negative = labels == 1, labels == 0
    assert 0 < positive.sum() <= 32 and positive.sum() + negative.sum() == 64
    assert (matches.labels[positive] == 1).all() and (matches.labels[negative] == 0).all()
    # Moved by its deltas, a positive anchor is its object: that is what the head is to learn.
    moved = decode_deltas(deltas[positive], anchors[positive])
    torch.testing.assert_close(moved, gt_boxes[gt_indices[positive]], rtol=0, atol=1e-4)
    iou = box_iou(anchors[positive], gt_boxes)
    assert torch.equal(iou.argmax(1), gt_indices[positive])
    assert not deltas[~positive].any() and (gt_indices[~positive] == -1).all()


def test_the_generator_fixes_the_draw(form):
    anchors, gt_boxes = pyramid(), random_boxes(4, 5, 100, smallest=20)
    first, again, other = (
        form(anchors, gt_boxes, size=32, generator=seeded(seed)) for seed in (1, 1, 2)
    )
    same(again, first, 0)
    assert not torch.equal(other.labels, first.labels)


def test_an_image_without_objects(form):
    labels, deltas, gt_indices = form(pyramid(), boxes_of([]), size=256, generator=seeded())
    assert (labels == 0).sum() == 256 and (labels == 1).sum() == 0
    assert not deltas.any() and (gt_indices == -1).all()


def test_a_thousand_objects_of_one_pixel():
    corner = torch.cartesian_prod(torch.arange(25.0), torch.arange(40.0)) * 4
    gt_boxes = torch.cat([corner, corner + 1], 1)
    labels, deltas, gt_indices = rpn_targets(
        pyramid(), gt_boxes, size=10_000, positive_fraction=1.0
    )
    # Every object has its best anchors, however little they overlap, and all targets are finite.
    assert (labels == 1).sum() > 100 and deltas.isfinite().all()
    moved = decode_deltas(deltas[labels == 1], pyramid()[labels == 1])
    torch.testing.assert_close(moved, gt_boxes[gt_indices[labels == 1]], rtol=0, atol=1e-3)


def test_torchvision_agrees():
    """On everything but the draw: the sample is as large as it can be."""
    torchvision_ops()
    from torchvision.models.detection._utils import BoxCoder
    from torchvision.models.detection.rpn import RegionProposalNetwork

    rpn = RegionProposalNetwork(
        None, None, 0.7, 0.3, 10_000, 1.0, {}, {}, 0.7, 0.0
    )  # fmt: skip
    generator = seeded(7)
    gt_boxes = torch.rand(8, 4, generator=generator) * 60
    gt_boxes[:, 2:] = gt_boxes[:, :2] + 15 + gt_boxes[:, 2:]
    anchors = pyramid()
    assert (box_iou(gt_boxes, anchors).amax(1) > 0).all()
    (labels,), (matched,) = rpn.assign_targets_to_anchors([anchors], [{"boxes": gt_boxes}])
    (deltas,) = BoxCoder((1.0, 1.0, 1.0, 1.0)).encode([matched], [anchors])
    got = rpn_targets(anchors, gt_boxes, size=10_000, positive_fraction=1.0)
    assert torch.equal(got.labels.float(), labels) and (labels == -1).any()
    positive = labels == 1
    torch.testing.assert_close(got.deltas[positive], deltas[positive], rtol=1e-5, atol=1e-5)
    assert torch.equal(gt_boxes[got.gt_indices[positive]], matched[positive])


def test_any_strides_and_boxes_that_require_grad(form):
    anchors, gt_boxes = random_boxes(20, 8), random_boxes(4, 9)
    expected = form(anchors, gt_boxes, generator=seeded())
    wide = torch.stack([anchors, anchors], 2)[..., 0].requires_grad_()
    got = form(wide, gt_boxes.clone().requires_grad_(), generator=seeded())
    same(got, expected, 0)
    assert not got.deltas.requires_grad


ONE = torch.tensor([[0.0, 0, 1, 1]])
POINT = torch.tensor([[1.0, 1, 1, 5]])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0]], ONE), TypeError, "rpn_targets: anchors must be a Tensor, got list"),
        ((ONE, ONE[0]), ValueError, r"gt_boxes must have shape \(N, 4\), got \(4,\)"),
        ((ONE, ONE.double()), ValueError, "gt_boxes must have the dtype of anchors"),
        ((ONE.int(), ONE.int()), ValueError, "anchors must have dtype .* got int32"),
        ((ONE, ONE.to("meta")), ValueError, "gt_boxes must be on the device of anchors"),
        ((ONE, ONE, 1.5), ValueError, r"positive_threshold must lie in \[0, 1\], got 1.5"),
        ((ONE, ONE, 0, 0), ValueError, "positive_threshold must be positive and finite, got 0"),
        ((ONE, ONE, 0.7, math.nan), ValueError, "negative_threshold must lie in"),
        ((ONE, ONE, 0.3, 0.7), ValueError, "positive_threshold must be at least negative_thr"),
        ((ONE, ONE, 0.7, 0.3, 2.5), TypeError, "size must be an int, got 2.5"),
        ((ONE, ONE, 0.7, 0.3, -1), ValueError, "size must be at least 0, got -1"),
        ((ONE, ONE, 0.7, 0.3, 8, 2), ValueError, "positive_fraction must lie in"),
        ((ONE, ONE, 0.7, 0.3, 8, 0.5, [1]), TypeError, "crowd_boxes must be a Tensor, got list"),
        ((ONE, ONE, 0.7, 0.3, 8, 0.5, None, 3), TypeError, "generator must be a torch.Generator"),
        ((ONE, -ONE), ValueError, r"gt_boxes\[0\] must have x1 <= x2 and y1 <= y2, got"),
        ((ONE, POINT), ValueError, r"rpn_targets: gt_boxes\[0\] must have x1 < x2 and y1 < y2"),
        ((ONE * math.nan, ONE), ValueError, r"rpn_targets: anchors\[0\] must be finite"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        rpn_targets(*args)


def test_an_anchor_may_be_without_area():
    labels, deltas, _ = rpn_targets(torch.cat([POINT, ONE]), ONE)
    assert labels.tolist() == [0, 1] and not deltas.any()
