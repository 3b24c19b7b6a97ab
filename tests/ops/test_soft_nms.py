import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import form_of
from edudet import native
from edudet.cases.ops.soft_nms import CASES, CASES_OF_CLASSES, MISTAKES, NESTED, rounded
from edudet.ops import nms, soft_nms
from edudet.ops.soft_nms import IMPLEMENTATIONS, METHODS, soft_nms_steps
from inputs import detections, random_detections

random_boxes = partial(random_detections, sides_below=24)


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "soft_nms", device)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    boxes, scores = detections(*case.args[:2], device)
    keep, kept_scores = form(boxes, scores, *case.args[2:])
    assert keep.tolist() == case.expected[0] and keep.dtype == torch.int64
    assert kept_scores.tolist() == pytest.approx(case.expected[1], abs=1e-7)
    if case.args[2] == "linear":
        assert kept_scores.tolist() == case.expected[1]


@pytest.mark.parametrize("case", CASES_OF_CLASSES, ids=lambda case: case.name)
def test_worked_examples_of_classes(form, device, case):
    boxes, scores = detections(*case.args[:2], device)
    idxs = torch.tensor(case.args[-1], device=device)
    keep, kept_scores = form(boxes, scores, *case.args[2:-1], idxs)
    assert (keep.tolist(), kept_scores.tolist()) == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    wrong = MISTAKES[mistake]
    assert any(rounded(wrong(*case.args)) != rounded(case.expected) for case in CASES)


def test_steps_tell_who_lowers_whom():
    boxes, scores = detections(NESTED, [1.0, 0.5, 0.25])
    steps = [
        (best, score.item(), {i: lowered.item() for i, lowered in others.items()})
        for best, score, others in soft_nms_steps(boxes, scores, iou_threshold=0.125)
    ]
    assert steps == [(0, 1, {1: 0.25, 2: 0.1875}), (1, 0.25, {2: 0.09375}), (2, 0.09375, {})]


def same(got, expected, rtol=0.0):
    assert got[0].tolist() == expected[0].tolist()
    torch.testing.assert_close(got[1].cpu(), expected[1].cpu(), rtol=rtol, atol=0)


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 130, 700])
@pytest.mark.parametrize("method", METHODS)
def test_forms_agree(form, device, n, method):
    if form is IMPLEMENTATIONS["loop"] and n > 65:
        n = 40
    boxes, scores = random_boxes(n, n)
    for threshold in (0.0, 0.5):
        args = (method, threshold, 0.3, 0.01)
        expected = IMPLEMENTATIONS["vectorized"](boxes, scores, *args)
        same(form(boxes.to(device), scores.to(device), *args), expected)


coordinates = st.sampled_from([0.0, 1, 2, 3, 4, 6, 8, 1e-3, 1e-30, 640, 1e6, 1e9, -5, -1e9])
box = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
item = st.tuples(box, st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e-40]), st.integers(-1, 1))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(item, max_size=9),
    st.sampled_from(METHODS),
    st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 1.0]),
    st.sampled_from([1e-300, 0.1, 0.5, 1e300]),
    st.sampled_from([0.0, 0.1, 0.5, 1e-300, 1e300]),
)
def test_every_form_decides_alike(items, method, iou_threshold, sigma, score_threshold):
    numbers = iou_threshold, sigma, score_threshold
    boxes, scores = detections([i[0] for i in items], [i[1] for i in items])
    idxs = torch.tensor([i[2] for i in items], dtype=torch.int64)
    expected = IMPLEMENTATIONS["loop"](boxes, scores, method, *numbers, idxs)
    same(IMPLEMENTATIONS["vectorized"](boxes, scores, method, *numbers, idxs), expected)
    if native.missing("cpu") is None:
        same(IMPLEMENTATIONS["native"](boxes, scores, method, *numbers, idxs), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", METHODS)
def test_dtypes(form, device, dtype, method):
    boxes, scores = random_boxes(40, 4, dtype=dtype)
    keep, kept_scores = form(boxes.to(device), scores.to(device), method)
    assert kept_scores.dtype == dtype
    wide = IMPLEMENTATIONS["loop"](boxes.double(), scores.double(), method)
    assert keep.tolist() == wide[0].tolist()
    tolerance = 1e-12 if dtype == torch.float64 else torch.finfo(dtype).eps
    torch.testing.assert_close(kept_scores.cpu().double(), wide[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("make", ["wide", "far", "points", "line"])
@pytest.mark.parametrize("method", METHODS)
def test_blocks_lose_no_pair(make, method):
    form = form_of(IMPLEMENTATIONS, "native", "soft_nms", "cpu")
    boxes, scores = random_boxes(500, 5, size=400)
    if make == "wide":
        boxes[::3, 2] += 300
    elif make == "far":
        boxes[::2] += 1e7
    elif make == "points":
        boxes[::2, 2:] = boxes[::2, :2]
    else:
        boxes[:, 1], boxes[:, 3] = 0, 1
    scores += torch.rand(500, generator=torch.Generator().manual_seed(6))
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, method)
    same(form(boxes, scores, method), expected)


@pytest.mark.parametrize("method", METHODS)
def test_classes_are_separate(form, device, method):
    boxes, scores = random_boxes(60, 7)
    idxs = torch.randint(-2, 3, (60,), generator=torch.Generator().manual_seed(8))
    got = form(boxes.to(device), scores.to(device), method, idxs=idxs.to(device))
    alone = []
    for label in idxs.unique():
        of_class = (idxs == label).nonzero().flatten()
        keep, kept_scores = soft_nms(boxes[of_class], scores[of_class], method)
        alone += zip(kept_scores.tolist(), of_class[keep].tolist(), strict=True)
    alone.sort(key=lambda pair: (-pair[0], pair[1]))
    assert list(zip(got[1].tolist(), got[0].tolist(), strict=True)) == alone


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_any_integer_may_be_a_class(device, dtype):
    boxes, scores = (t.to(device) for t in random_boxes(50, 7))
    idxs = torch.arange(50, device=device).remainder(3)
    same(soft_nms(boxes, scores, idxs=idxs.to(dtype)), soft_nms(boxes, scores, idxs=idxs))


@pytest.mark.parametrize("method", METHODS)
def test_opencv_agrees(method):
    cv2 = pytest.importorskip("cv2", reason="OpenCV, a peer, is not installed")
    generator = torch.Generator().manual_seed(9)
    boxes, _ = random_boxes(300, 9, size=200)
    boxes[:, 2:] += 1
    scores = torch.rand(300, generator=generator)
    xywh = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).int().tolist()
    number = {"linear": cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_LINEAR, "gaussian": 2}[method]
    expected, indices = cv2.dnn.softNMSBoxes(xywh, scores.tolist(), 0.05, 0.3, 0, 0.5, number)
    keep, kept_scores = soft_nms(boxes, scores, method, 0.3, 0.5, 0.05)
    assert keep.tolist() == np.asarray(indices).ravel().tolist()
    np.testing.assert_allclose(kept_scores.numpy(), np.asarray(expected).ravel(), rtol=1e-5)


def test_a_crowd(form, device):
    """Two people, one before the other, and a second box on the first: NMS loses a person."""
    boxes = [[0, 0, 40, 100], [2, 0, 42, 100], [12, 0, 52, 100]]  # IoU with the first .90, .54
    boxes, scores = detections(boxes, [0.9, 0.85, 0.8], device)
    assert nms(boxes, scores, 0.5).tolist() == [0]
    for method in METHODS:
        assert form(boxes, scores, method)[0].tolist() == [0, 2, 1]


def test_boxes_that_do_not_overlap_keep_their_scores(form, device):
    boxes, scores = (t.to(device) for t in random_boxes(120, 10))
    apart = nms(boxes, scores, 0.0)
    keep, kept_scores = form(boxes[apart], scores[apart], "gaussian", score_threshold=0.0)
    assert keep.tolist() == list(range(len(apart))) and torch.equal(kept_scores, scores[apart])


def test_scores_never_rise(form, device):
    boxes, scores = (t.to(device) for t in random_boxes(64, 11))
    for method in METHODS:
        keep, kept_scores = form(boxes, scores, method, score_threshold=0.0)
        assert sorted(keep.tolist()) == list(range(64))
        assert (kept_scores <= scores[keep]).all() and (kept_scores.diff() <= 0).all()


def test_order_and_place_do_not_matter(form, device):
    boxes, _ = random_boxes(50, 12)
    scores = torch.rand(50, generator=torch.Generator().manual_seed(13))
    expected = form(boxes.to(device), scores.to(device))
    shuffle = torch.randperm(50, generator=torch.Generator().manual_seed(12))
    got = form(boxes[shuffle].to(device) + 32, scores[shuffle].to(device))
    same((shuffle[got[0].cpu()], got[1]), expected)


def test_any_strides(form, device):
    boxes, scores = (t.to(device) for t in random_boxes(40, 13))
    wide = torch.stack([boxes, boxes], 2)[..., 0], torch.stack([scores, scores], 1)[:, 1]
    same(form(*wide), form(boxes, scores))


@pytest.mark.parametrize("name", ["loop", "vectorized"])
@pytest.mark.parametrize("method", METHODS)
def test_gradients(name, method):
    generator = torch.Generator().manual_seed(14)
    corner = 4 * torch.rand(6, 2, generator=generator, dtype=torch.float64)
    sides = 4 + 4 * torch.rand(6, 2, generator=generator, dtype=torch.float64)
    boxes = torch.cat([corner, corner + sides], 1).requires_grad_()
    scores = torch.rand(6, generator=generator, dtype=torch.float64).requires_grad_()
    form = IMPLEMENTATIONS[name]

    def new_scores(*args):
        return form(*args, method, 0.1)[1]

    assert torch.autograd.gradcheck(new_scores, (boxes, scores))
    expected = torch.autograd.grad(new_scores(boxes, scores).square().sum(), (boxes, scores))
    got = torch.autograd.grad(
        soft_nms(boxes, scores, method, 0.1)[1].square().sum(), (boxes, scores)
    )
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", ["loop", "vectorized"])
def test_gradients_at_ties(name):
    """As those of `box_iou`: on every release of torch."""

    def to_boxes(boxes, method, iou_threshold):
        boxes = torch.tensor(boxes, dtype=torch.float64, requires_grad=True)
        scores = torch.tensor([1.0, 0.5], dtype=torch.float64)
        new_scores = IMPLEMENTATIONS[name](boxes, scores, method, iou_threshold)[1]
        return torch.autograd.grad(new_scores.sum(), boxes)[0]

    for method in METHODS:
        for other in ([2, 0, 4, 2], [2, 2, 4, 4], [0, 0, 2, 2]):  # touching, and equal
            assert not to_boxes([[0, 0, 2, 2], other], method, 0.0).any()
    expected = torch.tensor([[1, 1, 4, 4], [3, 3, -8, -8]], dtype=torch.float64) / 128
    shared_sides = [[0, 0, 4, 4], [0, 0, 2, 2]]  # IoU 1/4
    torch.testing.assert_close(to_boxes(shared_sides, "linear", 0.1), expected)
    assert not to_boxes(shared_sides, "linear", 0.25).any()  # not above the threshold


@pytest.mark.parametrize("name", ["loop", "vectorized"])
def test_a_gradient_is_never_dropped(name):
    boxes, scores = torch.zeros(0, 4, requires_grad=True), torch.zeros(0, requires_grad=True)
    keep, kept_scores = IMPLEMENTATIONS[name](boxes, scores)
    assert keep.shape == kept_scores.shape == (0,)
    to_boxes, to_scores = torch.autograd.grad(kept_scores.sum(), (boxes, scores))
    assert to_boxes.shape == (0, 4) and to_scores.shape == (0,)
    apart = torch.tensor([[0.0, 0, 1, 1], [5, 5, 6, 6]], requires_grad=True)
    for scores in ([0.9, 0.8], [0.0, 0.0]):  # none is lowered; none is kept
        new_scores = IMPLEMENTATIONS[name](apart, torch.tensor(scores), "linear")[1]
        assert torch.autograd.grad(new_scores.sum(), apart)[0].tolist() == [[0] * 4] * 2


def test_the_kernel_refuses_a_gradient():
    form = form_of(IMPLEMENTATIONS, "native", "soft_nms", "cpu")
    boxes, scores = random_boxes(5)
    with pytest.raises(RuntimeError, match="soft_nms_native: the soft_nms kernel has no backward"):
        form(boxes, scores.requires_grad_())


def test_compiles(device):
    form_of(IMPLEMENTATIONS, "native", "soft_nms", device)
    boxes, scores = (t.to(device) for t in random_boxes(50, 15))
    compiled = torch.compile(soft_nms, fullgraph=True, backend="eager")
    same(compiled(boxes, scores, "gaussian"), soft_nms(boxes, scores, "gaussian"))


def test_opcheck():
    form_of(IMPLEMENTATIONS, "native", "soft_nms", "cpu")
    boxes, scores = random_boxes(20, 16)
    for idxs in (None, torch.arange(20).remainder(2)):
        args = (boxes, scores, idxs, True, 0.5, 0.5, 0.001)
        torch.library.opcheck(torch.ops.edudet.soft_nms.default, args)


def test_autocast(device):
    boxes, scores = (t.to(device) for t in random_boxes(30, 17))
    with torch.autocast(device, dtype=torch.bfloat16):
        got = soft_nms(boxes.bfloat16(), scores)
    same(got, soft_nms(boxes, scores))


ONE, SCORE = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([0.5])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0, 0, 1, 1]], SCORE), TypeError, "boxes must be a Tensor, got list"),
        ((ONE, [0.5]), TypeError, "scores must be a Tensor, got list"),
        ((ONE[0], SCORE), ValueError, r"boxes must have shape \(N, 4\), got \(4,\)"),
        ((ONE, torch.zeros(2)), ValueError, r"scores must have shape \(N,\) .* got \(2,\)"),
        ((ONE.int(), SCORE), ValueError, "boxes must have dtype float32, .* got int32"),
        ((ONE, SCORE.double()), ValueError, "scores must have the dtype of boxes"),
        ((ONE, SCORE, "hard"), ValueError, 'method must be "linear" or "gaussian", got \'hard\''),
        ((ONE, SCORE, None), ValueError, 'method must be "linear" or "gaussian", got None'),
        ((ONE, SCORE, "linear", 1.5), ValueError, r"iou_threshold must lie in \[0, 1\], got 1.5"),
        ((ONE, SCORE, "linear", "1"), TypeError, "iou_threshold must be a number, got '"),
        ((ONE, SCORE, "linear", 0.3, 0), ValueError, "sigma must be positive and finite, got 0"),
        ((ONE, SCORE, "linear", 0.3, math.nan), ValueError, "sigma must be positive and finite"),
        ((ONE, SCORE, "linear", 0.3, 0.5, -1), ValueError, "score_threshold must be finite and at"),
        ((ONE, SCORE, "linear", 0.3, 0.5, math.nan), ValueError, "score_threshold must be finite"),
        ((ONE, SCORE, "linear", 0.3, 0.5, "0"), TypeError, "score_threshold must be a number, got"),
        ((ONE, SCORE, "linear", 0.3, 0.5, 0, [0]), TypeError, "idxs must be a Tensor, got list"),
        ((ONE, SCORE, "linear", 0.3, 0.5, 0, SCORE), ValueError, "idxs must have dtype uint8"),
        ((ONE, SCORE, "linear", 0.3, 0.5, 0, ONE.long()), ValueError, "idxs must have shape"),
    ],
)
def test_errors_of_structure(args, error, message):
    with pytest.raises(error, match="^soft_nms: " + message):
        soft_nms(*args)


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        ([5, 5, 2, 2], 0.5, r"boxes\[2\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]: is"),
        ([0, math.nan, 1, 1], 0.5, r"boxes\[2\] must be finite, got \[0, nan, 1, 1\]"),
        ([-1e30, 0, 1e30, 1e30], 0.5, r"boxes\[2\] must have an area that its dtype can hold"),
        ([0, 0, 1, 1], math.nan, r"scores\[2\] must be finite, got nan"),
        ([0, 0, 1, 1], -math.inf, r"scores\[2\] must be finite, got -inf"),
    ],
)
def test_errors_of_values(form, device, box, score, message):
    boxes, scores = detections([[0, 0, 1, 1]] * 2 + [box] * 2, [0.5, 0.5, score, score], device)
    with pytest.raises(ValueError, match="^soft_nms: " + message):
        form(boxes, scores)
