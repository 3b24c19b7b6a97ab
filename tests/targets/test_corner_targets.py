import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.targets.corner_targets import CASES, MISTAKES
from edudet.targets import corner_targets, gaussian_heatmaps
from edudet.targets.corner_targets import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_CELLS_OF_POINTS
from inputs import objects, random_objects

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def heatmaps_of(indices, radii, labels, num_classes, size, dtype):
    cells = torch.stack([indices % size[1], indices // size[1]], 1).to(dtype)
    radii = torch.tensor(radii, dtype=dtype)
    return gaussian_heatmaps(cells, radii, labels, num_classes, size)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(form, case, dtype):
    boxes, labels = objects(*case.args[:2], dtype)
    targets = form(boxes, labels, *case.args[2:])
    *places, radii = case.expected
    assert [tensor.tolist() for tensor in targets[2:]] == places
    wide = torch.promote_types(dtype, torch.float32)
    num_classes, size = case.args[2:4]
    for heatmaps, indices in zip(targets[:2], targets[2:4], strict=True):
        assert indices.dtype == torch.int64 and heatmaps.dtype == wide
        expected = heatmaps_of(indices, radii, labels, num_classes, size, wide)
        assert_close(heatmaps, expected)
    assert all(offsets.shape == (len(boxes), 2) for offsets in targets[4:])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("name", IMPLEMENTATIONS_OF_CELLS_OF_POINTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cells_of_points(name, dtype):
    """A point on the far border belongs to the last cell; without points, nothing."""
    points = torch.tensor([[0, 0], [2.5, 1.25], [3, 2], [4, 3]], dtype=dtype)
    cells, indices, offsets = IMPLEMENTATIONS_OF_CELLS_OF_POINTS[name](points, (3, 4))
    assert cells.tolist() == [[0, 0], [2, 1], [3, 2], [3, 2]] and cells.dtype == dtype
    assert indices.tolist() == [0, 6, 11, 11] and indices.dtype == torch.int64
    assert offsets.tolist() == [[0, 0], [0.5, 0.25], [0, 0], [1, 1]] and offsets.dtype == dtype
    none = IMPLEMENTATIONS_OF_CELLS_OF_POINTS[name](points[:0], (3, 4))
    assert [tuple(part.shape) for part in none] == [(0, 2), (0,), (0, 2)]
    assert none[1].dtype == torch.int64


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 5), st.integers(0, 2**31), st.sampled_from([0.1, 0.3, 0.7, 1.0]))
def test_forms_agree_and_boxes_come_back(n, seed, min_overlap):
    boxes = random_objects(n, seed)
    labels = torch.arange(n) % 2
    loop, vectorized = (
        form(boxes, labels, 2, (8, 12), 4, min_overlap) for form in IMPLEMENTATIONS.values()
    )
    for a, b in zip(loop, vectorized, strict=True):
        assert_close(a, b)
    corners = []
    for corner in ("top_left", "bottom_right"):
        indices = getattr(loop, f"{corner}_indices")
        heatmaps = getattr(loop, f"{corner}_heatmaps").flatten(1)
        assert (heatmaps[labels, indices] == 1).all()
        cells = torch.stack([indices % 12, indices // 12], 1)
        corners.append(4 * (cells + getattr(loop, f"{corner}_offsets")))
    assert_close(torch.cat(corners, 1), boxes)


def test_a_smaller_overlap_makes_wider_gaussians():
    boxes, labels = objects([[4, 4, 44, 28]], [0])
    sums = [
        corner_targets(boxes, labels, 1, (8, 12), 4, t).top_left_heatmaps.sum() for t in (0.7, 0.3)
    ]
    assert sums[0] < sums[1]


def test_strides_and_a_gradient_that_nobody_needs(form):
    boxes, labels = random_objects(3, 1), torch.tensor([0, 1, 0])
    wide = torch.stack([boxes, boxes], 2)[..., 0].requires_grad_()
    for a, b in zip(form(wide, labels, 2, (8, 12)), form(boxes, labels, 2, (8, 12)), strict=True):
        assert torch.equal(a, b) and not a.requires_grad


BOX, LABEL = torch.tensor([[0.0, 0, 8, 8]]), torch.zeros(1, dtype=torch.int64)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([0], LABEL, 1, 4), TypeError, "corner_targets: boxes must be a Tensor, got list"),
        ((BOX.int(), LABEL, 1, 4), ValueError, "boxes must have dtype"),
        ((BOX[0], LABEL, 1, 4), ValueError, r"boxes must have shape \(N, 4\)"),
        ((BOX, [0], 1, 4), TypeError, "labels must be a Tensor, got list"),
        ((BOX, LABEL[:0], 1, 4), ValueError, "labels must have shape"),
        ((BOX, LABEL + 3, 3, 4), ValueError, r"labels\[0\] must lie in 0, ..., 2, got 3"),
        ((BOX, LABEL, 1.0, 4), TypeError, "num_classes must be an int, got 1.0"),
        ((BOX, LABEL, 1, (4, 4, 4)), TypeError, "size must be an int or a pair"),
        ((BOX, LABEL, 1, 4, 0), ValueError, "stride must be positive"),
        ((BOX, LABEL, 1, 4, 4, 2), ValueError, r"min_overlap must lie in \[0, 1\], got 2"),
        (
            (BOX * 3, LABEL, 1, 4),
            ValueError,
            r"boxes\[0\] must lie inside the map, 16 x 16 pixels, got \[0, 0, 24, 24\]",
        ),
        ((BOX - 1, LABEL, 1, 4), ValueError, "must lie inside the map"),
        ((-BOX, LABEL, 1, 4), ValueError, r"boxes\[0\] must have x1 <= x2 and y1 <= y2"),
        ((BOX * math.nan, LABEL, 1, 4), ValueError, r"corner_targets: boxes\[0\] must be finite"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        corner_targets(*args)
