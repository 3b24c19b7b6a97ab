import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.cases.targets.mask_targets import CASES, MISTAKES
from edudet.ops import roi_align
from edudet.targets import mask_targets
from edudet.targets.mask_targets import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def arguments(masks, rois, gt_indices, size, dtype=torch.float32):
    masks = torch.tensor(masks, dtype=torch.float32).reshape(-1, *np.shape(masks)[1:] or (3, 4))
    rois = torch.tensor(rois, dtype=dtype).reshape(-1, 4)
    return masks, rois, torch.tensor(gt_indices, dtype=torch.int64), size


def random_masks(n, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, height, width, generator=generator) > 0.4


def random_rois(n, height, width, seed=0, dtype=torch.float32):
    """Boxes in quarters of a pixel that may reach beyond the image."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([width, height])
    corners = torch.rand(n, 2, 2, generator=generator).sort(1).values * (size + 8) - 4
    return (corners.flatten(1) * 4).round().to(dtype) / 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_worked_examples(form, case, dtype):
    masks, rois, gt_indices, size = arguments(*case.args, dtype=dtype)
    got = form(masks, rois, gt_indices, size)
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    expected = torch.tensor(case.expected, dtype=exact).reshape(-1, size, size)
    assert torch.equal(got, expected) and got.dtype == exact
    if masks.eq(masks.bool()).all():
        assert torch.equal(form(masks.bool(), rois, gt_indices.int(), size), expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@given(
    st.integers(0, 4),
    st.integers(1, 3),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.integers(1, 5),
    st.integers(0, 2**31),
)
def test_forms_agree(p, g, image, size, seed):
    masks, rois = random_masks(g, *image, seed), random_rois(p, *image, seed)
    gt_indices = torch.arange(p) % g
    loop, vectorized = (form(masks, rois, gt_indices, size) for form in IMPLEMENTATIONS.values())
    torch.testing.assert_close(vectorized, loop, rtol=1e-5, atol=1e-6)
    assert loop.shape == (p, size, size) and ((loop >= 0) & (loop <= 1 + 1e-6)).all()


def test_torchvision_agrees():
    torchvision_ops()
    from torchvision.models.detection.roi_heads import project_masks_on_boxes

    masks, rois = random_masks(5, 40, 60), random_rois(12, 40, 60)
    gt_indices = torch.arange(12) % 5
    expected = project_masks_on_boxes(masks, rois, gt_indices, 28)
    torch.testing.assert_close(mask_targets(masks, rois, gt_indices), expected)


def test_a_resized_mask_agrees():
    """An outside witness that is always there. A RoI moved half a pixel up and left reads where
    `interpolate` does, which resizes the whole mask."""
    masks = random_masks(2, 6, 10)
    whole = torch.tensor([[0.0, 0, 10, 6]] * 2) - 0.5
    got = mask_targets(masks, whole, torch.tensor([1, 0]), 20)
    expected = torch.nn.functional.interpolate(
        masks[[1, 0], None].float(), (20, 20), mode="bilinear"
    )
    torch.testing.assert_close(got, expected[:, 0], rtol=1e-5, atol=1e-6)


def test_the_mask_is_seen_as_the_features_are():
    """The same grid as that of the head's features, so that bin (i, j) of both is one place."""
    masks, rois = random_masks(1, 30, 50), random_rois(6, 30, 50)
    features = roi_align(masks[None].float(), [rois], 7)[:, 0]
    assert torch.equal(mask_targets(masks, rois, torch.zeros(6).long(), 7), features)


def test_a_roi_of_one_pixel_and_a_thousand_objects(form):
    masks = torch.zeros(1000, 4, 5, dtype=torch.bool)
    masks[::2, 1, 2] = True
    rois, gt_indices = torch.tensor([[1.5, 0.5, 2.5, 1.5]]).repeat(8, 1), torch.arange(8) + 992
    got = form(masks, rois, gt_indices, 1)
    assert got.flatten().tolist() == [1, 0] * 4


def test_any_strides_and_no_gradient(form):
    masks, rois = random_masks(3, 9, 7).float(), random_rois(4, 9, 7)
    gt_indices = torch.tensor([2, 0, 1, 2])
    expected = form(masks, rois, gt_indices, 4)
    strided = masks.transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
    got = form(strided, rois.requires_grad_(), gt_indices, 4)
    assert torch.equal(got, expected) and not got.requires_grad


MASK, ROI, OF = torch.ones(2, 4, 5), torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([1])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], ROI, OF), TypeError, "mask_targets: gt_masks must be a Tensor, got list"),
        ((MASK, [0, 0, 2, 2], OF), TypeError, "mask_targets: rois must be a Tensor, got list"),
        ((MASK, ROI, 0), TypeError, "mask_targets: gt_indices must be a Tensor, got int"),
        ((MASK[0], ROI, OF), ValueError, r"gt_masks must have shape \(G, H, W\), got \(4, 5\)"),
        ((MASK.byte(), ROI, OF), ValueError, "gt_masks must have dtype bool, .* got uint8"),
        ((MASK, ROI[0], OF), ValueError, r"rois must have shape \(N, 4\), got \(4,\)"),
        ((MASK, ROI.int(), OF), ValueError, "rois must have dtype .* got int32"),
        ((MASK, ROI, OF[:0]), ValueError, r"gt_indices must have shape \(P,\) .* got \(0,\)"),
        ((MASK, ROI, OF.float()), ValueError, "gt_indices must have dtype .* got float32"),
        ((MASK, ROI, OF + 1), ValueError, r"gt_indices\[0\] must be one of the 2 gt_masks, got 2"),
        ((MASK, ROI, OF - 2), ValueError, r"gt_indices\[0\] must be one of the 2 gt_masks, got -1"),
        ((MASK, ROI.to("meta"), OF), ValueError, "rois must be on the device of gt_masks"),
        ((MASK, ROI, OF, 2.0), TypeError, "size must be an int, got 2.0"),
        ((MASK, ROI, OF, 0), ValueError, "size must be at least 1, got 0"),
        ((MASK, -ROI, OF), ValueError, r"mask_targets: rois\[0\] must have x1 <= x2 and y1 <= y2"),
        ((MASK, ROI * math.nan, OF), ValueError, r"mask_targets: rois\[0\] must be finite"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        mask_targets(*args)
