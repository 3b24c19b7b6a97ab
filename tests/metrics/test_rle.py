import numpy as np
import pytest
import torch

from conftest import require
from edudet import native
from edudet.cases.metrics.rle import (
    CASES,
    MISTAKES,
    MISTAKES_OF_DECODING,
    MISTAKES_OF_POLYGONS,
    POLYGONS,
)
from edudet.metrics import (
    polygons_to_rle,
    rle_area,
    rle_decode,
    rle_encode,
    rle_iou,
    rle_merge,
)
from edudet.metrics.rle import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    if request.param == "native":
        require(native.missing("cpu"), "native")
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    mask, (counts, text) = torch.tensor(case.args[0], dtype=torch.bool), case.expected
    assert form.encode(mask) == counts and form.format(counts) == text.encode()
    assert form.parse(text.encode(), mask.numel()) == counts
    assert torch.equal(form.decode(counts, *mask.shape), mask)
    rle = rle_encode(mask)
    assert rle == {"size": [*mask.shape], "counts": text}
    assert torch.equal(rle_decode(rle), mask) and rle_area(rle) == mask.sum()
    assert torch.equal(rle_decode({"size": rle["size"], "counts": counts}), mask)


@pytest.mark.parametrize("case", POLYGONS, ids=lambda case: case.name)
def test_worked_examples_of_polygons(form, case):
    polygons, height, width = case.args
    counts = [height * width]
    for polygon in polygons:
        counts = form.merge(counts, form.polygon(polygon, height, width), False)
    assert form.decode(counts, height, width).int().tolist() == case.expected
    assert rle_decode(polygons_to_rle(*case.args)).int().tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != case.expected for case in CASES)


@pytest.mark.parametrize("mistake", MISTAKES_OF_DECODING.values(), ids=MISTAKES_OF_DECODING.keys())
def test_cases_catch_mistakes_of_decoding(mistake):
    masks = [(case.args[0], case.expected[0]) for case in CASES]
    assert any(mistake(counts, len(mask), len(mask[0])) != mask for mask, counts in masks)


@pytest.mark.parametrize("mistake", MISTAKES_OF_POLYGONS.values(), ids=MISTAKES_OF_POLYGONS.keys())
def test_cases_catch_mistakes_of_polygons(mistake):
    assert any(mistake(*case.args) != case.expected for case in POLYGONS)


def random_polygons(rng, height, width):
    polygons = []
    for _ in range(rng.integers(1, 4)):
        corners = rng.random((rng.integers(3, 9), 2)) * [width, height] * rng.choice([1, 1.5, 3])
        corners = (corners - rng.choice([0, 0, 5, 20])) * rng.choice([1, 1, 0.5])
        grain = rng.choice([1, 2, 5, 1000])
        corners = np.round(corners * grain) / grain
        corners[-1] = corners[0] if rng.random() < 0.2 else corners[-1]
        polygons.append(corners.reshape(-1).tolist())
    return polygons


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_agrees():
    peer = pytest.importorskip("pycocotools.mask")
    for seed in range(150):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 40, 2).tolist()
        mask = torch.from_numpy(rng.random((height, width)) < rng.random())
        ours, theirs = rle_encode(mask), peer.encode(np.asfortranarray(mask.byte().numpy()))
        assert ours["counts"].encode() == theirs["counts"]
        polygons = random_polygons(rng, height, width)
        shape = polygons_to_rle(polygons, height, width)
        their_shape = peer.merge(peer.frPyObjects(polygons, height, width))
        for one, other in (
            (shape, their_shape),
            (rle_merge([ours, shape]), peer.merge([theirs, their_shape])),
            (rle_merge([ours, shape], True), peer.merge([theirs, their_shape], True)),
        ):
            assert np.array_equal(rle_decode(one), peer.decode(other))
            assert rle_area(one) == peer.area(other)
        crowd = [bool(c) for c in rng.integers(0, 2, 2)]
        iou = rle_iou([ours, shape], [shape, ours], crowd)
        assert np.array_equal(iou, peer.iou([theirs, their_shape], [their_shape, theirs], crowd))


def test_forms_agree():
    require(native.missing("cpu"), "native")
    loop, compiled = IMPLEMENTATIONS.values()
    for seed in range(100):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(0, 20, 2).tolist()
        mask = torch.from_numpy(rng.random((height, width)) < rng.random())
        counts = loop.encode(mask)
        assert compiled.encode(mask) == counts
        assert compiled.format(counts) == loop.format(counts)
        for polygon in random_polygons(rng, height, width):
            a, b = (form.polygon(polygon, height, width) for form in (loop, compiled))
            assert torch.equal(loop.decode(a, height, width), loop.decode(b, height, width))
            for intersect in (False, True):
                assert compiled.merge(counts, b, intersect) == loop.merge(counts, b, intersect)
        text = bytes(rng.integers(40, 120, rng.integers(0, 6)).astype(np.uint8))
        for pixels in (0, 5, 40):
            assert loop.parse(text, pixels) == compiled.parse(text, pixels)


def test_long_runs_and_empty_images(form):
    for counts in ([2**31 - 1], [1, 2**30, 2**30 - 2], [0, 2**31 - 1]):
        assert form.parse(form.format(counts), 2**31 - 1) == counts
    assert form.parse(b"", 0) == [] and form.parse(b"0", 0) == [0]
    assert form.decode([0], 0, 7).shape == (0, 7)


def test_no_masks():
    square = polygons_to_rle([[0, 0, 2, 0, 2, 2, 0, 2]], 4, 4)
    assert rle_iou([], [square]).shape == (0, 1) and rle_iou([square], []).shape == (1, 0)
    empty = rle_encode(torch.zeros(4, 4, dtype=torch.bool))
    assert rle_iou([empty, square], [empty, square]).tolist() == [[0, 0], [0, 1]]


SQUARE = [0, 0, 2, 0, 2, 2, 0, 2]


@pytest.mark.parametrize(
    "counts",
    [
        [3, -1, 2],
        [5],
        [2**40],
        [1, 2**31, -(2**31), 3],
        [1.5, 2.5],
        ["4"],
        "5",
        "~",
        "P",
        "PPPPP",
        "oooooooooooooooooooooooooooooooo0",
        "é",
        "1 3",
        b"\xff\x00",
        "O",
        "N4",
    ],
)
def test_hostile_counts(counts):
    with pytest.raises(ValueError, match=r"^rle_decode: rle must have counts that are not neg"):
        rle_decode({"size": [2, 2], "counts": counts})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rle_encode([[True]]), TypeError, "rle_encode: mask must be a Tensor, got list"),
        (lambda: rle_encode(torch.ones(2, 2)), ValueError, "rle_encode: mask must have dtype bool"),
        (lambda: rle_encode(torch.ones(2).bool()), ValueError, r"rle_encode: mask .* \(H, W\)"),
        (lambda: rle_decode("231"), ValueError, "rle_decode: rle must have size and counts"),
        (lambda: rle_decode({"size": [2], "counts": "4"}), ValueError, r".* \[height, width\]"),
        (lambda: rle_decode({"size": [2**20, 2**20], "counts": "4"}), ValueError, r".* 2\^31"),
        (lambda: rle_decode({"size": [2, 2], "counts": 4}), ValueError, ".* text or a list"),
        (lambda: rle_merge([]), ValueError, "rle_merge: rles must be a list of one mask or more"),
        (lambda: rle_merge([polygons_to_rle([SQUARE], 4, 4), polygons_to_rle([SQUARE], 4, 5)]),
         ValueError, r"rle_merge: rles\[1\] must have the size of the first, \[4, 4\], got \[4, 5"),
        (lambda: rle_iou([polygons_to_rle([SQUARE], 4, 4)], [polygons_to_rle([SQUARE], 4, 5)]),
         ValueError, r"rle_iou: rles2\[0\] must have the size of rles1\[0\], \[4, 4\], got \[4, 5"),
        (lambda: rle_iou([], [polygons_to_rle([SQUARE], 4, 4)], []), ValueError,
         "rle_iou: crowd must have one entry for each of rles2, 1, got 0"),
        (lambda: polygons_to_rle([], 4, 4), ValueError, "polygons_to_rle: polygons must be a list"),
        (lambda: polygons_to_rle(SQUARE, 4, 4), ValueError, ".* must be a list of lists, x and"),
        (lambda: polygons_to_rle(["012345"], 4, 4), ValueError, ".* must be a list of lists"),
        (lambda: polygons_to_rle([SQUARE[:7]], 4, 4), ValueError, ".* x and y of each corner of"),
        (lambda: polygons_to_rle([SQUARE, [*"012345"]], 4, 4), ValueError, ".* numbers in each"),
        (lambda: polygons_to_rle([SQUARE, [True] * 6], 4, 4), ValueError, ".* numbers in each"),
        (lambda: polygons_to_rle([SQUARE, ["0"]], 4, 4), ValueError, ".* numbers in each"),
        (lambda: polygons_to_rle([[0, 0, 10**400, 0, 1, 1]], 4, 4), ValueError, ".* at most 1e"),
        (lambda: polygons_to_rle([[0, 0, 1e7, 0, 1, 1]], 4, 4), ValueError, ".* at most 1e"),
        (lambda: polygons_to_rle([[0, 0, float("nan"), 0, 1, 1]], 4, 4), ValueError, ".* finite"),
        (lambda: polygons_to_rle([[0, 0, "a", 0, 1, 1]], 4, 4), ValueError, ".* numbers in each"),
        (lambda: polygons_to_rle([SQUARE], 2**20, 2**20), ValueError, r".* 2\^31 pixels"),
        (lambda: polygons_to_rle([SQUARE], 2.0, 2), TypeError, ".* height must be an int, got 2.0"),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
