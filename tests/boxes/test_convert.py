import pytest
import torch
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet.boxes import box_convert
from edudet.boxes.convert import FORMATS
from edudet.cases.boxes.convert import CASES, MISTAKES

SAME_BOX = {"xyxy": [1.0, 2, 5, 10], "xywh": [1.0, 2, 4, 8], "cxcywh": [3.0, 6, 4, 8]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    boxes = torch.tensor(case.args[0], dtype=torch.float32).reshape(-1, 4)
    assert box_convert(boxes, *case.args[1:]).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("in_fmt", FORMATS)
@pytest.mark.parametrize("out_fmt", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.int64])
def test_one_box_in_every_format(in_fmt, out_fmt, dtype):
    boxes = torch.tensor([SAME_BOX[in_fmt]], dtype=dtype)
    expected = torch.tensor([SAME_BOX[out_fmt]], dtype=dtype)
    assert_close(box_convert(boxes, in_fmt, out_fmt), expected, rtol=0, atol=0)


def test_shapes_and_gradient():
    boxes = torch.rand(2, 3, 4, dtype=torch.double, requires_grad=True)
    for in_fmt in FORMATS:
        for out_fmt in FORMATS:
            assert box_convert(boxes, in_fmt, out_fmt).shape == (2, 3, 4)
            assert torch.autograd.gradcheck(
                lambda b, i=in_fmt, o=out_fmt: box_convert(b, i, o), boxes
            )
    assert box_convert(torch.zeros(0, 4), "xyxy", "xywh").shape == (0, 4)


def test_the_argument_is_left_alone():
    boxes = torch.tensor([SAME_BOX["xyxy"]])
    box_convert(boxes, "xyxy", "xyxy")[0, 0] = 9
    assert boxes[0, 0] == 1


def test_torchvision_agrees():
    ops = torchvision_ops()
    boxes = torch.tensor([SAME_BOX["xyxy"], [0.0, 0, 3, 3]])
    for fmt in FORMATS:
        assert_close(box_convert(boxes, "xyxy", fmt), ops.box_convert(boxes, "xyxy", fmt))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0.0, 0, 1, 1]], "xyxy", "xywh"), TypeError, "boxes must be a Tensor, got list"),
        (
            (torch.zeros(3), "xyxy", "xywh"),
            ValueError,
            r"boxes must have shape \(\.\.\., 4\), got \(3,\)",
        ),
        (
            (torch.zeros(1, 4), "yxyx", "xywh"),
            ValueError,
            "in_fmt must be one of xyxy, xywh, cxcywh, got 'yxyx'",
        ),
        ((torch.zeros(1, 4), "xyxy", "xywhr"), ValueError, "rotated boxes are not supported"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        box_convert(*args)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("out_fmt", ["xyxy", "xywh", "cxcywh"])
def test_integers_do_not_wrap_around(dtype, out_fmt):
    """200 + 100 does not fit into uint8, nor -100 - 100 into int8: small integers become int64."""
    largest = torch.iinfo(dtype).max if dtype in (torch.uint8, torch.int8, torch.int16) else 1000
    boxes = torch.tensor([[largest, largest - 1, largest, largest - 2]], dtype=dtype)
    found = box_convert(boxes, "xywh", out_fmt)
    assert torch.equal(found.long(), box_convert(boxes.long(), "xywh", out_fmt))
    assert found.dtype == (dtype if dtype in (torch.int32, torch.int64) else torch.int64)
    assert torch.equal(box_convert(found, out_fmt, "xywh"), boxes.long()) or out_fmt == "cxcywh"
