import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import max_pool2d
from torch.testing import assert_close

from edudet.cases.targets.center_targets import CASES, MISTAKES
from edudet.targets import center_targets, gaussian_heatmaps
from edudet.targets.center_targets import IMPLEMENTATIONS
from inputs import objects, random_objects

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def boxes_of(offsets, box_sizes, indices, width, stride):
    """What a detector does with the numbers at its peaks."""
    centers = torch.stack([indices % width, indices // width], 1) + offsets
    return stride * torch.cat([centers - box_sizes / 2, centers + box_sizes / 2], 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(form, case, dtype):
    boxes, labels = objects(*case.args[:2], dtype)
    heatmaps, *places = form(boxes, labels, *case.args[2:])
    *expected, radii = case.expected
    assert [tensor.tolist() for tensor in places] == expected
    wide = torch.promote_types(dtype, torch.float32)
    num_classes, size = case.args[2:4]
    cells = torch.stack([places[0] % size[1], places[0] // size[1]], 1).to(wide)
    radii = torch.tensor(radii, dtype=wide)
    assert_close(heatmaps, gaussian_heatmaps(cells, radii, labels, num_classes, size))
    assert heatmaps.dtype == wide and places[1].shape == places[2].shape == (len(boxes), 2)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 5), st.integers(0, 2**31), st.sampled_from([0.1, 0.3, 0.7, 1.0]))
def test_forms_agree_and_boxes_come_back(n, seed, min_overlap):
    boxes, labels = random_objects(n, seed), torch.arange(n) % 2
    loop, vectorized = (
        form(boxes, labels, 2, (8, 12), 4, min_overlap) for form in IMPLEMENTATIONS.values()
    )
    for a, b in zip(loop, vectorized, strict=True):
        assert_close(a, b)
    back = boxes_of(loop.offsets, loop.box_sizes, loop.indices, 12, 4)
    assert_close(back, boxes, rtol=1e-5, atol=1e-4)
    assert (loop.heatmaps.flatten(1)[labels, loop.indices] == 1).all()


def test_the_peaks_are_the_objects():
    """Detection without NMS: a cell that is no smaller than its eight neighbours."""
    boxes, labels = objects([[2, 2, 14, 14], [20, 4, 46, 30], [30, 18, 40, 30]], [0, 0, 1])
    targets = center_targets(boxes, labels, 2, (8, 12), 4, 0.3)
    heatmaps = targets.heatmaps
    peaks = (heatmaps == max_pool2d(heatmaps, 3, 1, 1)) & (heatmaps > 0.5)
    found = peaks.flatten(1).nonzero().tolist()
    assert found == sorted(map(list, zip(labels.tolist(), targets.indices.tolist(), strict=True)))


def test_strides_and_a_gradient_that_nobody_needs(form):
    boxes, labels = random_objects(3, 1), torch.tensor([0, 1, 0])
    wide = torch.stack([boxes, boxes], 2)[..., 0].requires_grad_()
    for a, b in zip(form(wide, labels, 2, (8, 12)), form(boxes, labels, 2, (8, 12)), strict=True):
        assert torch.equal(a, b) and not a.requires_grad


BOX, LABEL = torch.tensor([[0.0, 0, 8, 8]]), torch.zeros(1, dtype=torch.int64)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([0], LABEL, 1, 4), TypeError, "center_targets: boxes must be a Tensor, got list"),
        ((BOX, LABEL + 1, 1, 4), ValueError, r"center_targets: labels\[0\] must lie in 0"),
        ((BOX, LABEL, 1, 0), ValueError, "size must be at least 1"),
        ((BOX * 3, LABEL, 1, 4), ValueError, r"center_targets: boxes\[0\] must lie inside the map"),
        ((BOX * math.nan, LABEL, 1, 4), ValueError, r"boxes\[0\] must be finite"),
        ((BOX, LABEL, 1, 4, 4, 0), ValueError, "min_overlap must be positive"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        center_targets(*args)
