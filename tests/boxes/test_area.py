import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet.boxes import box_area, box_convert, remove_small_boxes
from edudet.boxes.convert import FORMATS
from edudet.cases.boxes.area import CASES, MISTAKES, MISTAKES_WITH_SMALL, SMALL

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int16, torch.int64]


def tensor(boxes, dtype=torch.float32):
    return torch.tensor(boxes, dtype=dtype).reshape(-1, 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_areas(case):
    boxes, fmt = case.args
    assert box_area(tensor(boxes), fmt).tolist() == case.expected


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_worked_small_boxes(case):
    boxes, size = case.args
    keep = remove_small_boxes(tensor(boxes), size)
    assert keep.tolist() == case.expected and keep.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_areas_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("mistake", MISTAKES_WITH_SMALL)
def test_worked_small_boxes_catch(mistake):
    wrong = MISTAKES_WITH_SMALL[mistake]
    assert any(wrong(*case.args) != case.expected for case in SMALL), "no case bites"


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    area = box_area(tensor([[1, 2, 4, 4]], dtype))
    expected = dtype if dtype == torch.float64 else torch.float32
    assert area.dtype == (expected if dtype.is_floating_point else torch.int64)
    assert area.tolist() == [6]
    assert remove_small_boxes(tensor([[1, 2, 4, 4], [4, 4, 1, 2]], dtype), 2).tolist() == [0]


def test_integers_do_not_wrap_around():
    assert box_area(tensor([[0, 0, 60_000, 60_000]], torch.int32)).tolist() == [3_600_000_000]
    assert box_area(tensor([[0, 0, 255, 255]], torch.uint8)).tolist() == [255 * 255]
    inverted = tensor([[200, 0, 100, 50]], torch.uint8)
    assert remove_small_boxes(inverted, 10).tolist() == []
    with pytest.raises(ValueError, match="must have x1 <= x2"):
        box_area(inverted)


def test_half_precision_is_computed_in_single():
    boxes = tensor([[0, 0, 300, 300]], torch.float16)
    assert box_area(boxes).tolist() == [90_000]  # float16 ends at 65 504


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 12), st.integers(0, 2**31), st.sampled_from(FORMATS))
def test_formats_agree_and_a_shift_changes_nothing(n, seed, fmt):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(-50, 50, (n, 2), generator=generator).double()
    boxes = torch.cat([corner, corner + torch.randint(0, 20, (n, 2), generator=generator)], 1)
    area = box_area(boxes)
    assert_close(box_area(box_convert(boxes, "xyxy", fmt), fmt), area)
    assert_close(box_area(boxes + 7), area)


def test_any_shape_and_gradient():
    boxes = torch.rand(2, 3, 4, dtype=torch.double)
    boxes[..., 2:] += boxes[..., :2]
    assert box_area(boxes).shape == (2, 3) and box_area(boxes[0, 0]).shape == ()
    assert box_area(boxes.transpose(0, 1)).shape == (3, 2)
    assert box_area(torch.zeros(0, 4, dtype=torch.int32)).dtype == torch.int64
    for fmt in FORMATS:
        assert torch.autograd.gradcheck(lambda b, f=fmt: box_area(b, f), boxes.requires_grad_())


def test_torchvision_agrees():
    ops = torchvision_ops()
    boxes = torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) * 20
    boxes[:, 2:] += boxes[:, :2]
    for fmt in FORMATS:
        assert torch.equal(box_area(boxes, fmt), ops.box_area(boxes, fmt))
    for size in (0, 5, 10.5):
        assert torch.equal(remove_small_boxes(boxes, size), ops.remove_small_boxes(boxes, size))


def test_compiled_inverted_boxes_are_nan():
    boxes = tensor([[0, 0, 2, 2], [5, 5, 2, 2]])
    area = torch.compile(box_area, fullgraph=True)(boxes)
    assert area[0] == 4 and math.isnan(area[1])


ONE = torch.tensor([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: box_area([[0, 0, 1, 1]]), TypeError, "box_area: boxes must be a Tensor, got list"),
        (lambda: box_area(torch.zeros(3)), ValueError, r"must have shape \(\.\.\., 4\), got \(3,"),
        (lambda: box_area(ONE, "yxyx"), ValueError, "fmt must be one of xyxy, .* got 'yxyx'"),
        (lambda: box_area(ONE.bool()), ValueError, "boxes must have dtype .* got bool"),
        (
            lambda: box_area(tensor([[0, 0, 1, 1], [5, 5, 2, 2]])),
            ValueError,
            r"boxes\[1\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]",
        ),
        (lambda: box_area(tensor([[0, 0, -1, 1]]), "xywh"), ValueError, "must have sides of 0"),
        (lambda: box_area(ONE * math.nan), ValueError, r"boxes\[0\] must be finite, got \[nan"),
        (lambda: box_area(ONE * math.inf), ValueError, "must be finite"),
        (lambda: remove_small_boxes(ONE[0], 1), ValueError, r"must have shape \(N, 4\), got \(4,"),
        (lambda: remove_small_boxes(ONE, -1), ValueError, "min_size must be 0 or more, got -1"),
        (lambda: remove_small_boxes(ONE, math.nan), ValueError, "min_size must be 0 or more"),
        (lambda: remove_small_boxes(ONE, "1"), TypeError, "min_size must be a number, got '"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_boxes_with_nan_are_removed():
    boxes = tensor([[0, 0, math.nan, 4], [0, 0, 4, 4], [0, 0, math.inf, 4]])
    assert remove_small_boxes(boxes, 0).tolist() == [1, 2]
