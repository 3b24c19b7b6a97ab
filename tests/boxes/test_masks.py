import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.boxes import box_area, masks_to_boxes
from edudet.boxes.masks import IMPLEMENTATIONS
from edudet.cases.boxes.masks import CASES, MISTAKES

DTYPES = [torch.float32, torch.bfloat16, torch.int16, torch.int64]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def random_masks(seed, n=6, size=(7, 9), density=0.1):
    return torch.rand(n, *size, generator=torch.Generator().manual_seed(seed)) < density


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(form, case, dtype):
    boxes = form(torch.tensor(case.args[0]).to(dtype))
    assert boxes.tolist() == case.expected and boxes.dtype == torch.float32


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 6), st.sampled_from([0.05, 0.4]))
def test_forms_agree(seed, height, width, density):
    masks = random_masks(seed, 4, (height, width), density)
    loop, vectorized = (form(masks) for form in IMPLEMENTATIONS.values())
    assert torch.equal(loop, vectorized)


def test_the_box_holds_every_pixel_and_no_smaller_one_does():
    masks = random_masks(1, 40)
    for mask, box in zip(masks, masks_to_boxes(masks), strict=True):
        x1, y1, x2, y2 = box.int().tolist()
        assert mask[y1:y2, x1:x2].sum() == mask.sum()
        if mask.any():
            sides = mask[y1, x1:x2], mask[y2 - 1, x1:x2], mask[y1:y2, x1], mask[y1:y2, x2 - 1]
            assert all(side.any() for side in sides)
            assert box_area(box) >= 1


def test_torchvision_agrees_but_for_the_far_side():
    ops = torchvision_ops()
    masks = random_masks(2, 60)
    filled = masks.flatten(1).any(1, keepdim=True)
    expected = ops.masks_to_boxes(masks) + torch.tensor([0, 0, 1, 1]) * filled
    assert torch.equal(masks_to_boxes(masks), expected)


@pytest.mark.parametrize("shape", [(0, 5, 5), (3, 0, 5), (3, 5, 0), (0, 0, 0)])
def test_empty(form, shape):
    boxes = form(torch.zeros(shape))
    assert boxes.shape == (shape[0], 4) and boxes.dtype == torch.float32 and not boxes.any()


def test_any_strides(form):
    masks = random_masks(3)
    wide = torch.stack([masks, masks], 3)[..., 0].transpose(1, 2)
    assert torch.equal(form(wide), form(masks.transpose(1, 2).contiguous()))


def test_a_mask_that_requires_grad_and_one_of_nan(form):
    masks = torch.tensor([[[0.0, math.nan]]], requires_grad=True)
    boxes = form(masks)
    assert boxes.tolist() == [[1, 0, 2, 1]] and not boxes.requires_grad


@pytest.mark.parametrize(
    ("masks", "error", "message"),
    [
        ([[[1]]], TypeError, "masks_to_boxes: masks must be a Tensor, got list"),
        (torch.zeros(5, 5), ValueError, r"masks must have shape \(N, H, W\), got \(5, 5\)"),
        (torch.zeros(1, 2, 2).cfloat(), ValueError, "masks must have dtype bool, .* got complex64"),
    ],
)
def test_errors(masks, error, message):
    with pytest.raises(error, match=message):
        masks_to_boxes(masks)
