import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.targets.heatmaps import CASES, MISTAKES, MISTAKES_WITH_SIZES, SIZES
from edudet.ops import box_iou
from edudet.targets import gaussian_heatmaps, gaussian_radius
from edudet.targets.heatmaps import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS)
def radius_form(request):
    return IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS[request.param]


def tensors(points, radii, labels, dtype=torch.float32):
    points = torch.tensor(points, dtype=dtype).reshape(-1, 2)
    return points, torch.tensor(radii, dtype=dtype), torch.tensor(labels, dtype=torch.int64)


def close(got, expected):
    got, expected = (torch.tensor(numbers, dtype=torch.float64) for numbers in (got, expected))
    return got.shape == expected.shape and bool(((got - expected).abs() < 1e-4).all())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_heatmaps(form, case, dtype):
    heatmaps = form(*tensors(*case.args[:3], dtype), *case.args[3:])
    assert close(heatmaps.tolist(), case.expected)
    assert heatmaps.dtype == torch.promote_types(dtype, torch.float32)


@pytest.mark.parametrize("case", SIZES, ids=lambda case: case.name)
def test_worked_radii(radius_form, case):
    sizes, min_overlap = case.args
    assert close(radius_form(torch.tensor(sizes).float(), min_overlap).tolist(), case.expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_heatmaps_catch(mistake):
    wrong = MISTAKES[mistake]
    assert any(not close(wrong(*case.args), case.expected) for case in CASES), "no case bites"


@pytest.mark.parametrize("mistake", MISTAKES_WITH_SIZES)
def test_worked_radii_catch(mistake):
    wrong = MISTAKES_WITH_SIZES[mistake]
    assert any(not close(wrong(*case.args), case.expected) for case in SIZES), "no case bites"


@settings(deadline=None, max_examples=60)
@given(st.floats(0.5, 300), st.floats(0.5, 300), st.floats(1e-6, 1))
def test_the_radius_keeps_its_promise(height, width, t):
    """However both corners are moved by it, the IoU stays; moved inwards, it is met exactly."""
    radius = gaussian_radius(torch.tensor([height, width], dtype=torch.double), t).item()
    box = torch.tensor([[0, 0, width, height]], dtype=torch.double)
    moves = radius * torch.tensor(list(itertools.product([-1.0, 0, 1], repeat=4))).double()
    moved = (box + moves)[((box + moves)[:, 2:] >= (box + moves)[:, :2]).all(1)]
    iou = box_iou(box, moved)
    assert iou.min() >= t - 1e-9
    assert math.isclose(iou.min(), t, abs_tol=1e-9)


@pytest.mark.parametrize("name", IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS)
@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1e4, width=32), st.floats(0, 1e4, width=32), st.floats(1e-9, 1))
def test_rounding_makes_no_radius_negative_or_nan(name, height, width, t):
    for sizes in ([height, width], [height, height], [height, 0]):
        radius = IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS[name](torch.tensor(sizes), t)
        assert 0 <= radius <= min(sizes) / 2 * (1 + 1e-3) + 1e-2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 6), st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 7))
def test_forms_agree(n, seed, height, width):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(n, 2, generator=generator) * 10 - 1
    radii = torch.randint(0, 4, (n,), generator=generator).float()
    labels = torch.randint(0, 3, (n,), generator=generator)
    loop, vectorized = (
        form(points, radii, labels, 3, (height, width)) for form in IMPLEMENTATIONS.values()
    )
    assert_close(loop, vectorized)
    sizes = torch.rand(n, 2, generator=generator) * 30
    loop, vectorized = (form(sizes, 0.3) for form in IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS.values())
    assert_close(loop, vectorized, rtol=0, atol=1e-5)


def test_every_point_is_a_peak_of_1(form):
    points = torch.tensor([[1.0, 1], [5, 2], [5, 3], [8, 6]])
    heatmaps = form(points, torch.tensor([3.0, 2, 2, 0]), torch.tensor([0, 0, 0, 0]), 1, (7, 9))
    assert heatmaps[0, points[:, 1].long(), points[:, 0].long()].tolist() == [1, 1, 1, 1]
    assert heatmaps.max() == 1 and (heatmaps == 1).sum() == 4


def test_radii_of_any_shape(radius_form):
    assert radius_form(torch.ones(2, 3, 2), 0.25).shape == (2, 3)
    assert radius_form(torch.ones(0, 2), 0.25).shape == (0,)
    assert radius_form(torch.tensor([8.0, 8]), 0.25).item() == 2
    assert radius_form(torch.ones(1, 2, dtype=torch.float16)).dtype == torch.float32


def test_strides_and_a_gradient_that_nobody_needs(form):
    points, radii, labels = tensors([[1, 1], [2, 0]], [1, 0], [0, 1])
    wide = torch.stack([points, points], 2)[..., 0].requires_grad_()
    heatmaps = form(wide, radii, labels, 2, 4)
    assert not heatmaps.requires_grad
    assert torch.equal(heatmaps, form(points, radii, labels, 2, (4, 4)))


def test_nothing_of_a_label_out_of_range_is_drawn_where_nobody_looks():
    points, radii, labels = tensors([[0, 0], [1, 0]], [0, 0], [2, 0])
    heatmaps = IMPLEMENTATIONS["vectorized"](points, radii, labels, 1, (1, 2))
    assert heatmaps.tolist() == [[[0, 1]]]


POINT, RADIUS, LABEL = torch.zeros(1, 2), torch.zeros(1), torch.zeros(1, dtype=torch.int64)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([0], RADIUS, LABEL, 1, 4), TypeError, "gaussian_heatmaps: points must be a Tensor"),
        ((POINT[0], RADIUS, LABEL, 1, 4), ValueError, r"points must have shape \(N, 2\)"),
        ((POINT, RADIUS[:0], LABEL, 1, 4), ValueError, r"N of points, 1, got \(0,\)"),
        ((POINT, RADIUS.double(), LABEL, 1, 4), ValueError, "radii must have the dtype of points"),
        ((POINT, RADIUS, LABEL[:0], 1, 4), ValueError, r"labels must have shape \(N,\), one for"),
        ((POINT, RADIUS, LABEL.float(), 1, 4), ValueError, "labels must have dtype"),
        ((POINT, RADIUS, LABEL + 1, 1, 4), ValueError, r"labels\[0\] must lie in 0, .*, 0, got 1"),
        ((POINT, RADIUS, LABEL - 1, 1, 4), ValueError, r"labels\[0\] must lie in .* got -1"),
        ((POINT, RADIUS, LABEL, 0, 4), ValueError, "num_classes must be positive"),
        ((POINT, RADIUS, LABEL, 1, (0, 4)), ValueError, "size must be at least 1"),
        ((POINT, RADIUS - 1, LABEL, 1, 4), ValueError, r"radii\[0\] must be at least 0, got -1"),
        ((POINT, RADIUS * math.nan, LABEL, 1, 4), ValueError, r"radii\[0\] must be finite"),
        ((POINT + math.inf, RADIUS, LABEL, 1, 4), ValueError, r"points\[0\] must be finite"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        gaussian_heatmaps(*args)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([1, 2],), TypeError, "gaussian_radius: sizes must be a Tensor, got list"),
        ((torch.ones(3),), ValueError, r"sizes must have shape \(\.\.\., 2\), got \(3,\)"),
        ((torch.ones(2).int(),), ValueError, "sizes must have dtype"),
        ((torch.tensor([1.0, -1]),), ValueError, "sizes must be finite and at least 0"),
        ((torch.tensor([1.0, math.nan]),), ValueError, "sizes must be finite and at least 0"),
        ((torch.ones(2), 0), ValueError, "min_overlap must be positive and finite, got 0"),
        ((torch.ones(2), 1.5), ValueError, r"min_overlap must lie in \[0, 1\], got 1.5"),
    ],
)
def test_errors_of_radii(args, error, message):
    with pytest.raises(error, match=message):
        gaussian_radius(*args)
