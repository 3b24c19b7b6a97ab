import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import form_of
from edudet import native
from edudet.cases.ops.matrix_nms import (
    CASES,
    CASES_OF_CLASSES,
    CASES_OF_MASKS,
    MISTAKES,
    rounded,
)
from edudet.ops import box_iou, matrix_nms
from edudet.ops.matrix_nms import IMPLEMENTATIONS
from inputs import detections, random_detections

METHODS = ("linear", "gaussian")

random_boxes = partial(random_detections, sides_below=24)


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "matrix_nms", device)


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


@pytest.mark.parametrize("case", CASES_OF_MASKS, ids=lambda case: case.name)
@pytest.mark.parametrize("name", ["loop", "vectorized"])
def test_worked_examples_of_masks(name, device, case):
    masks = torch.tensor(case.args[0], device=device).bool()
    scores = torch.tensor(case.args[1], device=device)
    for function in (IMPLEMENTATIONS[name], matrix_nms):
        keep, kept_scores = function(masks, scores, *case.args[2:])
        assert (keep.tolist(), kept_scores.tolist()) == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    wrong = MISTAKES[mistake]
    assert any(rounded(wrong(*case.args)) != rounded(case.expected) for case in CASES)


def same(got, expected):
    assert got[0].tolist() == expected[0].tolist()
    assert torch.equal(got[1].cpu(), expected[1].cpu())


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 130, 700])
@pytest.mark.parametrize("method", METHODS)
def test_forms_agree(form, device, n, method):
    if form is IMPLEMENTATIONS["loop"] and n > 65:
        n = 40
    boxes, scores = random_boxes(n, n)
    for score_threshold in (0.0, 0.25):
        args = (method, 0.3, score_threshold)
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
    st.sampled_from([1e-300, 0.1, 0.5, 1e300]),
    st.sampled_from([0.0, 0.1, 0.5, 1e-300, 1e300]),
)
def test_every_form_decides_alike(items, method, sigma, score_threshold):
    boxes, scores = detections([i[0] for i in items], [i[1] for i in items])
    idxs = torch.tensor([i[2] for i in items], dtype=torch.int64)
    args = (method, sigma, score_threshold, idxs)
    expected = IMPLEMENTATIONS["loop"](boxes, scores, *args)
    same(IMPLEMENTATIONS["vectorized"](boxes, scores, *args), expected)
    if native.missing("cpu") is None:
        same(IMPLEMENTATIONS["native"](boxes, scores, *args), expected)


def published(iou, scores, method, sigma):
    """The code of the paper, whose sigma multiplies; every score, best first."""
    scores, order = scores.sort(descending=True)
    iou = iou[order][:, order].triu(diagonal=1)
    compensate = iou.max(0).values.expand(len(iou), len(iou)).T
    if method == "gaussian":
        decay = torch.exp(-sigma * iou**2) / torch.exp(-sigma * compensate**2)
    else:
        decay = (1 - iou) / (1 - compensate)
    return order, scores * decay.min(0).values


@pytest.mark.parametrize("method", METHODS)
def test_the_code_of_the_paper_agrees(method):
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(200, 2, generator=generator, dtype=torch.float64) * 50
    sides = torch.rand(200, 2, generator=generator, dtype=torch.float64) * 20 + 1
    boxes = torch.cat([corner, corner + sides], 1)
    scores = torch.rand(200, generator=generator, dtype=torch.float64)
    order, expected = published(box_iou(boxes, boxes), scores, method, 2.0)
    keep, kept_scores = matrix_nms(boxes, scores, method, 0.5, 0.0)
    new_scores = torch.empty(200, dtype=torch.float64)
    new_scores[order] = expected
    torch.testing.assert_close(kept_scores, new_scores[keep], rtol=1e-12, atol=0)
    assert len(keep) == 200


def test_masks_of_boxes():
    boxes, scores = random_boxes(40, 2, size=20)
    y, x = torch.meshgrid(torch.arange(44), torch.arange(44), indexing="ij")
    left, top, right, bottom = (side[:, None, None] for side in boxes.T)
    masks = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    idxs = torch.arange(40).remainder(2)
    for method in METHODS:
        expected = matrix_nms(boxes, scores, method, idxs=idxs)
        for name in ("loop", "vectorized"):
            got = IMPLEMENTATIONS[name](masks, scores, method, 0.5, 0.001, idxs)
            same(got, expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", METHODS)
def test_dtypes(form, device, dtype, method):
    boxes, scores = random_boxes(40, 4, dtype=dtype)
    keep, kept_scores = form(boxes.to(device), scores.to(device), method)
    assert kept_scores.dtype == dtype
    wide = IMPLEMENTATIONS["loop"](boxes.double(), scores.double(), method)
    every = torch.zeros(40, dtype=torch.float64).index_put((wide[0],), wide[1])
    tolerance = 1e-12 if dtype == torch.float64 else torch.finfo(dtype).eps
    torch.testing.assert_close(
        kept_scores.cpu().double(), every[keep.cpu()], rtol=tolerance, atol=tolerance
    )
    assert (kept_scores.diff() <= 0).all() and len(keep) == len(wide[0])


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
    assert torch.autograd.gradcheck(lambda *args: form(*args, method)[1], (boxes, scores))
    expected = torch.autograd.grad(form(boxes, scores, method)[1].square().sum(), (boxes, scores))
    got = torch.autograd.grad(matrix_nms(boxes, scores, method)[1].square().sum(), (boxes, scores))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", ["loop", "vectorized"])
@pytest.mark.parametrize("method", METHODS)
def test_gradients_at_ties(name, method):
    """The third box overlaps the second as much as that the first, so its factor is 1: none."""
    boxes = torch.tensor([[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2]]).double().requires_grad_()
    scores = torch.tensor([0.9, 0.8, 0.7], dtype=torch.float64, requires_grad=True)
    keep, new_scores = IMPLEMENTATIONS[name](boxes, scores, method)
    third = new_scores[keep == 2]
    to_boxes, to_scores = torch.autograd.grad(third.sum(), (boxes, scores))
    assert third == 0.7 and not to_boxes.any() and to_scores.tolist() == [0, 0, 1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_forms_agree_on_gradients_at_ties(method, seed):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 3, (7, 2, 2), generator=generator).sort(dim=1).values
    scores = torch.randint(1, 5, (7,), generator=generator).double() / 4
    both = []
    for name in ("loop", "vectorized"):
        leaves = corners.flatten(1).double().requires_grad_(), scores.clone().requires_grad_()
        new_scores = IMPLEMENTATIONS[name](*leaves, method)[1]
        weights = torch.arange(1, 1 + len(new_scores))
        both.append(torch.autograd.grad((new_scores * weights).sum(), leaves))
    torch.testing.assert_close(*both, rtol=1e-12, atol=1e-12)


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


def test_the_kernel_refuses_what_it_cannot_do():
    form = form_of(IMPLEMENTATIONS, "native", "matrix_nms", "cpu")
    boxes, scores = random_boxes(5)
    with pytest.raises(RuntimeError, match="matrix_nms_native: the matrix_nms kernel has no back"):
        form(boxes, scores.requires_grad_())
    with pytest.raises(ValueError, match="matrix_nms_native: boxes must be boxes, got masks"):
        form(torch.zeros(5, 2, 2).bool(), scores)


def test_compiles(device):
    form_of(IMPLEMENTATIONS, "native", "matrix_nms", device)
    boxes, scores = (t.to(device) for t in random_boxes(50, 15))
    compiled = torch.compile(matrix_nms, fullgraph=True, backend="eager")
    same(compiled(boxes, scores), matrix_nms(boxes, scores))


def test_opcheck():
    form_of(IMPLEMENTATIONS, "native", "matrix_nms", "cpu")
    boxes, scores = random_boxes(20, 16)
    for idxs in (None, torch.arange(20).remainder(2)):
        args = (boxes, scores, idxs, True, 0.5, 0.001)
        torch.library.opcheck(torch.ops.edudet.matrix_nms.default, args)


def test_autocast(device):
    boxes, scores = (t.to(device) for t in random_boxes(30, 17))
    with torch.autocast(device, dtype=torch.bfloat16):
        got = matrix_nms(boxes.bfloat16(), scores)
    same(got, matrix_nms(boxes, scores))


ONE, SCORE = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([0.5])
MASK = torch.zeros(1, 2, 2).bool()


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0, 0, 1, 1]], SCORE), TypeError, "boxes must be a Tensor, got list"),
        ((ONE, [0.5]), TypeError, "scores must be a Tensor, got list"),
        ((ONE[0], SCORE), ValueError, r"boxes must have shape \(N, 4\), got \(4,\)"),
        ((MASK[0], SCORE), ValueError, r"boxes, if masks, must have shape \(N, H, W\), got \(2"),
        ((ONE, torch.zeros(2)), ValueError, r"scores must have shape \(N,\) .* got \(2,\)"),
        ((MASK, torch.zeros(2)), ValueError, r"scores must have shape \(N,\) .* got \(2,\)"),
        ((MASK, SCORE.int()), ValueError, "scores must have dtype float32, .* got int32"),
        ((MASK, SCORE.to("meta")), ValueError, "scores must be on the device of boxes, cpu"),
        ((ONE.int(), SCORE), ValueError, "boxes must have dtype float32, .* got int32"),
        ((ONE, SCORE.double()), ValueError, "scores must have the dtype of boxes"),
        ((ONE, SCORE, "hard"), ValueError, 'method must be "linear" or "gaussian", got \'hard\''),
        ((ONE, SCORE, "linear", 0), ValueError, "sigma must be positive and finite, got 0"),
        ((ONE, SCORE, "linear", 0.5, -1), ValueError, "score_threshold must be finite and at"),
        ((ONE, SCORE, "linear", 0.5, 0, [0]), TypeError, "idxs must be a Tensor, got list"),
        ((MASK, SCORE, "linear", 0.5, 0, ONE.long()), ValueError, "idxs must have shape"),
    ],
)
def test_errors_of_structure(args, error, message):
    with pytest.raises(error, match="^matrix_nms: " + message):
        matrix_nms(*args)


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        ([5, 5, 2, 2], 0.5, r"boxes\[2\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]: is"),
        ([0, math.nan, 1, 1], 0.5, r"boxes\[2\] must be finite, got \[0, nan, 1, 1\]"),
        ([0, 0, 1, 1], math.nan, r"scores\[2\] must be finite, got nan"),
    ],
)
def test_errors_of_values(form, device, box, score, message):
    boxes, scores = detections([[0, 0, 1, 1]] * 2 + [box] * 2, [0.5, 0.5, score, score], device)
    with pytest.raises(ValueError, match="^matrix_nms: " + message):
        form(boxes, scores)
