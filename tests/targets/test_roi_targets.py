import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.boxes import decode_deltas
from edudet.cases.targets.roi_targets import CASES, MISTAKES
from edudet.ops import box_iou
from edudet.targets import roi_targets
from edudet.targets.roi_targets import IMPLEMENTATIONS, WEIGHTS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def boxes_of(numbers, dtype=torch.float32):
    return torch.tensor(numbers, dtype=dtype).reshape(-1, 4)


def labels_of(numbers, dtype=torch.int64):
    return torch.tensor(numbers, dtype=dtype)


def random_boxes(n, seed, size=24, smallest=1):
    """Integer boxes, so that many IoUs are equal."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, size, (n, 2), generator=generator)
    sides = torch.randint(smallest, size // 2, (n, 2), generator=generator)
    return torch.cat([corner, corner + sides], 1).float()


def around(gt_boxes, n, seed, by=0.3):
    """Proposals: each object moved and stretched by chance."""
    generator = torch.Generator().manual_seed(seed)
    deltas = torch.randn(n, len(gt_boxes), 4, generator=generator) * by
    return decode_deltas(deltas, gt_boxes).flatten(0, 1)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(got, expected, tolerance=1e-5):
    """Decisions are equal, deltas nearly so."""
    assert torch.equal(got.rois, expected.rois) and torch.equal(got.labels, expected.labels)
    assert torch.equal(got.gt_indices, expected.gt_indices)
    torch.testing.assert_close(got.deltas, expected.deltas, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [torch.int64, torch.uint8])
def test_worked_examples(form, case, dtype, kind):
    proposals, gt_boxes, gt_labels, *rest = case.args
    crowd = boxes_of(rest.pop(), dtype) if len(rest) == 6 else None
    got = form(
        boxes_of(proposals, dtype), boxes_of(gt_boxes, dtype), labels_of(gt_labels, kind), *rest,
        crowd_boxes=crowd,
    )  # fmt: skip
    rois, labels, deltas, gt_indices = case.expected
    assert torch.equal(got.rois, boxes_of(rois, dtype))
    assert got.labels.tolist() == labels and got.gt_indices.tolist() == gt_indices
    tolerance = max(torch.finfo(dtype).eps, 1e-5)
    torch.testing.assert_close(got.deltas, boxes_of(deltas, dtype), rtol=tolerance, atol=tolerance)
    assert got.labels.dtype == got.gt_indices.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        rois, labels, deltas, gt_indices = MISTAKES[mistake](*case.args)
        decisions = [rois, labels, gt_indices]
        if decisions != [case.expected[i] for i in (0, 1, 3)]:
            return True
        return not torch.allclose(boxes_of(deltas), boxes_of(case.expected[2]), atol=1e-5)

    assert any(differs(case) for case in CASES), "no case bites"


@given(
    st.integers(0, 30),
    st.integers(0, 4),
    st.integers(0, 2),
    st.integers(0, 2**31),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([(0.5, 0.0), (0.5, 0.125), (0.25, 0.25)]),
    st.booleans(),
)
def test_forms_agree(n, m, k, seed, size, fraction, thresholds, append_gt):
    proposals, gt_boxes, crowd = (random_boxes(c, seed + i) for i, c in enumerate((n, m, k)))
    gt_labels = torch.arange(1, m + 1)
    loop, vectorized = (
        form(
            proposals, gt_boxes, gt_labels, size, fraction, *thresholds, append_gt,
            crowd_boxes=crowd, generator=seeded(seed),
        )
        for form in IMPLEMENTATIONS.values()
    )  # fmt: skip
    same(vectorized, loop)


def test_what_the_targets_promise():
    gt_boxes, gt_labels = random_boxes(6, 1, 100, smallest=12), labels_of([1, 2, 3, 1, 2, 3])
    proposals = torch.cat([around(gt_boxes, 20, 2), random_boxes(200, 3, 100)])
    got = roi_targets(proposals, gt_boxes, gt_labels, 64, background_from=0.1, generator=seeded())
    rois, labels, deltas, gt_indices = got
    num_positive = int((labels > 0).sum())
    assert num_positive == 16 and len(rois) == 64 and (labels[num_positive:] == 0).all()
    iou = box_iou(rois, gt_boxes)
    assert (iou[:16].amax(1) >= 0.5).all()
    assert ((iou[16:].amax(1) < 0.5) & (iou[16:].amax(1) >= 0.1)).all()
    assert torch.equal(iou[:16].argmax(1), gt_indices[:16]) and (gt_indices[16:] == -1).all()
    assert torch.equal(labels[:16], gt_labels[gt_indices[:16]]) and not deltas[16:].any()
    # Moved by its deltas, a positive RoI is its object: that is what the head is to learn.
    moved = decode_deltas(deltas[:16], rois[:16], WEIGHTS)
    torch.testing.assert_close(moved, gt_boxes[gt_indices[:16]], rtol=0, atol=1e-4)


def test_the_generator_fixes_the_draw(form):
    gt_boxes = random_boxes(3, 4, 60, smallest=12)
    proposals = torch.cat([around(gt_boxes, 5, 5), random_boxes(40, 6, 60)])
    first, again, other = (
        form(proposals, gt_boxes, labels_of([1, 2, 3]), 16, generator=seeded(seed))
        for seed in (1, 1, 2)
    )
    same(again, first, 0)
    assert not torch.equal(other.rois, first.rois)


def test_an_image_without_objects(form):
    proposals, none = random_boxes(30, 7), labels_of([])
    got = form(proposals, boxes_of([]), none, 8, generator=seeded())
    assert len(got.rois) == 8 and not got.labels.any() and not got.deltas.any()
    assert (got.gt_indices == -1).all()
    # The best of no IoUs is 0, so none of it is hard background.
    assert len(form(proposals, boxes_of([]), none, 8, background_from=0.1).rois) == 0


def test_a_thousand_objects_of_one_pixel():
    corner = torch.cartesian_prod(torch.arange(25.0), torch.arange(40.0)) * 4
    gt_boxes = torch.cat([corner, corner + 1], 1)
    got = roi_targets(boxes_of([]), gt_boxes, torch.arange(1000) + 1, 1000, 1.0)
    assert got.labels.tolist() == list(range(1, 1001)) and not got.deltas.any()


@pytest.mark.parametrize("with_objects", [True, False])
def test_torchvision_agrees(with_objects):
    """On everything but the draw: the sample is as large as it can be."""
    torchvision_ops()
    from torchvision.models.detection.roi_heads import RoIHeads

    heads = RoIHeads(None, None, None, 0.5, 0.5, 10_000, 1.0, WEIGHTS, 0.05, 0.5, 100)
    gt_boxes = random_boxes(5 if with_objects else 0, 8, 100, smallest=12) + 0.25
    gt_labels = torch.arange(len(gt_boxes)) + 1
    near = around(gt_boxes, 10, 9, 0.1) if with_objects else boxes_of([])
    proposals = torch.cat([random_boxes(50, 10, 100), near])
    target = {"boxes": gt_boxes, "labels": gt_labels}
    (rois,), (matched,), (labels,), (deltas,) = heads.select_training_samples([proposals], [target])
    order = torch.cat([(labels > 0).nonzero(), (labels == 0).nonzero()])[:, 0]
    got = roi_targets(proposals, gt_boxes, gt_labels, 10_000, 1.0)
    assert torch.equal(got.rois, rois[order]) and torch.equal(got.labels, labels[order])
    positive = got.labels > 0
    assert positive.any() == with_objects and not positive.all()
    assert torch.equal(got.gt_indices[positive], matched[order][positive])
    torch.testing.assert_close(got.deltas[positive], deltas[order][positive], rtol=1e-5, atol=1e-5)


def test_any_strides_and_boxes_that_require_grad(form):
    proposals, gt_boxes, gt_labels = random_boxes(20, 11), random_boxes(4, 12), torch.arange(1, 5)
    expected = form(proposals, gt_boxes, gt_labels, generator=seeded())
    wide = torch.stack([proposals, proposals], 2)[..., 0].requires_grad_()
    got = form(wide, gt_boxes.clone().requires_grad_(), gt_labels, generator=seeded())
    same(got, expected, 0)
    assert not got.rois.requires_grad and not got.deltas.requires_grad


def test_a_proposal_may_be_without_area(form):
    point = boxes_of([[3, 3, 3, 9]])
    got = form(point, boxes_of([[0, 0, 10, 10]]), labels_of([1]))
    assert got.rois.tolist() == [[0, 0, 10, 10], [3, 3, 3, 9]] and got.labels.tolist() == [1, 0]
    assert got.deltas.isfinite().all()


ONE = torch.tensor([[0.0, 0, 1, 1]])
POINT = torch.tensor([[1.0, 1, 1, 5]])
CLASS = torch.tensor([1])


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        (([[0]], ONE, CLASS), {}, TypeError, "roi_targets: proposals must be a Tensor, got list"),
        ((ONE, ONE[0], CLASS), {}, ValueError, r"gt_boxes must have shape \(N, 4\), got \(4,\)"),
        ((ONE, ONE, [1]), {}, TypeError, "gt_labels must be a Tensor, got list"),
        ((ONE, ONE, CLASS[:0]), {}, ValueError, r"gt_labels must have shape \(G,\) .* got \(0,\)"),
        ((ONE, ONE, CLASS.float()), {}, ValueError, "gt_labels must have dtype .* got float32"),
        ((ONE, ONE, CLASS - 1), {}, ValueError, r"gt_labels\[0\] must be at least 1, got 0: 0 is"),
        ((ONE, ONE.double(), CLASS), {}, ValueError, "gt_boxes must have the dtype of proposals"),
        ((ONE, ONE.to("meta"), CLASS), {}, ValueError, "gt_boxes must be on the device of propos"),
        ((ONE, ONE, CLASS.to("meta")), {}, ValueError, "gt_labels must be on the device of gt_box"),
        ((ONE, ONE, CLASS, 2.5), {}, TypeError, "size must be an int, got 2.5"),
        ((ONE, ONE, CLASS, -1), {}, ValueError, "size must be at least 0, got -1"),
        ((ONE, ONE, CLASS, 8, 2), {}, ValueError, "positive_fraction must lie in"),
        ((ONE, ONE, CLASS, 8, 0.5, 0), {}, ValueError, "threshold must be positive and finite"),
        ((ONE, ONE, CLASS, 8, 0.5, math.nan), {}, ValueError, r"threshold must lie in \[0, 1\]"),
        (
            (ONE, ONE, CLASS, 8, 0.5, 0.5, 0.6), {}, ValueError,
            "background_from must be at most threshold, 0.5, got 0.6",
        ),
        ((ONE, ONE, CLASS), {"append_gt": 1}, TypeError, "append_gt must be a bool, got 1"),
        ((ONE, ONE, CLASS), {"weights": 10}, TypeError, "weights must be four numbers, got 10"),
        (
            (ONE, ONE, CLASS), {"weights": (1, 1, 0, 1)}, ValueError,
            "weights must be positive and finite, got 0",
        ),
        ((ONE, ONE, CLASS), {"crowd_boxes": [1]}, TypeError, "crowd_boxes must be a Tensor"),
        ((ONE, ONE, CLASS), {"generator": 3}, TypeError, "generator must be a torch.Generator"),
        ((ONE, -ONE, CLASS), {}, ValueError, r"gt_boxes\[0\] must have x1 <= x2 and y1 <= y2"),
        ((ONE, POINT, CLASS), {}, ValueError, r"roi_targets: gt_boxes\[0\] must have x1 < x2 and"),
        ((ONE * math.nan, ONE, CLASS), {}, ValueError, r"roi_targets: proposals\[0\] must be fin"),
    ],
)  # fmt: skip
def test_errors(args, options, error, message):
    with pytest.raises(error, match=message):
        roi_targets(*args, **options)
