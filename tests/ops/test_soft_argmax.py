import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from torch.testing import assert_close

import edudet.ops.soft_argmax as module
from conftest import form_of, name_of, require_native
from edudet import native
from edudet.cases.ops.soft_argmax import CASES, MISTAKES
from edudet.ops import soft_argmax1d, soft_argmax2d, soft_argmax3d
from edudet.ops.soft_argmax import IMPLEMENTATIONS

PUBLIC = {1: soft_argmax1d, 2: soft_argmax2d, 3: soft_argmax3d}
SHAPES = {1: (2, 3, 7), 2: (2, 3, 4, 5), 3: (2, 2, 3, 2, 4)}
BIG = {1: (2, 5000), 2: (3, 61, 47), 3: (2, 9, 21, 19)}


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "soft_argmax", device)


def random_maps(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def value_and_gradient(form, maps, *args):
    maps = maps.detach().clone().requires_grad_()
    out = form(maps, *args)
    weights = random_maps(*out.shape, seed=9).to(out)
    return out.detach(), torch.autograd.grad(out, maps, weights)[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    heatmaps = torch.tensor(case.args[0], dtype=torch.float32, device=device)
    got = form(heatmaps, *case.args[1:]).cpu()
    assert_close(got, torch.tensor(case.expected), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got = np.array(MISTAKES[mistake](*case.args))
        return not np.allclose(got, case.expected, rtol=1e-6, atol=1e-6)

    assert any(differs(case) for case in CASES), "no case bites"


def test_the_mistakes_start_from_the_truth():
    from edudet.cases.ops.soft_argmax import _with

    for case in CASES:
        assert_close(np.array(_with()(*case.args)), np.array(case.expected), rtol=0, atol=1e-6)


def test_example_of_the_docstring():
    found = doctest.testmod(module, extraglobs={"torch": torch})
    assert found.attempted == 3 and found.failed == 0


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 50.0, 1e6, math.inf])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_forms_agree_with_the_loop(form, device, axes, normalized, beta):
    maps = random_maps(*SHAPES[axes], dtype=torch.float64)
    expected = value_and_gradient(IMPLEMENTATIONS["loop"], maps, beta, normalized, axes)
    got = value_and_gradient(form, maps.to(device), beta, normalized, axes)
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_scipy_agrees(device, axes, dtype):
    """An outside softmax, on maps that do not fit into a block of the kernel or a vector."""
    maps = random_maps(*BIG[axes], seed=axes, dtype=dtype)
    got = PUBLIC[axes](maps.to(device), 2.0).cpu()
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    cells = maps.double().numpy()
    over = tuple(range(1, axes + 1))
    weights = softmax(2.0 * cells, axis=over)
    assert_close(weights, np.exp(2 * cells - logsumexp(2 * cells, axis=over, keepdims=True)))
    grids = np.meshgrid(*(np.arange(n) + 0.5 for n in maps.shape[1:]), indexing="ij")
    expected = np.stack([(weights * grid).sum(over) for grid in grids[::-1]], -1)
    limit = 1e-11 if dtype == torch.float64 else 2e-3 if axes == 1 else 2e-5
    assert_close(got.double(), torch.tensor(expected), rtol=0, atol=limit)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_kernel_agrees_with_torch_on_big_maps(device, axes, dtype):
    native_form = form_of(IMPLEMENTATIONS, "native", "soft_argmax", device)
    maps = random_maps(*BIG[axes], seed=axes, dtype=dtype).to(device)
    for beta in (0.0, 1.0, 30.0):
        args = beta, True, axes
        expected = value_and_gradient(IMPLEMENTATIONS["vectorized"], maps.double(), *args)
        out, gradient = value_and_gradient(native_form, maps, *args)
        assert_close(out.double(), expected[0], rtol=0, atol=1e-6)
        assert gradient.dtype == dtype
        limit = {torch.bfloat16: 8e-3, torch.float16: 1e-3}.get(dtype, 1e-4)
        scale = expected[1].abs().max().item()
        assert_close(gradient.double(), expected[1], rtol=limit, atol=limit * scale)


values = st.sampled_from([0.0, 1.0, -1.0, 3.5, 1e4, -1e4, 1e30, -1e30, math.inf, -math.inf])


@settings(deadline=None, max_examples=80)
@given(
    row=st.lists(values, min_size=1, max_size=6),
    beta=st.sampled_from([0.0, 1e-30, 1.0, 1e4, 1e30, math.inf]),
    nan=st.booleans(),
)
def test_every_form_answers_alike_to_anything(row, beta, nan):
    maps = torch.tensor([row + [math.nan] * nan, [0.0] * (len(row) + nan)], dtype=torch.float64)
    answers = [
        value_and_gradient(IMPLEMENTATIONS[name], maps, beta, False, 1)
        for name in ["loop", "vectorized"] + ["native"] * (native.missing("cpu") is None)
    ]
    for out, gradient in answers:
        assert_close(out, answers[0][0], rtol=1e-12, atol=0, equal_nan=True)
        assert out[0].isnan().all() if nan else out.isfinite().all()
        assert gradient[1].isfinite().all() or beta > 1e4
        assert gradient.isfinite().all() or nan or beta > 1e4


@pytest.mark.parametrize("beta", [0.0, 1.0, 1e4, math.inf])
def test_infinite_cells(form, device, beta):
    inf = math.inf
    rows = [[0, inf, 3, inf], [-inf, 5, -inf, -inf], [-inf] * 4, [inf, -inf, 0, 0]]
    maps = torch.tensor(rows, device=device)
    out, gradient = value_and_gradient(form, maps, beta, False, 1)
    assert out.flatten().tolist() == [2.5, 1.5, 2.0, 0.5]
    assert gradient.isfinite().all() and not gradient[[0, 2, 3]].any()


def test_a_nan_stays_in_its_map(form, device):
    maps = torch.zeros(3, 2, 20, device=device)
    maps[1, 1, 17] = math.nan
    out, gradient = value_and_gradient(form, maps, 1.0)
    assert out[1].isnan().all() and gradient[1].isnan().all()
    assert out[[0, 2]].isfinite().all() and gradient[[0, 2]].isfinite().all()


def test_large_beta_is_the_argmax(form, device):
    maps = torch.stack([torch.randperm(20, generator=torch.Generator().manual_seed(i))
                        for i in range(5)]).reshape(5, 4, 5).float()  # fmt: skip
    y, x = np.unravel_index(maps.flatten(1).argmax(1).numpy(), (4, 5))
    expected = torch.tensor(np.stack([x, y], 1) + 0.5, dtype=torch.float32)
    for beta in (1e4, 1e300, math.inf):  # 1e300 is more than a float32 can hold
        assert torch.equal(form(maps.to(device), beta).cpu(), expected)
        out, gradient = value_and_gradient(form, 500 * maps.to(device), beta)
        assert torch.equal(out.cpu(), expected) and not gradient.any()


def test_properties(form, device):
    maps = random_maps(3, 6, 8, dtype=torch.float64).to(device)
    out = form(maps, 2.0)
    assert_close(form(maps + 7, 2.0), out)  # a constant changes nothing
    assert_close(form(2 * maps, 1.0), out)
    assert_close(form(maps.transpose(1, 2), 2.0), out.flip(-1))
    width, height = 8, 6
    size = torch.tensor([width, height], device=device)
    assert_close(form(maps.flip(-1), 2.0)[:, 0], width - out[:, 0])
    assert_close(form(maps, 2.0, True), 2 * out / size - 1)
    padded = torch.nn.functional.pad(maps, (3, 1, 2, 0), value=-math.inf)
    assert_close(form(padded, 2.0), out + torch.tensor([3, 2], device=device))


def test_normalized_is_what_grid_sample_reads(device):
    """Reading the map at the peak gives the value of the peak."""
    maps = random_maps(1, 1, 5, 7).to(device)
    grid = soft_argmax2d(maps, math.inf, normalized=True)[:, :, None]
    read = torch.nn.functional.grid_sample(maps, grid, align_corners=False)
    assert_close(read.item(), maps.max().item(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("normalized", [False, True])
def test_gradient(form, device, axes, normalized):
    maps = random_maps(2, *(3, 2, 4)[3 - axes :], dtype=torch.float64).to(device).requires_grad_()

    def run(maps):
        return form(maps, 1.7, normalized, axes)

    assert torch.autograd.gradcheck(run, maps)
    assert torch.autograd.gradgradcheck(run, maps)


def test_third_derivative(form, device):
    maps = random_maps(1, 2, 3, dtype=torch.float64).to(device).requires_grad_()

    def slope(maps):
        return torch.autograd.grad(form(maps, 1.7).prod(), maps, create_graph=True)[0]

    assert torch.autograd.gradcheck(slope, maps)
    assert torch.autograd.gradgradcheck(slope, maps)


def test_gradient_to_beta(device):
    maps = random_maps(2, 3, 4, dtype=torch.float64).to(device).requires_grad_()
    maps.data[0, 0, 0] = -math.inf
    beta = torch.tensor(1.3, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda b: soft_argmax2d(maps.detach(), b), beta)
    for of in (soft_argmax2d, IMPLEMENTATIONS["loop"]):
        got = torch.autograd.grad(of(maps, beta).sum(), (maps, beta))
        assert all(slope.isfinite().all() for slope in got)
    assert_close(soft_argmax2d(maps, beta), soft_argmax2d(maps, 1.3))


@pytest.mark.parametrize("beta", [0.0, 1.3, math.inf])
@pytest.mark.parametrize("shape", [(), (1,)])
def test_beta_as_a_tensor(device, beta, shape):
    maps = random_maps(2, 3, 4).to(device)
    tensor = torch.full(shape, beta, dtype=torch.float64, device=device)
    for of in (soft_argmax2d, IMPLEMENTATIONS["loop"]):
        got = of(maps, tensor)
        assert got.dtype == torch.float32
        assert_close(got, soft_argmax2d(maps, beta))


def test_forward_mode(device):
    maps = random_maps(2, 3, 4, dtype=torch.float64).to(device)
    direction = random_maps(2, 3, 4, seed=1, dtype=torch.float64).to(device)
    _, slope = torch.func.jvp(soft_argmax2d, (maps,), (direction,))
    step = 1e-6
    difference = soft_argmax2d(maps + step * direction) - soft_argmax2d(maps - step * direction)
    assert_close(slope, difference / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5), (0, 3, 0, 5)])
def test_nothing_gives_nothing_and_a_zero_gradient(form, device, shape):
    maps = torch.zeros(shape, device=device, requires_grad=True)
    out = form(maps)
    assert out.shape == (*shape[:2], 2) and out.dtype == torch.float32
    out.sum().backward()
    assert maps.grad.shape == shape


def test_leading_dimensions(form, device):
    maps = random_maps(2, 3, 4, 5).to(device)
    assert form(maps).shape == (2, 3, 2)
    assert_close(form(maps[0, 0]), form(maps)[0, 0])
    assert_close(form(maps[None]), form(maps)[None])


def test_any_strides(form, device):
    maps = random_maps(2, 10, 3, 8).to(device)
    for view in (maps[:, ::2], maps.transpose(2, 3), maps.permute(0, 3, 1, 2), maps[..., ::3],
                 maps[:, :1].expand(2, 4, 3, 8)):  # fmt: skip
        assert_close(form(view, 2.0), form(view.contiguous(), 2.0))
    leaf = maps.clone().requires_grad_()
    form(leaf).sum().backward()  # a gradient with strides of 0
    assert_close(leaf.grad, value_and_sum(maps))


def value_and_sum(maps):
    leaf = maps.clone().requires_grad_()
    return torch.autograd.grad(IMPLEMENTATIONS["vectorized"](leaf).sum(), leaf)[0]


def test_threads_change_nothing():
    require_native("soft_argmax", "cpu")
    before = torch.get_num_threads()
    maps = random_maps(40, 33, 70)
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(value_and_gradient(IMPLEMENTATIONS["native"], maps, 3.0))
        for out, gradient in results[1:]:
            assert torch.equal(out, results[0][0]) and torch.equal(gradient, results[0][1])
    finally:
        torch.set_num_threads(before)


def test_opcheck(device):
    form_of(IMPLEMENTATIONS, "native", "soft_argmax", device)
    maps = random_maps(3, 1, 4, 5).to(device).requires_grad_()
    torch.library.opcheck(torch.ops.edudet.soft_argmax.default, (maps, 2.0, True, 2))
    out, state = torch.ops.edudet.soft_argmax(maps.detach(), 2.0, True, 2)
    args = (out.clone().requires_grad_(), maps, state, 2.0, True)
    torch.library.opcheck(torch.ops.edudet.soft_argmax_backward.default, args)


def test_compiles(device):
    maps = random_maps(2, 3, 4, 5).to(device).requires_grad_()
    compiled = torch.compile(soft_argmax2d, fullgraph=True)
    assert_close(compiled(maps, 2.0), soft_argmax2d(maps, 2.0))
    got, expected = (
        torch.autograd.grad(f(maps, 2.0).sum(), maps)[0] for f in (compiled, soft_argmax2d)
    )
    assert_close(got, expected)


def test_meta():
    out = soft_argmax3d(torch.zeros(2, 3, 4, 5, 6, device="meta", dtype=torch.float16))
    assert out.shape == (2, 3, 3) and out.dtype == torch.float32


MAPS = torch.zeros(2, 3, 4, 5)
BAD = [
    (soft_argmax2d, ([[1.0]],), TypeError, "heatmaps must be a Tensor, got list"),
    (soft_argmax2d, (MAPS[0, 0, 0],), ValueError, r"shape \(\.\.\., H, W\), got \(5,\)"),
    (soft_argmax3d, (MAPS[0, 0],), ValueError, r"shape \(\.\.\., D, H, W\), got \(4, 5\)"),
    (soft_argmax2d, (MAPS.int(),), ValueError, "dtype float32, .*, got int32"),
    (soft_argmax2d, (MAPS[..., :0],), ValueError, r"at least one cell, got shape \(2, 3, 4, 0\)"),
    (soft_argmax2d, (MAPS, -1.0), ValueError, r"beta must be 0 or more, got -1\.0; .*minimum"),
    (soft_argmax2d, (MAPS, math.nan), ValueError, "beta must be 0 or more, got nan"),
    (soft_argmax2d, (MAPS, torch.tensor(-2.0)), ValueError, "beta must be 0 or more, got -2"),
    (soft_argmax2d, (MAPS, torch.ones(3)), ValueError, r"beta must be one number, got \(3,\)"),
    (soft_argmax2d, (MAPS, torch.tensor(1)), ValueError, "beta must have dtype .*, got int64"),
    (soft_argmax2d, (MAPS, "1"), TypeError, "beta must be a number, got '"),
    (soft_argmax2d, (MAPS, 1.0, 1), TypeError, "normalized must be a bool, got 1"),
]


@pytest.mark.parametrize(("function", "args", "error", "message"), BAD, ids=name_of)
def test_errors(function, args, error, message):
    with pytest.raises(error, match=f"{function.__name__}: .*{message}"):
        function(*args)


def test_the_kernels_guard_their_memory():
    require_native("soft_argmax", "cpu")
    ops = torch.ops.edudet
    maps, grad, state = torch.zeros(2, 1, 3, 4), torch.zeros(2, 2), torch.zeros(2, 4)
    for call, args in [
        (ops.soft_argmax, (maps[0], 1.0, False, 2)),
        (ops.soft_argmax, (maps, 1.0, False, 4)),
        (ops.soft_argmax, (maps[..., :0], 1.0, False, 2)),
        (ops.soft_argmax_backward, (grad[:1], maps, state, 1.0, False)),
        (ops.soft_argmax_backward, (grad, maps, state[:1], 1.0, False)),
        (ops.soft_argmax_backward, (grad, maps, state.double(), 1.0, False)),
    ]:
        with pytest.raises(RuntimeError, match=r"^soft_argmax"):
            call(*args)
