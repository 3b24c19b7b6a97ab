import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.metrics.pose import (
    CASES,
    CASES_OF_MEAN_ERROR,
    CASES_OF_PCKH,
    CASES_OF_PDJ,
    MISTAKES,
)
from edudet.metrics import mean_error, pck, pckh, pdj
from edudet.metrics.pose import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_MEAN_ERROR


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_MEAN_ERROR)
def error_form(request):
    return IMPLEMENTATIONS_OF_MEAN_ERROR[request.param]


def joints(numbers, device="cpu"):
    shape = (len(numbers), -1 if numbers else 3, 2)
    return torch.tensor(numbers, dtype=torch.float32, device=device).reshape(shape)


def optional(visible, device="cpu"):
    return None if visible is None else torch.tensor(visible, device=device)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    truth, found, lengths, fraction, visible = case.args
    got = form(
        joints(truth, device),
        joints(found, device),
        torch.tensor(lengths, device=device),
        fraction,
        optional(visible, device),
    )
    assert got.item() == pytest.approx(case.expected, nan_ok=True)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(
        MISTAKES[mistake](*case.args) != pytest.approx(case.expected, nan_ok=True) for case in CASES
    ), "no case bites"


@pytest.mark.parametrize("case", CASES_OF_MEAN_ERROR, ids=lambda case: case.name)
def test_worked_examples_of_mean_error(error_form, device, case):
    truth, found, visible = case.args
    got = error_form(joints(truth, device), joints(found, device), optional(visible, device))
    assert got.item() == pytest.approx(case.expected, nan_ok=True)


@pytest.mark.parametrize("case", CASES_OF_PCKH, ids=lambda case: case.name)
def test_worked_examples_of_pckh(case):
    truth, found, boxes, fraction = case.args
    assert pckh(joints(truth), joints(found), torch.tensor(boxes), fraction) == case.expected


@pytest.mark.parametrize("case", CASES_OF_PDJ, ids=lambda case: case.name)
def test_worked_examples_of_pdj(case):
    truth, found, fraction, visible = case.args
    got = pdj(joints(truth), joints(found), 0, 1, fraction, optional(visible))
    assert got.item() == pytest.approx(case.expected)


def random_pose(n, k, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = 20 * torch.rand(n, k, 2, generator=generator)
    found = truth + 3 * torch.randn(n, k, 2, generator=generator)
    found[torch.rand(n, k, generator=generator) < 0.1] = math.nan
    visible = torch.randint(0, 3, (n, k), generator=generator)
    truth[visible == 0] = math.nan
    return truth, found, visible


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 4), st.integers(1, 5), st.integers(0, 9), st.booleans())
def test_forms_agree(n, k, seed, per_joint):
    truth, found, visible = random_pose(n, k, seed)
    lengths = torch.linspace(1, 30, n)
    shares = [f(truth, found, lengths, 0.2, visible, per_joint) for f in IMPLEMENTATIONS.values()]
    assert_close(*shares, rtol=1e-14, atol=0, equal_nan=True)
    assert shares[0].dtype == torch.float64 and shares[0].shape == ((k,) if per_joint else ())
    errors = [f(truth, found, visible, per_joint) for f in IMPLEMENTATIONS_OF_MEAN_ERROR.values()]
    assert_close(*errors, rtol=1e-14, atol=0, equal_nan=True)


def test_numpy_agrees():
    truth, found, visible = random_pose(50, 7, 3)
    seen = visible.numpy() > 0
    distances = np.linalg.norm(found.double().numpy() - truth.double().numpy(), axis=2)
    lengths = np.linspace(5, 30, 50)
    right = np.nan_to_num(distances, nan=np.inf) <= 0.3 * lengths[:, None]
    got = pck(truth, found, torch.tensor(lengths), 0.3, visible)
    assert got.item() == pytest.approx(right[seen].mean(), rel=1e-12)
    per_joint = pck(truth, found, torch.tensor(lengths), 0.3, visible, per_joint=True)
    expected = [right[seen[:, joint], joint].mean() for joint in range(7)]
    assert per_joint.tolist() == pytest.approx(expected, rel=1e-12)
    found = torch.where(found.isnan(), truth, found)
    distances = np.linalg.norm(found.double().numpy() - truth.double().numpy(), axis=2)
    assert mean_error(truth, found, visible).item() == pytest.approx(distances[seen].mean())


def test_properties(form):
    truth, found, visible = random_pose(6, 5, 4)
    lengths = torch.full((6,), 10.0)
    got = form(truth, found, lengths, 0.2, visible)
    assert_close(form(4 * truth, 4 * found, 4 * lengths, 0.2, visible), got)
    assert_close(form(truth, found, 2 * lengths, 0.1, visible), got)
    shares = [form(truth, found, lengths, f, visible).item() for f in (0, 0.1, 0.3, 1, 100)]
    assert shares == sorted(shares)  # and the curve ends at the share of joints that were found
    assert shares[-1] == pytest.approx((~found.isnan().any(2))[visible > 0].double().mean().item())


def test_exchanged_sides_are_wrong():
    """A flipped picture whose left and right joints kept their names scores badly."""
    left, right, nose = [0.0, 0.0], [10.0, 0.0], [5.0, 5.0]
    truth, flipped = joints([[left, right, nose]]), joints([[right, left, nose]])
    got = pck(truth, flipped, torch.tensor([20.0]), 0.2, per_joint=True)
    assert got.tolist() == [0, 0, 1]


def test_integers_and_16_bits(form, error_form):
    truth = torch.tensor([[[30000, 0]]], dtype=torch.int16)
    found = torch.tensor([[[-30000, 0]]], dtype=torch.int16)  # their difference is no int16
    assert error_form(truth, found) == 60000
    assert form(truth, found, torch.tensor([1], dtype=torch.int16), 60000.0) == 1
    assert error_form(truth.half(), truth.half() + 16).item() == pytest.approx(16 * 2**0.5)


pose = torch.zeros(2, 3, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: pck(pose[0], pose[0], torch.ones(3)),
            ValueError,
            r"pck: gt_keypoints must have shape \(N, K, 2\), got \(3, 2\)",
        ),
        (
            lambda: pck(pose, pose[:1], torch.ones(2)),
            ValueError,
            r"pck: keypoints must have the shape of gt_keypoints, \(2, 3, 2\), got \(1, 3, 2\)",
        ),
        (
            lambda: pck(pose, pose, torch.ones(3)),
            ValueError,
            r"pck: reference_lengths must have shape \(2,\), got \(3,\)",
        ),
        (
            lambda: pck(pose, pose, torch.tensor([1.0, -2])),
            ValueError,
            r"pck: reference_lengths\[1\] must be at least 0, got -2",
        ),
        (
            lambda: pck(pose, pose, torch.ones(2), -1),
            ValueError,
            "pck: fraction must be finite and",
        ),
        (lambda: pck(pose, pose, 5), TypeError, "pck: reference_lengths must be a Tensor, got int"),
        (
            lambda: mean_error(pose, pose, torch.ones(2, 2)),
            ValueError,
            r"mean_error: visible must have shape \(2, 3\), got \(2, 2\)",
        ),
        (
            lambda: mean_error(pose * math.nan, pose),
            ValueError,
            r"mean_error: gt_keypoints\[0, 0\] must be finite where visible, got \[nan, nan\]",
        ),
        (
            lambda: pckh(pose, pose, torch.ones(2)),
            ValueError,
            r"pckh: head_boxes must have shape \(2, 4\), got \(2,\)",
        ),
        (lambda: pdj(pose, pose, 0, 3), ValueError, "pdj: right_hip must lie in 0 to 2, got 3"),
        (lambda: pdj(pose, pose, 0, "hip"), TypeError, "pdj: right_hip must be an int, got 'hip'"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
