import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.boxes import box_area, boxes_from_voc, boxes_to_voc, masks_to_boxes
from edudet.cases.boxes.voc import CASES, MISTAKES
from edudet.ops import box_iou

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int16, torch.int64]


def result_dtype(dtype):
    return dtype if dtype.is_floating_point else torch.int64


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(case, dtype):
    boxes_voc = torch.tensor(case.args[0], dtype=dtype).reshape(-1, 4)
    boxes = boxes_from_voc(boxes_voc)
    assert boxes.tolist() == case.expected and boxes.dtype == result_dtype(dtype)
    assert boxes_to_voc(boxes).tolist() == boxes_voc.tolist()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=40)
@given(*[st.integers(1, 20)] * 4)
def test_the_pixels_are_the_same(x, y, width, height):
    xmin, ymin, xmax, ymax = x, y, x + width - 1, y + height - 1
    mask = torch.zeros(1, 45, 45)
    mask[0, ymin - 1 : ymax, xmin - 1 : xmax] = 1  # one-based and inclusive, as a slice
    boxes = boxes_from_voc(torch.tensor([[xmin, ymin, xmax, ymax]]))
    assert torch.equal(boxes.float(), masks_to_boxes(mask))
    assert box_area(boxes).tolist() == [width * height]


def test_what_the_mistake_costs():
    ten, two = torch.tensor([[1.0, 1, 10, 10]]), torch.tensor([[1.0, 1, 2, 2]])
    assert_close(box_iou(boxes_from_voc(ten), ten - 1).item(), 0.81)
    assert_close(box_iou(boxes_from_voc(two), two - 1).item(), 0.25)


def test_narrow_integers_do_not_wrap_around():
    boxes = torch.tensor([[0, 0, 255, 255]], dtype=torch.uint8)
    assert boxes_from_voc(boxes).tolist() == [[-1, -1, 255, 255]]
    edge = torch.tensor([[127, 127, 127, 127]], dtype=torch.int8)
    assert boxes_to_voc(boxes_from_voc(edge)).tolist() == edge.tolist()


def test_shapes_and_gradient():
    boxes = torch.tensor([[3.0, 3, 9, 9]], dtype=torch.double).repeat(2, 5, 1).requires_grad_()
    for function in (boxes_from_voc, boxes_to_voc):
        assert function(boxes).shape == (2, 5, 4)
        assert torch.autograd.gradcheck(function, boxes)
        assert function(torch.zeros(0, 4)).shape == (0, 4)
        assert torch.compile(function, fullgraph=True)(boxes).equal(function(boxes))


@pytest.mark.parametrize(
    ("function", "box", "error", "message"),
    [
        (boxes_from_voc, [1], TypeError, "boxes_from_voc: boxes_voc must be a Tensor, got list"),
        (boxes_from_voc, torch.zeros(2), ValueError, r"boxes_voc must have shape \(\.\.\., 4\)"),
        (boxes_from_voc, torch.tensor([[5.0, 5, 2, 2]]), ValueError, r"boxes_voc\[0\] must have"),
        (boxes_to_voc, torch.tensor([[5.0, 5, 2, 2]]), ValueError, r"boxes\[0\] must have a width"),
        (boxes_to_voc, torch.tensor([[5, 5, 5, 9]]), ValueError, r"boxes\[0\] must have a width"),
        (boxes_to_voc, torch.tensor([0.25, 0, 1, 9]), ValueError, "boxes must have a width"),
        (boxes_to_voc, torch.full((1, 4), math.nan), ValueError, r"boxes\[0\] must be finite"),
        (boxes_to_voc, torch.zeros(1, 4).bool(), ValueError, "boxes must have dtype"),
    ],
)
def test_errors(function, box, error, message):
    with pytest.raises(error, match=message):
        function(box)
