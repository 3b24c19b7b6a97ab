import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import form_of, forms, require_native, torchvision_ops
from edudet import native
from edudet.cases.ops.nms import CASES, CASES_OF_CLASSES, MISTAKES
from edudet.ops import batched_nms, box_iou, nms
from edudet.ops.nms import IMPLEMENTATIONS, nms_steps
from inputs import detections, random_detections


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "nms", device)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    boxes, scores = detections(*case.args[:2], device)
    keep = form(boxes, scores, case.args[2])
    assert keep.tolist() == case.expected and keep.dtype == torch.int64


@pytest.mark.parametrize("case", CASES_OF_CLASSES, ids=lambda case: case.name)
def test_worked_examples_of_classes(form, device, case):
    boxes, scores = detections(*case.args[:2], device)
    idxs = torch.tensor(case.args[2], device=device)
    assert form(boxes, scores, case.args[3], idxs).tolist() == case.expected
    assert batched_nms(boxes, scores, idxs, case.args[3]).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def test_steps_tell_who_suppresses_whom():
    case = next(case for case in CASES if case.name == "by hand")
    boxes, scores = detections(*case.args[:2])
    assert list(nms_steps(boxes, scores, 0.5)) == [(0, [1]), (2, [4]), (3, [])]


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 1.0])
def test_forms_agree(form, device, n, threshold):
    boxes, scores = random_detections(n, n)
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, threshold)
    got = form(boxes.to(device), scores.to(device), threshold)
    assert got.cpu().tolist() == expected.tolist()


def test_the_loop_agrees_with_the_rule(device):
    """An outside reading of the definition: kept boxes do not overlap, dropped ones overlap a
    better kept one."""
    boxes, scores = random_detections(200, 3)
    keep = nms(boxes.to(device), scores.to(device), 0.25).tolist()
    rank = {i: (-scores[i].item(), i) for i in range(200)}
    iou = box_iou(boxes.double(), boxes.double()).numpy()
    assert keep == sorted(keep, key=rank.get)
    for i in range(200):
        better = [k for k in keep if rank[k] < rank[i]]
        assert (iou[i, better] > 0.25).any() == (i not in keep)


coordinates = st.sampled_from([0.0, 1, 2, 3, 4, 6, 8, 1e-3, 1e-30, 640, 1e6, 1e9, -5, -1e9])
box = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
item = st.tuples(box, st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e-40]), st.integers(-1, 1))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(item, max_size=9),
    st.sampled_from([0.0, 0.1, 0.2, 1 / 3, 0.5, 0.6, 0.75, 1.0]),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_every_form_decides_alike(items, threshold, dtype):
    boxes, scores = detections([i[0] for i in items], [i[1] for i in items], dtype=dtype)
    idxs = torch.tensor([i[2] for i in items], dtype=torch.int64)
    expected = IMPLEMENTATIONS["loop"](boxes, scores, threshold, idxs).tolist()
    assert IMPLEMENTATIONS["vectorized"](boxes, scores, threshold, idxs).tolist() == expected
    if native.missing("cpu") is None:
        assert IMPLEMENTATIONS["native"](boxes, scores, threshold, idxs).tolist() == expected


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_iou_equal_to_the_threshold_is_kept(form, device, threshold, dtype):
    boxes = torch.tensor([[0, 0, 10, 1], [0, 0, round(10 * threshold), 1]], dtype=dtype)
    scores = torch.tensor([2, 1], dtype=dtype)
    assert form(boxes.to(device), scores.to(device), threshold).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes(form, device, dtype):
    boxes, scores = random_detections(150, 4, dtype=dtype)
    expected = IMPLEMENTATIONS["loop"](boxes[:40], scores[:40], 0.3)
    assert form(boxes[:40].to(device), scores[:40].to(device), 0.3).tolist() == expected.tolist()
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, 0.5)
    assert form(boxes.to(device), scores.to(device), 0.5).tolist() == expected.tolist()


@pytest.mark.parametrize("num_classes", [1, 3, 400])
def test_classes_are_separate(form, device, num_classes):
    boxes, scores = random_detections(150, 5)
    boxes -= 1000
    idxs = torch.randint(0, num_classes, (150,), generator=torch.Generator().manual_seed(6))
    got = form(boxes.to(device), scores.to(device), 0.4, idxs.to(device)).tolist()
    alone = []
    for label in idxs.unique():
        of_class = (idxs == label).nonzero().flatten()
        alone += of_class[nms(boxes[of_class], scores[of_class], 0.4)].tolist()
    assert got == sorted(alone, key=lambda i: (-scores[i].item(), i))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_any_integer_may_be_a_class(device, dtype):
    boxes, scores = random_detections(50, 7)
    idxs = torch.arange(50).remainder(3)
    expected = batched_nms(boxes, scores, idxs, 0.4)
    got = batched_nms(boxes.to(device), scores.to(device), idxs.to(device, dtype), 0.4)
    assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("kernel", [1, 2])
@pytest.mark.parametrize("n", [1, 64, 300])
def test_kernels_of_the_ladder_agree(device, kernel, n):
    form = form_of(IMPLEMENTATIONS, "native" if device == "cuda" else "emulated", "nms", device)
    boxes, scores = random_detections(n, 8)
    idxs = torch.arange(n).remainder(2)
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, 0.3, idxs)
    args = (boxes.to(device), scores.to(device), 0.3, idxs.to(device))
    assert form(*args, kernel=kernel).tolist() == expected.tolist()


def test_chunks_know_what_earlier_chunks_kept(device):
    form = form_of(IMPLEMENTATIONS, "native" if device == "cuda" else "emulated", "nms", device)
    boxes, scores = random_detections(4200, 19, size=3000)
    boxes[4100:], scores[4100:] = boxes[:100] + 0.25, -1
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, 0.3)
    got = form(boxes.to(device), scores.to(device), 0.3, kernel=2)
    assert got.tolist() == expected.tolist() and len(got) < 4150


def test_a_chain_of_overlaps(form, device):
    """Each box overlaps its neighbours only: decided one after the other, whatever the kernel."""
    n = 400
    x = 2.0 * torch.arange(n)
    boxes = torch.stack([x, torch.zeros(n), x + 6, torch.ones(n)], 1)
    scores = -torch.arange(n, dtype=torch.float32)
    got = form(boxes.to(device), scores.to(device), 0.4)
    assert got.tolist() == list(range(0, n, 2))


def scattered(n, seed):
    rng = np.random.default_rng(seed)
    corner, side = rng.random((n, 2)) * 20 * n**0.5, rng.random((n, 2)) * 20 + 1
    return torch.tensor(np.concatenate([corner, corner + side], 1), dtype=torch.float32)


def crowd_in_the_corner(n, seed):
    boxes = scattered(n, seed)
    boxes[: n // 2] /= 50
    return boxes


def giant_over_dust(n, seed):
    boxes = scattered(n, seed)
    boxes[n // 3] = torch.tensor([-1e4, -1e4, 1e5, 1e5])
    return boxes


def far_apart(n, seed):
    boxes = scattered(n, seed)
    boxes[::2] += 1e7
    return boxes


def long_and_thin(n, seed):
    boxes = scattered(n, seed)
    boxes[::3, 2] += 3000
    boxes[1::3, 3] += 3000
    return boxes


def points(n, seed):
    boxes = scattered(n, seed)
    boxes[:, 2:] = boxes[:, :2]
    return boxes


@pytest.mark.parametrize(
    "make", [scattered, crowd_in_the_corner, giant_over_dust, far_apart, long_and_thin, points]
)
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_the_grid_loses_no_pair(make, threshold):
    boxes = make(3000, 9)
    boxes[1500:] = boxes[:1500] + 0.5 * torch.rand(
        1500, 4, generator=torch.Generator().manual_seed(1)
    )
    boxes[:, 2:] = boxes[:, 2:].maximum(boxes[:, :2])
    scores = torch.rand(3000, generator=torch.Generator().manual_seed(2))
    form = form_of(IMPLEMENTATIONS, "native", "nms", "cpu")
    expected = IMPLEMENTATIONS["vectorized"](boxes, scores, threshold)
    assert torch.equal(form(boxes, scores, threshold), expected)


def test_nms_twice_is_nms_once(form, device):
    boxes, scores = (t.to(device) for t in random_detections(120, 10))
    keep = form(boxes, scores, 0.3)
    again = form(boxes[keep], scores[keep], 0.3)
    assert again.tolist() == list(range(len(keep)))


def test_order_and_place_do_not_matter(form, device):
    boxes, _ = random_detections(100, 11)
    scores = torch.arange(100).flip(0).float()
    expected = form(boxes.to(device), scores.to(device), 0.3)
    shuffle = torch.randperm(100, generator=torch.Generator().manual_seed(12))
    got = form(boxes[shuffle].to(device) + 32, scores[shuffle].to(device), 0.3)
    assert shuffle[got.cpu()].tolist() == expected.tolist()


def test_any_strides(form, device):
    boxes, scores = (t.to(device) for t in random_detections(60, 13))
    wide = torch.stack([boxes, boxes], 2)[..., 0], torch.stack([scores, scores], 1)[:, 1]
    assert not wide[0].is_contiguous()
    assert form(*wide, 0.3).tolist() == form(boxes, scores, 0.3).tolist()


def test_a_million_boxes(device):
    form = form_of(IMPLEMENTATIONS, "native", "nms", device)
    n = 1_000_000
    corner = torch.stack([torch.arange(n) % 1000, torch.arange(n) // 1000], 1).float() * 10
    boxes = torch.cat([corner, corner + 8], 1).to(device)
    scores = torch.rand(n, generator=torch.Generator().manual_seed(0)).to(device)
    keep = form(boxes, scores, 0.5)
    assert torch.equal(keep, scores.argsort(descending=True, stable=True))


def test_torchvision_agrees():
    ops = torchvision_ops()
    for n in (10, 1000, 3000):
        boxes, scores = random_detections(n, n, size=300)
        idxs = torch.arange(n).remainder(7)
        for threshold in (0.5, 0.3 + 1 / 128):
            assert torch.equal(nms(boxes, scores, threshold), ops.nms(boxes, scores, threshold))
            got, expected = (
                f(boxes, scores, idxs, threshold) for f in (batched_nms, ops.batched_nms)
            )
            assert got.sort().values.equal(expected.sort().values)  # its order of ties varies


def test_empty_batched_nms_looks_at_nothing_else():
    assert batched_nms(torch.empty(0), None, None, None).tolist() == []
    assert nms(torch.empty(0, 4), torch.empty(0), 0.5).dtype == torch.int64


def test_boxes_that_require_grad(device):
    boxes, scores = (t.to(device).requires_grad_() for t in random_detections(20, 14))
    keep = nms(boxes, scores, 0.5)
    assert not keep.requires_grad
    boxes[keep].sum().backward()
    assert boxes.grad is not None


@pytest.mark.parametrize("function", ["nms", "batched_nms"])
def test_compiles(device, function):
    boxes, scores = (t.to(device) for t in random_detections(50, 15))
    idxs = torch.arange(50, device=device).remainder(3)
    args = (boxes, scores, 0.4) if function == "nms" else (boxes, scores, idxs, 0.4)
    public = {"nms": nms, "batched_nms": batched_nms}[function]
    compiled = torch.compile(public, fullgraph=True)
    assert torch.equal(compiled(*args), public(*args))


def test_compiled_error_keeps_its_words():
    compiled = torch.compile(nms, fullgraph=True)
    with pytest.raises(RuntimeError, match=r"nms: boxes\[0\] must have x1 <= x2"):
        compiled(torch.tensor([[5.0, 5, 2, 2]]), torch.ones(1), 0.5)


def test_opcheck(device):
    form_of(IMPLEMENTATIONS, "native", "nms", device)
    boxes, scores = (t.to(device) for t in random_detections(20, 16))
    for idxs in (None, torch.arange(20, device=device).remainder(2)):
        torch.library.opcheck(torch.ops.edudet.nms.default, (boxes, scores, idxs, 0.5, 0))


def test_fake_tensors_have_an_unknown_length():
    require_native("nms", "cpu")
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    with FakeTensorMode(shape_env=ShapeEnv()):
        keep = nms(torch.zeros(5, 4), torch.zeros(5), 0.5)
    assert keep.dtype == torch.int64 and isinstance(keep.shape[0], torch.SymInt)


def test_autocast(device):
    boxes, scores = (t.to(device) for t in random_detections(30, 17))
    with torch.autocast(device, dtype=torch.bfloat16):
        got = nms(boxes.bfloat16(), scores, 0.4)
        if native.obstacle("nms", boxes) is None:  # and by torch's own dispatcher
            assert torch.equal(torch.ops.edudet.nms(boxes.bfloat16(), scores, None, 0.4, 0), got)
    assert got.tolist() == nms(boxes, scores, 0.4).tolist()


def test_a_tensor_as_threshold(device):
    boxes, scores = (t.to(device) for t in random_detections(30, 18))
    assert torch.equal(nms(boxes, scores, torch.tensor(0.5)), nms(boxes, scores, 0.5))


ONE, SCORE = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([0.5])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0, 0, 1, 1]], SCORE, 0.5), TypeError, "nms: boxes must be a Tensor, got list"),
        ((ONE, [0.5], 0.5), TypeError, "nms: scores must be a Tensor, got list"),
        ((ONE[0], SCORE, 0.5), ValueError, r"nms: boxes must have shape \(N, 4\), got \(4,\)"),
        (
            (torch.zeros(0), torch.zeros(0), 0.5),
            ValueError,
            r"must have shape \(N, 4\), got \(0,\)",
        ),
        ((ONE, ONE, 0.5), ValueError, r"scores must have shape \(N,\) .* got \(1, 4\)"),
        ((ONE, torch.zeros(2), 0.5), ValueError, r"with the N of boxes, 1, got \(2,\)"),
        ((ONE.int(), SCORE, 0.5), ValueError, "boxes must have dtype float32, .* got int32"),
        ((ONE, SCORE.double(), 0.5), ValueError, "scores must have the dtype of boxes"),
        ((ONE, SCORE.to("meta"), 0.5), ValueError, "scores must be on the device of boxes, cpu"),
        ((ONE, SCORE, 1.5), ValueError, r"iou_threshold must lie in \[0, 1\], got 1.5"),
        ((ONE, SCORE, -0.1), ValueError, r"iou_threshold must lie in \[0, 1\], got -0.1"),
        ((ONE, SCORE, math.nan), ValueError, r"iou_threshold must lie in \[0, 1\], got nan"),
        ((ONE, SCORE, "0.5"), TypeError, "iou_threshold must be a number, got '"),
    ],
)
def test_errors_of_structure(args, error, message):
    with pytest.raises(error, match=message):
        nms(*args)


@pytest.mark.parametrize(
    ("idxs", "error", "message"),
    [
        ([0], TypeError, "batched_nms: idxs must be a Tensor, got list"),
        (torch.zeros(2).long(), ValueError, "batched_nms: idxs must have shape"),
        (torch.zeros(1), ValueError, "batched_nms: idxs must have dtype uint8, .* got float32"),
    ],
)
def test_errors_of_classes(idxs, error, message):
    with pytest.raises(error, match=message):
        batched_nms(ONE, SCORE, idxs, 0.5)


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        (
            [5, 5, 2, 2],
            0.5,
            r"boxes\[2\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]: is this",
        ),
        ([0, math.nan, 1, 1], 0.5, r"boxes\[2\] must be finite, got \[0, nan, 1, 1\]"),
        ([0, 0, 1, math.inf], 0.5, r"boxes\[2\] must be finite, got \[0, 0, 1, inf\]"),
        ([-1e30, 0, 1e30, 1e30], 0.5, r"boxes\[2\] must have an area that its dtype can hold"),
        ([0, 0, 1, 1], math.nan, r"scores\[2\] must be finite, got nan"),
        ([0, 0, 1, 1], -math.inf, r"scores\[2\] must be finite, got -inf"),
    ],
)
def test_errors_of_values(form, device, box, score, message):
    boxes, scores = detections([[0, 0, 1, 1]] * 2 + [box] * 2, [0.5, 0.5, score, score], device)
    with pytest.raises(ValueError, match="^nms: " + message):
        form(boxes, scores, 0.5)
    with pytest.raises(ValueError, match="^batched_nms: " + message):
        form(boxes, scores, 0.5, torch.zeros(4, dtype=torch.int64, device=device))
