import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from edudet.cases.ops.affine_grid import CASES, CASES_OF_MOTIONS, MISTAKES, MISTAKES_OF_MOTIONS
from edudet.ops import affine_grid, rigid_theta
from edudet.ops.affine_grid import IMPLEMENTATIONS, pixel_centres


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def random_theta(n, axes, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, axes, axes + 1, generator=generator).to(dtype)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    theta, size, align_corners = case.args
    theta = torch.tensor(theta, dtype=torch.float32, device=device)
    expected = torch.tensor(case.expected).reshape(size[0], *size[2:], len(size) - 2).float()
    assert_close(form(theta, size, align_corners).cpu(), expected, rtol=2e-7, atol=0)


@pytest.mark.parametrize("case", CASES_OF_MOTIONS, ids=lambda case: case.name)
def test_worked_examples_of_motions(device, case):
    motion = torch.tensor(case.args[0], dtype=torch.float32, device=device)
    got = rigid_theta(motion, *case.args[1:]).cpu()
    assert_close(got, torch.tensor(case.expected).float(), rtol=1e-6, atol=1e-6)


def differs(mistake, case):
    got = mistake(*case.args)
    if got is None:
        return False
    got, expected = np.array(got, dtype=float), np.array(case.expected, dtype=float)
    return got.size != expected.size or not np.allclose(got.reshape(expected.shape), expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(differs(MISTAKES[mistake], case) for case in CASES), "no case bites"


@pytest.mark.parametrize("mistake", MISTAKES_OF_MOTIONS)
def test_worked_examples_of_motions_catch(mistake):
    caught = (differs(MISTAKES_OF_MOTIONS[mistake], case) for case in CASES_OF_MOTIONS)
    assert any(caught), "no case bites"


SIZES = [(2, 1, 4, 5), (1, 3, 1, 1), (3, 2, 7, 1), (0, 2, 3, 3), (2, 1, 3, 4, 5), (1, 1, 1, 2, 1)]


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(form, device, size, dtype, align_corners):
    theta = random_theta(size[0], len(size) - 2, dtype=dtype).to(device).requires_grad_()
    got = form(theta, size, align_corners)
    if size[0] == 0:  # where torch raises
        assert got.shape == (0, *size[2:], len(size) - 2) and got.dtype == dtype
        return
    expected = functional.affine_grid(theta, list(size), align_corners)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    assert_close(got, expected, rtol=tolerance, atol=tolerance)
    slope = torch.rand(expected.shape, generator=torch.Generator().manual_seed(1)).to(got)
    gradients = [torch.autograd.grad(out, theta, slope)[0] for out in (got, expected)]
    assert_close(*gradients, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.filterwarnings("ignore:Default grid_sample and affine_grid")
def test_the_default_is_torchs():
    theta = random_theta(2, 2)
    assert_close(affine_grid(theta, (2, 1, 3, 4)), functional.affine_grid(theta, [2, 1, 3, 4]))
    assert torch.equal(
        affine_grid(theta, torch.Size((2, 1, 3, 4))), affine_grid(theta, [2, 1, 3, 4])
    )


sides = st.integers(0, 6)


@settings(deadline=None, max_examples=40)
@given(st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, sides)), st.booleans())
def test_forms_agree(sides, align_corners):
    theta = random_theta(2, len(sides), dtype=torch.float64)
    loop, vectorized = (f(theta, (2, 1, *sides), align_corners) for f in IMPLEMENTATIONS.values())
    assert_close(loop, vectorized, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_computed_in_float32(form, dtype):
    theta = random_theta(2, 2, dtype=dtype)
    expected = form(theta.float(), (2, 1, 5, 6), False).to(dtype)
    assert torch.equal(form(theta, (2, 1, 5, 6), False), expected)


def test_gradients(form):
    theta = random_theta(2, 2, dtype=torch.float64).requires_grad_()
    for size in ((2, 1, 3, 2), (2, 1, 0, 2)):
        assert torch.autograd.gradcheck(lambda t, s=size: form(t, s, True), theta)
    motion = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda m: rigid_theta(m, (3, 5), False), motion)


@pytest.mark.parametrize("align_corners", [True, False])
def test_a_rigid_motion_is_what_its_formula_says(align_corners):
    height, width = 3, 5
    angle, shift_x, shift_y = motion = (0.3, 1.5, -2.0)
    theta = rigid_theta(torch.tensor([motion]).double(), (height, width), align_corners)
    grid = affine_grid(theta, (1, 1, height, width), align_corners)[0]
    unit = torch.tensor([width - align_corners, height - align_corners]) / 2
    pixels = grid * unit + torch.tensor([(width + 1) / 2, (height + 1) / 2])
    for n in range(1, height + 1):
        for m in range(1, width + 1):
            x = math.cos(angle) * m + math.sin(angle) * n + shift_x
            y = -math.sin(angle) * m + math.cos(angle) * n + shift_y
            expected = torch.tensor([x, y]).double()
            assert_close(pixels[n - 1, m - 1], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("align_corners", [True, False])
def test_at_rest_a_pixel_reads_itself(align_corners):
    """The lecture's arrays of indices: every row of m is 1 2 3 4, row r of n is r r r r."""
    theta = rigid_theta(torch.zeros(1, 3), (4, 4), align_corners)
    grid = affine_grid(theta, (1, 1, 4, 4), align_corners)[0]
    m, n = (grid * (4 - align_corners) / 2 + 2.5).unbind(-1)
    index = torch.arange(1.0, 5).expand(4, 4)
    assert_close(m, index)
    assert_close(n, index.T)


def test_centres_are_symmetric():
    for count in range(6):
        for align_corners in (True, False):
            centres = pixel_centres(count, align_corners, torch.zeros(1))
            assert_close(centres, -centres.flip(0))


THETA = torch.zeros(2, 2, 3)
BAD = [
    (([[1, 0, 0]], (1, 1, 2, 2)), TypeError, "affine_grid: theta must be a Tensor, got list"),
    ((THETA.long(), (2, 1, 2, 2)), ValueError, "affine_grid: theta must have dtype float32"),
    ((THETA, 4), TypeError, "affine_grid: size must be a sequence of ints, got 4"),
    ((THETA, (2, 1, 2.0, 2)), TypeError, "affine_grid: size must be a sequence of ints"),
    ((THETA, (2, 1, 2)), ValueError, r"affine_grid: size must be \(N, C, H, W\) or"),
    ((THETA, (2, 1, -2, 2)), ValueError, "none of them negative, got"),
    ((THETA, (3, 1, 2, 2)), ValueError, r"theta must have shape \(3, 2, 3\) for an output"),
    ((THETA, (2, 1, 2, 2, 2)), ValueError, r"theta must have shape \(2, 3, 4\) for an output"),
    ((THETA, (2, 1, 2, 2), 1), TypeError, "affine_grid: align_corners must be a bool, got 1"),
]
BAD_MOTIONS = [
    ((0.0, (4, 4)), TypeError, "rigid_theta: motion must be a Tensor, got float"),
    ((THETA, (4, 4)), ValueError, r"rigid_theta: motion must have shape \(N, 3\), got \(2, 2, 3\)"),
    ((THETA[0], 4), TypeError, r"rigid_theta: size must be a pair \(height, width\), got 4"),
    ((THETA[0], (0, 4)), ValueError, "rigid_theta: size must be at least 1"),
    ((THETA[0], (1, 4), True), ValueError, "size must be at least 2 each way with align_corners"),
    ((THETA[0], (4, 4), 0), TypeError, "rigid_theta: align_corners must be a bool"),
]


@pytest.mark.parametrize(
    ("function", "args", "error", "message"),
    [(affine_grid, *row) for row in BAD] + [(rigid_theta, *row) for row in BAD_MOTIONS],
)
def test_errors(function, args, error, message):
    with pytest.raises(error, match=message):
        function(*args)
