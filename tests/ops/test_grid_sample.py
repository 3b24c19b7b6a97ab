import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from conftest import form_of, forms, require_native
from edudet import emulator, native
from edudet.cases.ops.grid_sample import CASES, HALF, MISTAKES, UP, X
from edudet.ops import affine_grid, grid_sample, rigid_theta, sampling_weights
from edudet.ops.grid_sample import IMPLEMENTATIONS, grid_sample_native
from edudet.ops.sampling_weights import MODES, PADDING_MODES

WAYS = list(itertools.product(MODES, PADDING_MODES, (True, False)))
WAYS_OF_VOLUMES = [way for way in WAYS if way[0] != "bicubic"]


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "grid_sample", device)


@pytest.fixture(params=[1, 2])
def kernel(request, device):
    name = "native" if device == "cuda" else "emulated"
    form = form_of(IMPLEMENTATIONS, name, "grid_sample", device)
    return lambda *args: form(*args, kernel=request.param)


def random_pair(shape, outputs, seed=0, dtype=torch.float32, spread=1.3):
    """An input, and points of which some lie well outside."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.randn(shape[0], *outputs, len(outputs), generator=generator) * spread
    return torch.randn(shape, generator=generator).to(dtype), grid.to(dtype)


def value_and_gradients(form, input, grid, *way):
    input, grid = input.detach().requires_grad_(), grid.detach().requires_grad_()
    out = form(input, grid, *way)
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(9)).to(out)
    return out.detach(), *torch.autograd.grad(out, (input, grid), slope)


def compare(form, device, input, grid, *way, tolerance):
    expected = value_and_gradients(functional.grid_sample, input, grid, *way)
    got = value_and_gradients(form, input.to(device), grid.to(device), *way)
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    input, grid, *way = case.args
    input = torch.tensor(input, dtype=torch.float32, device=device)
    axes = input.ndim - 2
    grid = torch.tensor(grid, dtype=torch.float32, device=device)
    if not grid.numel():
        grid = grid.reshape(len(input), *[0] * axes, axes)
    expected = torch.tensor(case.expected).float()
    got = form(input, grid, *way).cpu()
    assert_close(got, expected.reshape(got.shape), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got, expected = np.array(MISTAKES[mistake](*case.args)), np.ravel(case.expected)
        return got.shape != expected.shape or not np.allclose(got, expected)

    assert any(differs(case) for case in CASES), "no case bites"


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        ((0, 0, 0), X[0][0]), ((0, 0, 1), UP[0][0]), ((0, 0, 0.5), HALF[0][0]),
        ((math.pi / 2, 0, 0), [[0] * 4] * 4),
        ((math.pi / 2, 0, 5), np.rot90(X[0][0], -1).tolist()),
    ],
)  # fmt: skip
def test_the_lecture_from_motion_to_picture(device, align_corners, motion, expected):
    theta = rigid_theta(torch.tensor([motion], dtype=torch.float64), (4, 4), align_corners)
    grid = affine_grid(theta, (1, 1, 4, 4), align_corners).to(device)
    image = torch.tensor(X, dtype=torch.float64, device=device)
    got = grid_sample(image, grid, align_corners=align_corners)[0, 0].cpu()
    assert_close(got, torch.tensor(expected).double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(
    ("shape", "outputs"), [((2, 3, 5, 4), (3, 2)), ((1, 2, 1, 1), (2, 3)), ((1, 1, 1, 6), (1, 4))]
)
def test_equals_torch(form, device, shape, outputs, way):
    compare(form, device, *random_pair(shape, outputs), *way, tolerance=3e-6)


@pytest.mark.parametrize("way", WAYS_OF_VOLUMES, ids=str)
def test_volumes_equal_torch(form, device, way):
    compare(form, device, *random_pair((2, 2, 3, 4, 2), (2, 1, 3)), *way, tolerance=3e-6)
    compare(form, device, *random_pair((1, 1, 1, 2, 1), (2, 1, 2)), *way, tolerance=3e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_large_ones_equal_torch(kernel, device, dtype, way):
    """Sizes that fill no block, no vector and no group of channels."""
    fast = [kernel]
    if native.missing("cpu") is None or device == "cuda":
        fast.append(IMPLEMENTATIONS["native"])
    fast.append(IMPLEMENTATIONS["vectorized"])
    for form in fast:
        tolerance = 4e-5 if dtype == torch.float32 else 1e-13
        inputs = random_pair((2, 19, 9, 13), (11, 17), 1, dtype)
        compare(form, device, *inputs, *way, tolerance=tolerance)


@pytest.mark.parametrize("way", WAYS_OF_VOLUMES, ids=str)
def test_kernels_of_the_ladder_agree_on_volumes(kernel, device, way):
    compare(kernel, device, *random_pair((2, 3, 4, 5, 6), (3, 5, 7), 2), *way, tolerance=1e-5)


ODD = [math.nan, math.inf, -math.inf, 1e30, -1e30, 3e38, 1e10, -5e9, 0.2]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_points_that_are_no_places(form, device, way):
    """NaN, infinities and huge numbers: torch's CPU answers, and never a stray access."""
    input = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    grid = torch.tensor(list(itertools.product(ODD, ODD))).reshape(1, 9, 9, 2)
    expected = functional.grid_sample(input, grid, *way)
    got = form(input.to(device), grid.to(device), *way)
    assert_close(got.cpu(), expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    value_and_gradients(form, input.to(device), grid.to(device), *way)


@pytest.mark.parametrize("way", WAYS_OF_VOLUMES, ids=str)
def test_points_that_are_no_places_in_a_volume(form, device, way):
    input = torch.arange(1.0, 9).reshape(1, 1, 2, 2, 2)
    points = list(itertools.product(ODD[:5], [math.nan, 1e20, 0.2], [-math.inf, -1e9, 0.3]))
    grid = torch.tensor(points).reshape(1, 5, 3, 3, 3)
    got = value_and_gradients(form, input.to(device), grid.to(device), *way)[0]
    expected = IMPLEMENTATIONS["loop"](input, grid, *way)
    assert_close(got.cpu(), expected, rtol=1e-5, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("mode", MODES)
def test_values_outside_the_taps_do_not_count(form, device, mode):
    """An infinity in cell 0 must not leak into points outside, whose taps are 0 times nothing."""
    input = torch.full((1, 1, 4, 4), math.inf, device=device)
    input[0, 0, 2:, 2:] = 1
    grid = torch.tensor([[[[2.0, 2.0], [1.0, 1.0]]]], device=device)
    got, grad_input, _ = value_and_gradients(form, input, grid, mode, "zeros", False)
    assert got.isfinite().all() and got[0, 0, 0, 0] == 0
    assert grad_input[0, 0, 0, 0] == 0


coordinate = st.floats(-3, 3, width=32)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4),
    st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(WAYS),
)
def test_forms_agree(points, sizes, way):
    input, _ = random_pair((1, *sizes), (1, 1), 3, torch.float64)
    grid = torch.tensor(points, dtype=torch.float64)[None, None]
    expected = IMPLEMENTATIONS["loop"](input, grid, *way)
    others = ["vectorized"] + (["native"] if native.missing("cpu") is None else [])
    for name in others:
        got = IMPLEMENTATIONS[name](input, grid, *way)
        assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_an_output_pixel_is_the_sum_of_its_weights(device, mode):
    input, grid = random_pair((2, 3, 5, 4), (3, 2), dtype=torch.float64)
    out = grid_sample(input.to(device), grid.to(device), mode, "reflection")
    for i, j in itertools.product(range(3), range(2)):
        kappa = sampling_weights(grid, (5, 4), (i, j), mode, "reflection")
        expected = (input * kappa[:, None]).sum((2, 3))
        assert_close(out[:, :, i, j].cpu(), expected)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_at_rest_nothing_changes(form, device, mode, align_corners):
    input, _ = random_pair((1, 2, 4, 5), (1, 1), dtype=torch.float64)
    theta = torch.eye(2, 3, dtype=torch.float64)[None]
    grid = affine_grid(theta, input.shape, align_corners).to(device)
    got = form(input.to(device), grid, mode, "zeros", align_corners).cpu()
    assert_close(got, input, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_gradients_are_derivatives(form, device, way):
    """Away from the kinks: points on pixels, on the border, and for nearest between pixels."""
    positions = torch.tensor([[0.3, 1.4], [-0.8, 0.7], [2.2, 3.3]], dtype=torch.float64)
    side = 4 - way[2]
    grid = ((positions * 2 + (not way[2])) / side - 1)[None, None].to(device)
    input = random_pair((1, 2, 4, 4), (1, 1), dtype=torch.float64)[0].to(device)
    args = (input.requires_grad_(), grid.requires_grad_())
    assert torch.autograd.gradcheck(lambda i, g: form(i, g, *way), args)


@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_gradient_at_kinks_is_that_of_the_right_and_lower_side(form, device, padding_mode):
    image = torch.tensor([[0.0, 1, 4], [10, 11, 14], [30, 31, 34]], dtype=torch.float64)
    points = torch.tensor([[0.0, 0], [-1, 0], [1, 0], [0, 1]], dtype=torch.float64)
    grid = points[None, None].to(device).requires_grad_()
    image = image[None, None].to(device)
    form(image, grid, "bilinear", padding_mode, True).sum().backward()
    # On the outermost pixels: with zeros, the 0 beside them counts; else nothing changes there.
    border = [[1, 20], [-14, 20], [3, -31]] if padding_mode == "zeros" else [[0, 20]] * 2 + [[3, 0]]
    assert grid.grad[0, 0].tolist() == [[3, 20], *border]


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives(form, device, mode):
    input, _ = random_pair((1, 2, 3, 3), (1, 1), dtype=torch.float64)
    grid = torch.tensor([[[[0.13, -0.41], [0.57, 0.33]]]], dtype=torch.float64)
    args = (input.to(device).requires_grad_(), grid.to(device).requires_grad_())
    assert torch.autograd.gradgradcheck(lambda i, g: form(i, g, mode, "zeros", False), args)


def test_third_derivatives_are_not_dropped():
    require_native("grid_sample", "cpu")
    input, grid = random_pair((1, 1, 4, 4), (1, 3), dtype=torch.float64, spread=0.3)
    thirds = []
    for form in (IMPLEMENTATIONS["native"], IMPLEMENTATIONS["vectorized"]):
        points = grid.clone().requires_grad_()
        value = (form(input, points, "bicubic") ** 3).sum()
        for _ in range(3):
            (slope,) = torch.autograd.grad(value, points, create_graph=True)
            value = (slope * slope).sum()
        thirds.append(slope)
    assert_close(*thirds)


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_the_gradient_that_is_wanted(form, device, wanted):
    tensors = [t.to(device) for t in random_pair((2, 3, 5, 4), (3, 2))]
    expected = value_and_gradients(functional.grid_sample, *tensors, "bilinear", "zeros", False)
    for tensor, wants in zip(tensors, wanted, strict=True):
        tensor.requires_grad_(wants)
    out = form(*tensors, "bilinear", "zeros", False)
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(9)).to(out)
    out.backward(slope)
    for tensor, gradient in zip(tensors, expected[1:], strict=True):
        assert (tensor.grad is not None) == tensor.requires_grad
        if tensor.requires_grad:
            assert_close(tensor.grad, gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "outputs"), [((0, 2, 3, 3), (2, 2)), ((2, 0, 3, 3), (2, 2)), ((2, 3, 3, 3), (0, 2)),
                           ((1, 1, 2, 3, 3), (2, 0, 2))],
)  # fmt: skip
def test_nothing_in_nothing_out_and_no_gradient_dropped(form, device, shape, outputs):
    input, grid = random_pair(shape, outputs)
    out, *grads = value_and_gradients(form, input.to(device), grid.to(device))
    assert out.shape == (*shape[:2], *outputs) and out.dtype == torch.float32
    for gradient, tensor in zip(grads, (input, grid), strict=True):
        assert torch.equal(gradient.cpu(), torch.zeros_like(tensor))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", MODES)
def test_sixteen_bits_are_computed_in_float32(form, device, mode, dtype):
    input, grid = (t.to(device) for t in random_pair((2, 3, 5, 4), (3, 2), dtype=dtype))
    wide = value_and_gradients(form, input.float(), grid.float(), mode)
    for points in (grid, grid.float()):  # float32 points beside a 16-bit input are more exact
        got = value_and_gradients(form, input, points, mode)
        assert [t.dtype for t in got] == [dtype, dtype, points.dtype]
        assert torch.equal(got[0], wide[0].to(dtype))
        for a, b in zip(got[1:], wide[1:], strict=True):
            assert_close(a.float(), b, rtol=3e-2, atol=3e-2)


def test_any_layout(form, device):
    input, grid = (t.to(device) for t in random_pair((2, 3, 5, 4), (3, 2)))
    expected = value_and_gradients(form, input, grid)
    strided = grid.flip(0).transpose(1, 2).contiguous().transpose(1, 2).flip(0)
    for other in (
        input.contiguous(memory_format=torch.channels_last),
        torch.cat([input, input], 3)[..., :4],
        input[:1].expand(2, -1, -1, -1),
    ):
        got = value_and_gradients(form, other, strided)
        if other.stride(0):
            for a, b in zip(got, expected, strict=True):
                assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_same_bits_for_any_number_of_threads(dtype):
    require_native("grid_sample", "cpu")
    input, grid = random_pair((3, 40, 17, 19), (33, 35), dtype=dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(value_and_gradients(grid_sample_native, input, grid))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_operators_are_registered_properly(device):
    require_native("grid_sample", device)
    input, grid = (t.to(device) for t in random_pair((2, 3, 5, 4), (3, 2)))
    args = (input.requires_grad_(), grid.requires_grad_(), 0, 0, False, 0)
    torch.library.opcheck(torch.ops.edudet.grid_sample.default, args)
    grad = torch.ones(2, 3, 3, 2, device=device)
    args = (grad, input.detach(), grid.detach(), 0, 0, False, True, False, 0)
    torch.library.opcheck(torch.ops.edudet.grid_sample_backward.default, args)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiles_without_a_break(device):
    require_native("grid_sample", device)
    input, grid = (t.to(device) for t in random_pair((2, 3, 5, 4), (3, 2)))
    compiled = torch.compile(grid_sample, fullgraph=True, backend="aot_eager")
    got = value_and_gradients(compiled, input, grid)
    for a, b in zip(got, value_and_gradients(grid_sample, input, grid), strict=True):
        assert torch.equal(a, b)


def test_shapes_without_numbers():
    out = grid_sample(
        torch.empty(2, 3, 5, 4, device="meta"), torch.empty(2, 7, 6, 2, device="meta")
    )
    assert out.shape == (2, 3, 7, 6) and out.device.type == "meta"


def test_forward_mode():
    input, grid = random_pair((1, 2, 4, 4), (2, 2), dtype=torch.float64, spread=0.4)
    tangents = random_pair((1, 2, 4, 4), (2, 2), 5, torch.float64)
    _, tangent = torch.func.jvp(lambda i, g: grid_sample(i, g), (input, grid), tangents)
    step = 1e-6
    moved = [t + step * d for t, d in zip((input, grid), tangents, strict=True)]
    expected = (grid_sample(*moved) - grid_sample(input, grid)) / step
    assert_close(tangent, expected, rtol=1e-4, atol=1e-4)


def test_autocast_makes_dtypes_meet(device):
    input, grid = (t.to(device) for t in random_pair((1, 2, 4, 4), (2, 2)))
    with torch.autocast(device, torch.bfloat16):
        out = grid_sample(input.bfloat16(), grid)
    assert torch.equal(out, grid_sample(input.bfloat16().float(), grid))


@pytest.mark.filterwarnings("ignore:Default grid_sample and affine_grid")
def test_the_defaults_are_torchs():
    input, grid = random_pair((1, 2, 4, 4), (2, 2))
    assert_close(grid_sample(input, grid), functional.grid_sample(input, grid))


@pytest.mark.parametrize("kernel", [1, 2])
def test_the_checker_finds_nothing_at_points_that_are_no_places(kernel):
    form_of(IMPLEMENTATIONS, "emulated", "grid_sample", "cpu")
    input = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    grid = torch.tensor(list(itertools.product(ODD, ODD))).reshape(1, 9, 9, 2)
    for way in WAYS[::3]:
        run = emulator.run(grid_sample_native, input, grid, *way, kernel=kernel, check=True)
        assert not run.findings and not run.error, run.report()


INPUT, GRID = torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 6, 2)
BAD = [
    (([1.0], GRID), TypeError, "grid_sample: input must be a Tensor, got list"),
    ((INPUT, None), TypeError, "grid_sample: grid must be a Tensor, got NoneType"),
    ((INPUT[0], GRID), ValueError, r"grid_sample: input must have shape \(N, C, H, W\) or"),
    ((INPUT, GRID[0]), ValueError, r"grid must have shape \(2, H_out, W_out, 2\) for this input"),
    ((INPUT, GRID[:1]), ValueError, r"got \(1, 5, 6, 2\)"),
    ((INPUT, torch.zeros(2, 5, 6, 3)), ValueError, r"got \(2, 5, 6, 3\)"),
    ((INPUT[..., None], GRID), ValueError, r"shape \(2, D_out, H_out, W_out, 3\)"),
    ((INPUT[:, :, :0], GRID), ValueError, "input must have at least one pixel, got shape"),
    ((INPUT.long(), GRID), ValueError, "grid_sample: input must have dtype float32"),
    ((INPUT, GRID.double()), ValueError, "grid must have the dtype of input, torch.float32"),
    ((INPUT, GRID.half()), ValueError, "grid must have the dtype of input, torch.float32"),
    (
        (INPUT, GRID, "linear"),
        ValueError,
        "mode must be one of bilinear, nearest, bicubic, got 'li",
    ),
    ((INPUT, GRID, 0), ValueError, "mode must be one of bilinear, nearest, bicubic, got 0"),
    ((INPUT, GRID, "nearest", "wrap"), ValueError, "padding_mode must be one of zeros, border,"),
    (
        (INPUT, GRID, "nearest", "zeros", "yes"),
        TypeError,
        "align_corners must be a bool, got 'yes'",
    ),
    (
        (INPUT[..., None], torch.zeros(2, 1, 1, 1, 3), "bicubic"),
        ValueError,
        "or nearest for volumes",
    ),
    ((INPUT, GRID.to("meta")), ValueError, "grid must be on the device of input, cpu, got meta"),
    ((torch.zeros(1).expand(1, 1, 1, 2**24 + 1), GRID[:1]), ValueError, "at most 2\\^24 pixels"),
    ((torch.zeros(1).expand(1, 1, 2**16, 2**16), GRID[:1]), ValueError, "fewer than 2\\^31 pixels"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        grid_sample(*args)


@pytest.mark.parametrize(
    "args",
    [
        (INPUT[0], GRID, 0, 0, False, 0), (INPUT, GRID[:1], 0, 0, False, 0),
        (INPUT, GRID.double(), 0, 0, False, 0), (INPUT, GRID, 3, 0, False, 0),
        (INPUT, GRID, -1, 0, False, 0), (INPUT, GRID, 0, 3, False, 0),
        (INPUT[..., None], torch.zeros(2, 1, 1, 1, 3), 2, 0, False, 0),
        (INPUT[:, :, :0], GRID, 0, 0, False, 0), (INPUT.long(), GRID, 0, 0, False, 0),
    ],
)  # fmt: skip
def test_the_kernel_itself_touches_no_foreign_memory(args):
    require_native("grid_sample", "cpu")
    with pytest.raises(RuntimeError, match="grid_sample: "):
        torch.ops.edudet.grid_sample(*args)
    grad = torch.zeros(2, 3, 5, 6)
    with pytest.raises(RuntimeError, match="grid_sample_backward: "):
        torch.ops.edudet.grid_sample_backward(grad, *args[:-1], True, True, 0)
    with pytest.raises(RuntimeError, match="grad must be like the output"):
        torch.ops.edudet.grid_sample_backward(grad[:1], INPUT, GRID, 0, 0, False, True, True, 0)
