import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.cases.targets.keypoint_targets import CASES, MISTAKES
from edudet.targets import keypoint_targets
from edudet.targets.keypoint_targets import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def arguments(keypoints, rois, size, dtype=torch.float32):
    rois = torch.tensor(rois, dtype=dtype).reshape(-1, 4)
    if not keypoints:
        return torch.zeros(0, 17, 3, dtype=dtype), rois, size
    return torch.tensor(keypoints, dtype=dtype), rois, size


def random_people(n, joints, seed=0, dtype=torch.float32):
    """RoIs with whole corners, some without area; joints in and around them, many on the sides."""
    generator = torch.Generator().manual_seed(seed)
    rois = torch.randint(0, 9, (n, 2, 2), generator=generator).sort(1).values.flatten(1)
    points = torch.randint(-2, 24, (n, joints, 2), generator=generator) / 2
    v = torch.randint(0, 3, (n, joints, 1), generator=generator)
    return torch.cat([points, v], 2).to(dtype), rois.to(dtype)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_worked_examples(form, case, dtype):
    keypoints, rois, size = arguments(*case.args, dtype=dtype)
    got = form(keypoints, rois, size)
    assert (got.cells.tolist(), got.valid.tolist()) == case.expected
    assert got.cells.shape == got.valid.shape == keypoints.shape[:2]
    assert got.cells.dtype == torch.int64 and got.valid.dtype == torch.bool


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@given(
    st.integers(0, 6), st.integers(0, 5), st.sampled_from([1, 2, 7, 56]), st.integers(0, 2**31),
    st.sampled_from([torch.float32, torch.float64, torch.float16]),
)  # fmt: skip
def test_forms_agree(n, joints, size, seed, dtype):
    keypoints, rois = random_people(n, joints, seed, dtype)
    loop, vectorized = (form(keypoints, rois, size) for form in IMPLEMENTATIONS.values())
    assert torch.equal(loop.cells, vectorized.cells)
    assert torch.equal(loop.valid, vectorized.valid)


def test_what_the_targets_promise():
    keypoints, rois = random_people(200, 6)
    cells, valid = keypoint_targets(keypoints, rois, 8)
    row, column = cells // 8, cells % 8
    low, side = rois[:, None, :2], (rois[:, None, 2:] - rois[:, None, :2]) / 8
    corner = low + torch.stack([column, row], 2) * side
    x_and_y = keypoints[..., :2]
    inside = ((corner <= x_and_y) & (x_and_y <= corner + side)).all(2)
    assert inside[valid].all() and 50 < valid.sum() < valid.numel() / 2
    assert not cells[~valid].any() and (keypoints[..., 2][valid] > 0).all()


def test_torchvision_agrees():
    torchvision_ops()
    from torchvision.models.detection.roi_heads import keypoints_to_heatmap

    keypoints, rois = random_people(300, 6, 5)
    area = ((rois[:, 2] > rois[:, 0]) & (rois[:, 3] > rois[:, 1])).nonzero()[:, 0]
    keypoints, rois = keypoints[area], rois[area]
    cells, valid = keypoint_targets(keypoints, rois)
    expected_cells, expected_valid = keypoints_to_heatmap(keypoints, rois, 56)
    assert torch.equal(valid, expected_valid.bool()) and valid.any() and not valid.all()
    assert torch.equal(cells, expected_cells)


def test_a_joint_just_inside_has_a_cell(form):
    """Where (x - x1) * (size / width) is rounded up to size, torchvision loses the joint."""
    x2 = torch.tensor(3.3)
    x = torch.nextafter(x2, torch.tensor(0.0))
    rois = torch.tensor([[0, 0, 3.3, 3.3]])
    keypoints = torch.tensor([[[x, x, 2], [x2, x2, 1]]])
    got = form(keypoints, rois, 49)
    assert got.valid.all() and got.cells.tolist() == [[49 * 49 - 1] * 2]


def test_a_roi_of_one_pixel_and_a_thousand_people():
    keypoints = torch.tensor([[[5.5, 7.25, 2]]]).repeat(1000, 1, 1)
    rois = torch.tensor([[5.0, 7, 6, 8]]).repeat(1000, 1)
    cells, valid = keypoint_targets(keypoints, rois, 56)
    assert valid.all() and (cells == 14 * 56 + 28).all()


def test_what_is_not_labelled_is_not_read(form):
    keypoints = torch.tensor([[[math.nan, math.inf, 0], [1, 1, 2]]])
    got = form(keypoints, torch.tensor([[0.0, 0, 2, 2]]), 2)
    assert got.cells.tolist() == [[0, 3]] and got.valid.tolist() == [[False, True]]


def test_any_strides_and_no_gradient(form):
    keypoints, rois = random_people(20, 5, 3)
    expected = form(keypoints, rois, 7)
    strided = keypoints.transpose(0, 2).contiguous().transpose(0, 2).requires_grad_()
    got = form(strided, rois.clone().requires_grad_(), 7)
    assert torch.equal(got.cells, expected.cells) and torch.equal(got.valid, expected.valid)
    assert not got.cells.requires_grad


JOINTS, ROI = torch.ones(1, 2, 3), torch.tensor([[0.0, 0, 2, 2]])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], ROI), TypeError, "keypoint_targets: keypoints must be a Tensor, got list"),
        ((JOINTS, [0, 0, 2, 2]), TypeError, "keypoint_targets: rois must be a Tensor, got list"),
        ((JOINTS[0], ROI), ValueError, r"keypoints must have shape \(P, K, 3\) .* got \(2, 3\)"),
        ((JOINTS[..., :2], ROI), ValueError, r"keypoints must have shape .* got \(1, 2, 2\)"),
        ((JOINTS, ROI[:0]), ValueError, r"with the P of rois, 0, got \(1, 2, 3\)"),
        ((JOINTS, ROI[0]), ValueError, r"rois must have shape \(N, 4\), got \(4,\)"),
        ((JOINTS.int(), ROI.int()), ValueError, "keypoints must have dtype .* got int32"),
        ((JOINTS, ROI.double()), ValueError, "rois must have the dtype of keypoints"),
        ((JOINTS, ROI.to("meta")), ValueError, "rois must be on the device of keypoints"),
        ((JOINTS, ROI, 2.0), TypeError, "size must be an int, got 2.0"),
        ((JOINTS, ROI, 0), ValueError, "size must be at least 1, got 0"),
        ((JOINTS, -ROI), ValueError, r"keypoint_targets: rois\[0\] must have x1 <= x2 and y1 <="),
        ((JOINTS, ROI * math.nan), ValueError, r"keypoint_targets: rois\[0\] must be finite"),
        ((JOINTS * math.inf, ROI), ValueError, r"keypoints\[0, 0\] must be finite, got \[inf"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        keypoint_targets(*args)
