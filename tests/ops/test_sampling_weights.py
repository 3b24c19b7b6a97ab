import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from edudet.cases.ops.sampling_weights import CASES, MISTAKES
from edudet.ops import sampling_weights
from edudet.ops.sampling_weights import IMPLEMENTATIONS, MODES, PADDING_MODES, axis_taps

WAYS = list(itertools.product(MODES, PADDING_MODES, (True, False)))


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    point, size, *way = case.args
    grid = torch.tensor(point, device=device).reshape(1, *[1] * len(size), len(size)).float()
    got = form(grid, size, (0,) * len(size), *way)[0].cpu()
    assert_close(got, torch.tensor(case.expected).float(), rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    caught = [
        not np.allclose(MISTAKES[mistake](*case.args), np.ravel(case.expected)) for case in CASES
    ]
    assert any(caught), "no case bites"


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("size", [(4, 5), (1, 3), (2, 3, 2)], ids=str)
def test_are_the_gradient_of_the_sample(form, device, size, way):
    """An outside witness: torch's derivative of an output pixel by the input."""
    mode, padding_mode, align_corners = way
    axes = len(size)
    if mode == "bicubic" and axes == 3:
        return
    generator = torch.Generator().manual_seed(0)
    grid = torch.randn(2, *(2, 3, 2)[:axes], axes, generator=generator).to(device)
    input = torch.zeros(2, 1, *size, device=device, requires_grad=True)
    pixel = (1, 2, 0)[:axes]
    out = functional.grid_sample(input, grid, mode, padding_mode, align_corners)
    (expected,) = torch.autograd.grad(out[(slice(None), 0, *pixel)].sum(), input)
    assert_close(form(grid, size, pixel, *way), expected[:, 0], rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_bilinear_weights_are_two_triangles(x, y, height, width, align_corners):
    grid = torch.tensor([[[[x, y]]]], dtype=torch.float64)
    for form in IMPLEMENTATIONS.values():
        got = form(grid, (height, width), (0, 0), align_corners=align_corners)[0]
        for v, u in itertools.product(range(height), range(width)):
            column = ((x + 1) * (width - align_corners) - (not align_corners)) / 2
            row = ((y + 1) * (height - align_corners) - (not align_corners)) / 2
            kappa = max(0, 1 - abs(u - column)) * max(0, 1 - abs(v - row))
            assert got[v, u].item() == pytest.approx(kappa, abs=1e-14)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=3),
    st.integers(1, 5),
    st.sampled_from(WAYS),
)
def test_forms_agree_and_sum_to_one(point, side, way):
    mode, padding_mode, _ = way
    if mode == "bicubic":
        point = point[:2]
    axes = len(point)
    grid = torch.tensor(point, dtype=torch.float64).reshape(1, *[1] * axes, axes)
    args = ((side,) * axes, (0,) * axes, *way)
    loop, vectorized = (form(grid, *args) for form in IMPLEMENTATIONS.values())
    assert_close(loop, vectorized, rtol=1e-12, atol=1e-12)
    if padding_mode != "zeros":
        assert loop.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("way", [w for w in WAYS if w[0] != "nearest"], ids=str)
def test_gradient(form, way):
    grid = torch.tensor([[[[0.13, -0.41]]], [[[1.37, 0.83]]]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda g: form(g, (3, 4), (0, 0), *way), grid.requires_grad_())


def test_taps_say_what_lies_outside():
    (low, low_weight), (high, high_weight) = axis_taps(
        torch.tensor(-1.0), 4, "bilinear", "zeros", False
    )
    assert (low, high) == (None, 0)
    assert (low_weight.item(), high_weight.item()) == (0.5, 0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_computed_in_float32(form, dtype):
    grid = torch.tensor([[[[0.13, -0.41]]]], dtype=dtype)
    expected = form(grid.float(), (3, 4), (0, 0)).to(dtype)
    assert torch.equal(form(grid, (3, 4), (0, 0)), expected)


def test_no_images(form):
    assert form(torch.zeros(0, 1, 1, 2), (3, 4), (0, 0)).shape == (0, 3, 4)


GRID = torch.zeros(1, 2, 3, 2)
BAD = [
    (([0.0], (4, 4), (0, 0)), TypeError, "sampling_weights: grid must be a Tensor, got list"),
    ((GRID.long(), (4, 4), (0, 0)), ValueError, "sampling_weights: grid must have dtype float32"),
    ((GRID, (4,), (0, 0)), ValueError, r"sampling_weights: size must be \(H, W\) or \(D, H, W\)"),
    ((GRID, (4, 0), (0, 0)), ValueError, r"at least 1, got \(4, 0\)"),
    ((GRID, (4, 4, 4), (0, 0, 0)), ValueError, "grid must have 5 dimensions, the last of 3"),
    ((GRID, (4, 4), (0,)), IndexError, r"pixel must be a place in \(2, 3\), got \(0,\)"),
    ((GRID, (4, 4), (2, 0)), IndexError, r"pixel must be a place in \(2, 3\), got \(2, 0\)"),
    ((GRID, (4, 4), (0, 0), "cubic"), ValueError, "mode must be one of bilinear, nearest, bicubic"),
    ((GRID, (4, 4), (0, 0), "nearest", "zero"), ValueError, "padding_mode must be one of zeros"),
    ((GRID, (4, 4), (0, 0), "nearest", "zeros", 1), TypeError, "align_corners must be a bool"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        sampling_weights(*args)
