import sys

import numpy as np
import pytest
import torch

from conftest import require, require_native
from edudet import native
from edudet.cases.proposals.selective_search import CASES, MISTAKES
from edudet.metrics import average_recall, proposal_recall
from edudet.proposals import selective_search
from edudet.proposals.merge_regions import IMPLEMENTATIONS as IMPLEMENTATIONS_OF_MERGE
from edudet.proposals.selective_search import IMPLEMENTATIONS, MODES

BY_HAND = {
    "colour_spaces": ["gray"], "scales": [1], "similarities": [["size"]], "sigma": 0, "min_size": 0,
}  # fmt: skip


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    if request.param == "native":
        require_native("merge_regions", "cpu")
    return IMPLEMENTATIONS[request.param]


def scene(seed, height=120, width=160):
    """Ellipses and rectangles with stripes on them, before a striped ground; and their boxes."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] + 0.5

    def texture():
        angle, period = generator.uniform(0, np.pi), generator.uniform(4, 12)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        return generator.uniform(40, 215, 3) + 15 * wave[..., None]

    image, boxes = texture(), []
    for corner in ((4, 6), (90, 4), (12, 66), (84, 70)):
        w, h = generator.integers(16, 60, 2)
        left, top = corner[0] + generator.integers(0, 8), corner[1] + generator.integers(0, 8)
        h = min(h, height - top)
        u, v = (x - left) / w, (y - top) / h
        inside = (u > 0) & (u < 1) & (v > 0) & (v < 1)
        if generator.random() < 0.5:
            inside = (u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.25
        image = np.where(inside[..., None], texture(), image)
        boxes.append([left, top, left + w, top + h])
    image = (image + generator.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
    return image, torch.tensor(np.array(boxes)).float()


def assert_same(ours, theirs):
    assert torch.equal(ours.boxes, theirs.boxes) and torch.equal(ours.sources, theirs.sources)
    assert ours.strategies == theirs.strategies
    for a, b in zip(ours.trees, theirs.trees, strict=True):
        assert torch.equal(a.labels, b.labels) and torch.equal(a.merges, b.merges)
        assert torch.equal(a.similarity, b.similarity)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    image = np.repeat(np.array(case.args[0], dtype=np.uint8)[..., None], 3, 2)
    found = form(image, "single", **BY_HAND)
    assert found.boxes.dtype == torch.float32 and found.boxes.shape == (len(case.expected), 4)
    assert sorted(map(tuple, found.boxes.tolist())) == sorted(case.expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(sorted(MISTAKES[mistake](*case.args)) != sorted(case.expected) for case in CASES), (
        "no case bites"
    )


@pytest.mark.parametrize("mode", MODES)
def test_forms_agree(mode):
    require_native("merge_regions", "cpu")
    image, _ = scene(0, 40, 50)
    options = {"min_size": 8, "seed": 3} if mode != "quality" else {"scales": [60], "min_size": 20}
    assert_same(
        IMPLEMENTATIONS["native"](image, mode, **options),
        IMPLEMENTATIONS["loop"](image, mode, **options),
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (9, 5)])
def test_forms_agree_on_small_images(form, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = form(image, sigma=0.3, min_size=0, scales=(20, 90))
    assert_same(found, IMPLEMENTATIONS["loop"](image, sigma=0.3, min_size=0, scales=(20, 90)))
    assert [0, 0, size[1], size[0]] in found.boxes.tolist()


def test_every_object_of_a_scene_is_found():
    require_native("merge_regions", "cpu")
    scenes = [scene(seed) for seed in range(8)]
    proposals = [selective_search(image).boxes for image, _ in scenes]
    gt_boxes = [boxes for _, boxes in scenes]
    assert proposal_recall(gt_boxes, proposals, [500]).item() >= 0.95
    assert average_recall(gt_boxes, proposals, [2000]).item() >= 0.8


def test_opencv_finds_no_more():
    require_native("merge_regions", "cpu")
    cv2 = pytest.importorskip("cv2", reason="OpenCV is a peer")
    if not hasattr(cv2, "ximgproc"):
        pytest.skip("this OpenCV is without its contributed modules")
    ours, theirs, gt_boxes = [], [], []
    for seed in range(4):
        image, boxes = scene(seed)
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(image[..., ::-1].copy())
        search.switchToSelectiveSearchFast()
        boxes_xywh = torch.from_numpy(search.process()).float()
        theirs.append(torch.cat([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], 1))
        ours.append(selective_search(image).boxes)
        gt_boxes.append(boxes)
    for count in (500, 2000):
        recall = [proposal_recall(gt_boxes, p, [count]).item() for p in (ours, theirs)]
        assert recall[0] >= recall[1]


def test_boxes_come_from_where_they_say(form):
    image, _ = scene(2, 50, 60)
    found = form(image, scales=(30,), min_size=10)
    assert len(found.trees) == len(found.strategies) == 4
    assert [s.colour_space for s in found.strategies] == ["hsv", "hsv", "lab", "lab"]
    for box, (tree, region) in zip(found.boxes, found.sources.tolist(), strict=True):
        assert torch.equal(found.trees[tree].boxes[region], box)
    pooled = torch.cat([tree.boxes for tree in found.trees]).unique(dim=0)
    assert torch.equal(found.boxes.unique(dim=0), pooled) and len(found.boxes) == len(pooled)


def test_order_depends_on_the_seed_alone():
    image, _ = scene(3)
    first, again, other = (selective_search(image, "single", seed=s).boxes for s in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first.unique(dim=0), other.unique(dim=0))


def test_large_regions_tend_to_come_first():
    image, _ = scene(4)
    boxes = selective_search(image).boxes
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    half = len(areas) // 2
    assert areas[:half].mean() > areas[half:].mean()


def test_small_boxes_can_be_left_out():
    image, _ = scene(5)
    every = selective_search(image, "single").boxes
    large = selective_search(image, "single", min_box_size=20)
    sides = (every[:, 2:] - every[:, :2]).amin(1)
    assert (sides < 20).any() and torch.equal(large.boxes, every[sides >= 20])
    assert len(large.sources) == len(large.boxes)


def test_modes_are_the_papers():
    sizes = {name: [len(v) for v in mode.values()] for name, mode in MODES.items()}
    assert {name: np.prod(size) for name, size in sizes.items()} == {
        "single": 1, "fast": 8, "quality": 80,
    }  # fmt: skip


def test_progress_is_shown_on_the_error_stream(capsys):
    image, _ = scene(6, 20, 20)
    quiet = selective_search(image)
    assert capsys.readouterr() == ("", "")
    shown = selective_search(image, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err == "selective search 4/4, 0 s left\n"
    assert_same(shown, quiet)


def test_it_can_be_interrupted(monkeypatch):
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return IMPLEMENTATIONS_OF_MERGE["loop"](*arguments)

    module = sys.modules["edudet.proposals.selective_search"]  # the package has a function so named
    for name in ("merge_regions_loop", "merge_regions_native"):
        monkeypatch.setattr(module, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        selective_search(scene(6, 20, 20)[0])
    assert len(calls) == 2


@pytest.mark.parametrize("size", [20, 1e9])
def test_no_box_need_be_left(size):
    found = selective_search(np.zeros((10, 12, 3), np.uint8), min_box_size=size)
    assert found.boxes.shape == (0, 4) and found.sources.shape == (0, 2) and len(found.trees) == 8


def test_an_image_too_long_for_short_names():
    image = np.zeros((1, 2**15 + 3, 3), np.uint8)
    image[:, 2**15 :] = 255
    boxes = selective_search(image, sigma=0, min_size=0).boxes
    assert len(boxes) == 3 and [2**15, 0, 2**15 + 3, 1] in boxes.tolist()


def test_layouts():
    image, _ = scene(7, 30, 40)
    expected = selective_search(image)
    assert_same(selective_search(torch.from_numpy(image)), expected)
    assert_same(selective_search(image[::-1, ::-1].copy()[::-1, ::-1]), expected)
    turned = torch.from_numpy(image).permute(2, 0, 1).contiguous().permute(1, 2, 0)
    assert_same(selective_search(turned), expected)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_empty(form, shape):
    found = form(np.zeros(shape, np.uint8))
    assert found.boxes.shape == (0, 4) and found.boxes.dtype == torch.float32
    assert found.sources.shape == (0, 2) and found.trees == ()


def test_without_the_kernels(monkeypatch):
    image, _ = scene(8, 25, 30)
    expected = selective_search(image, "single", min_size=5)
    monkeypatch.setattr(native, "obstacle", lambda *_: "not built")
    assert_same(selective_search(image, "single", min_size=5), expected)


def test_on_another_device():
    require(None if torch.cuda.is_available() else "no CUDA device", "cuda")
    image, _ = scene(9, 25, 30)
    found = selective_search(torch.from_numpy(image).cuda())
    assert_same(found, selective_search(image))


GOOD = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        ([0], {}, TypeError, "selective_search: image must be an array or a Tensor, got list"),
        (GOOD[..., 0], {}, ValueError, r"image must have shape \(H, W, 3\), got \(4, 5\)"),
        (GOOD.transpose(2, 0, 1), {}, ValueError, r"got \(3, 4, 5\): is this one \(C, H, W\)\?"),
        (GOOD / 255, {}, ValueError, "image must have dtype uint8, got float64"),
        (GOOD, {"mode": "slow"}, ValueError, "mode must be one of single, fast, quality, got 's"),
        (GOOD, {"mode": ["fast"]}, ValueError, "mode must be one of"),
        (GOOD, {"colour_spaces": ["cmyk"]}, ValueError, "colour space must be one of rgb, .*'cmyk"),
        (GOOD, {"colour_spaces": "rgb"}, TypeError, "colour_spaces must be a list .*, got 'rgb'"),
        (GOOD, {"scales": []}, TypeError, r"scales must be a list with something in it, got \[\]"),
        (GOOD, {"scales": [-1]}, ValueError, "scale must be finite and at least 0, got -1"),
        (GOOD, {"scales": ["1"]}, TypeError, "scale must be a number, got '1'"),
        (GOOD, {"similarities": ["size"]}, ValueError, "similarities must be sets of .*'size'"),
        (GOOD, {"similarities": [["hue"]]}, ValueError, "similarities must be sets of .*'hue'"),
        (GOOD, {"similarities": [3]}, ValueError, "similarities must be sets of .*, got 3"),
        (GOOD, {"sigma": -1}, ValueError, "sigma must be finite and at least 0, got -1"),
        (GOOD, {"sigma": 2000}, ValueError, "sigma must be at most 1000, got 2000"),
        (GOOD, {"min_size": 1.5}, TypeError, "min_size must be an int, got 1.5"),
        (GOOD, {"min_box_size": -2}, ValueError, "min_box_size must be finite and at least 0"),
        (GOOD, {"seed": None}, TypeError, "seed must be an int, got None"),
        (GOOD, {"seed": -(2**70)}, ValueError, r"seed must lie in \[0, 2\^63\), got -11805"),
        (GOOD, {"progress": 1}, TypeError, "progress must be a bool, got 1"),
        (
            torch.zeros(1, 1, 1).byte().expand(2**13, 2**13, 3), {}, ValueError,
            "selective_search: image must have at most 33554432 pixels, got 8192 x 8192",
        ),
    ],
)  # fmt: skip
def test_errors(image, options, error, message):
    with pytest.raises(error, match=message):
        selective_search(image, **options)
