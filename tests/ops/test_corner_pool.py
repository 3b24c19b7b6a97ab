import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import form_of, forms, name_of, require, require_native
from edudet import emulator, native
from edudet.cases.ops.corner_pool import CASES, MISTAKES
from edudet.ops import bottom_pool, corner_pool, left_pool, right_pool, top_pool
from edudet.ops.corner_pool import (
    DIRECTIONS,
    IMPLEMENTATIONS,
    corner_pool_loop,
    corner_pool_native,
)
from inputs import random_map

SINGLE = {"top": top_pool, "left": left_pool, "bottom": bottom_pool, "right": right_pool}


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "corner_pool", device)


@pytest.fixture(params=[1, 2])
def kernel(request, device):
    name = "native" if device == "cuda" else "emulated"
    form = form_of(IMPLEMENTATIONS, name, "corner_pool", device)
    return lambda *args: form(*args, kernel=request.param)


def value_and_gradient(form, feature_map, *args):
    feature_map = feature_map.detach().clone().requires_grad_()
    out = form(feature_map, *args)
    weights = random_map(*out.shape, seed=9).to(out)
    (gradient,) = torch.autograd.grad(out, feature_map, weights)
    return out.detach(), gradient


def same(got, expected):
    """Values are chosen, or the sum of two: they are equal. Gradients are longer sums."""
    assert_close(got[0].cpu(), expected[0], rtol=0, atol=0, equal_nan=True)
    assert_close(got[1].cpu(), expected[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    feature_map, corner = case.args
    feature_map = torch.tensor(feature_map, dtype=torch.float32, device=device)
    if feature_map.numel() == 0:
        feature_map = feature_map.reshape(0, 1, 2, 3)
    expected = torch.tensor(case.expected, dtype=torch.float32).reshape(feature_map.shape)
    assert torch.equal(form(feature_map, corner).cpu(), expected)
    public = SINGLE[corner](feature_map) if corner in SINGLE else corner_pool(feature_map, corner)
    assert torch.equal(public.cpu(), expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got = MISTAKES[mistake](*case.args)
        return np.shape(got) != np.shape(case.expected) or not np.array_equal(got, case.expected)

    assert any(differs(case) for case in CASES), "no case bites"


SHAPES = [(2, 3, 4, 5), (1, 1, 1, 1), (1, 2, 1, 33), (1, 2, 40, 1), (2, 1, 17, 70), (1, 2, 64, 32)]


@pytest.mark.parametrize("corner", DIRECTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forms_agree_with_the_loop(form, device, shape, corner):
    feature_map = random_map(*shape).mul(2).round()  # with ties
    expected = value_and_gradient(corner_pool_loop, feature_map, corner)
    same(value_and_gradient(form, feature_map.to(device), corner), expected)


@pytest.mark.parametrize("corner", DIRECTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_of_the_ladder_agree(kernel, device, dtype, corner):
    for shape in ((3, 2, 19, 67), (1, 3, 33, 31)):
        feature_map = random_map(*shape, dtype=dtype)
        feature_map[0, 0, 3, 3] = feature_map[0, 0, 8, 7] = math.nan
        expected = value_and_gradient(IMPLEMENTATIONS["vectorized"], feature_map, corner)
        same(value_and_gradient(kernel, feature_map.to(device), corner), expected)


cell = st.sampled_from([-math.inf, -2.0, -1.0, 0.0, 1.0, 2.0, math.inf, math.nan])


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(*(st.integers(0, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6))),
    corner=st.sampled_from(sorted(DIRECTIONS)),
    data=st.data(),
)
def test_forms_agree_on_anything(shape, corner, data):
    count = math.prod(shape)
    values = data.draw(st.lists(cell, min_size=count, max_size=count))
    feature_map = torch.tensor(values, dtype=torch.float64).reshape(shape)
    expected = value_and_gradient(corner_pool_loop, feature_map, corner)
    for name in ["vectorized"] + ["native"] * (native.missing("cpu") is None):
        same(value_and_gradient(IMPLEMENTATIONS[name], feature_map, corner), expected)


@pytest.mark.parametrize("direction", SINGLE)
def test_cummax_agrees(form, device, direction):
    """An outside witness, for the gradient too where no two numbers are equal."""
    down, right = DIRECTIONS[direction]
    dim, back = (2 if down else 3), down + right < 0

    def by_cummax(feature_map, _):
        turned = feature_map.flip(dim) if back else feature_map
        values = turned.cummax(dim).values
        return values.flip(dim) if back else values

    feature_map = random_map(2, 3, 20, 41)
    expected = value_and_gradient(by_cummax, feature_map, direction)
    same(value_and_gradient(form, feature_map.to(device), direction), expected)
    feature_map[0, 0, 4, 7] = math.nan
    got = form(feature_map.to(device), direction).cpu()
    assert_close(got, by_cummax(feature_map, direction), rtol=0, atol=0, equal_nan=True)
    assert got.isnan().any()


def test_a_corner_is_a_sum(form, device):
    feature_map = random_map(2, 3, 9, 14).to(device)
    for corner, parts in (("top_left", ("top", "left")), ("bottom_right", ("bottom", "right"))):
        total = sum(form(feature_map, part) for part in parts)
        assert torch.equal(form(feature_map, corner), total)


def test_twice_is_once(form, device):
    feature_map = random_map(2, 3, 9, 14).to(device)
    for direction in SINGLE:
        once = form(feature_map, direction)
        assert torch.equal(form(once, direction), once)


def test_turning_the_map(form, device):
    feature_map = random_map(2, 3, 9, 14).to(device)
    turned = form(feature_map.transpose(2, 3), "left").transpose(2, 3)
    assert torch.equal(turned, form(feature_map, "top"))
    flipped = form(feature_map.flip(2, 3), "bottom_right").flip(2, 3)
    assert torch.equal(flipped, form(feature_map, "top_left"))


def test_a_corner_lights_up():
    """What it is for: edges of an object, none of them at the corner of its box."""
    edges = torch.zeros(1, 1, 12, 12)
    edges[0, 0, 2, 6] = edges[0, 0, 7, 3] = 1  # the topmost and the leftmost point
    out = corner_pool(edges, "top_left")[0, 0]
    assert edges[0, 0, 2, 3] == 0 and out[2, 3] == out.max() == 2


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "strided", "expanded"])
def test_any_layout(form, device, layout):
    plain = random_map(2, 3, 6, 10)
    feature_map = {
        "contiguous": plain,
        "channels_last": plain.contiguous(memory_format=torch.channels_last),
        "strided": plain[:, :, ::2, 1::3],
        "expanded": plain[:1].expand(4, 3, 6, 10),
    }[layout].to(device)
    out = form(feature_map, "top_left")
    assert out.is_contiguous()
    assert torch.equal(out.cpu(), corner_pool_loop(feature_map.cpu().contiguous(), "top_left"))


def test_expanded_gradient(form, device):
    feature_map = random_map(1, 2, 5, 6).to(device).requires_grad_()
    form(feature_map, "top_left").sum().backward()  # one number, with strides of 0
    expected = feature_map.detach().cpu().requires_grad_()
    corner_pool_loop(expected, "top_left").sum().backward()
    assert_close(feature_map.grad.cpu(), expected.grad)


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)])
def test_nothing_gives_nothing(form, device, shape):
    feature_map = torch.ones(shape, device=device, requires_grad=True)
    for corner in DIRECTIONS:
        out = form(feature_map, corner)
        assert out.shape == shape
        (gradient,) = torch.autograd.grad(out.sum(), feature_map)
        assert gradient.shape == shape


@pytest.mark.parametrize("corner", ["right", "top_left"])
def test_gradient(form, device, corner):
    feature_map = random_map(1, 1, 3, 4, dtype=torch.float64).to(device).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: form(m, corner), feature_map)
    assert torch.autograd.gradgradcheck(lambda m: form(m, corner) ** 2, feature_map)


def test_of_equals_the_first_on_the_way_gets_the_gradient(form, device):
    feature_map = torch.ones(1, 1, 1, 3, device=device, requires_grad=True)
    for direction, expected in (("left", [0, 0, 3]), ("right", [3, 0, 0])):
        (gradient,) = torch.autograd.grad(form(feature_map, direction).sum(), feature_map)
        assert gradient.flatten().tolist() == expected


def test_transforms():
    """torch.func asks for the gradient without requires_grad."""
    feature_map = random_map(1, 2, 5, 6)
    weights = random_map(1, 2, 5, 6, seed=9)
    expected = value_and_gradient(corner_pool_loop, feature_map, "top_left")[1]
    gradient = torch.func.grad(lambda m: (corner_pool(m, "top_left") * weights).sum())(feature_map)
    assert_close(gradient, expected)


def test_threads_change_nothing():
    form = form_of(IMPLEMENTATIONS, "native", "corner_pool", "cpu")
    before = torch.get_num_threads()
    try:
        runs = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            runs.append(value_and_gradient(form, random_map(3, 5, 40, 30), "top_left"))
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


def test_tuned_backward_is_deterministic(device):
    """In the emulator: with blocks and threads in any order."""
    args = (corner_pool_native, random_map(1, 3, 20, 70).to(device), "top_left")
    if device == "cuda":
        runs = [value_and_gradient(*args) for _ in range(3)]
    else:
        require(native.missing("emulated"), "native")
        runs = [emulator.run(value_and_gradient, *args, shuffle=seed) for seed in (None, 1, 2)]
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


def checked(kernel, feature_map, corner):
    require(native.missing("checked"), "native")

    def form(*args):
        return corner_pool_native(*args, kernel=kernel)

    return emulator.run(value_and_gradient, form, feature_map, corner, check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("corner", ["bottom", "left", "top_left"])
@pytest.mark.parametrize("kernel", [1, 2])
def test_checker_finds_nothing(kernel, corner, dtype):
    run = checked(kernel, random_map(2, 1, 9, 43, dtype=dtype), corner)
    assert not run.findings and not run.error, run.report()


def test_tuned_kernels_coalesce():
    require(native.missing("checked"), "native")
    args = (corner_pool_native, random_map(2, 2, 16, 64), "bottom_right")
    assert not emulator.run(*args, kernel=2, check=True).slow


@pytest.mark.parametrize("corner", DIRECTIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(form, device, dtype, corner):
    feature_map = random_map(2, 2, 9, 40, dtype=dtype).to(device)
    out, gradient = value_and_gradient(form, feature_map, corner)
    assert out.dtype == gradient.dtype == dtype
    exact = value_and_gradient(
        lambda m, c: corner_pool_loop(m.double(), c), feature_map.cpu(), corner
    )
    assert torch.equal(out.cpu(), exact[0].to(dtype))  # rounded once
    eps = torch.finfo(dtype).eps
    assert_close(gradient.cpu().double(), exact[1].double(), rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_sums_are_float32(form, device, dtype):
    """Summed in 16 bits, 4096 gradients of 1 would stop at 2048, or at 256."""
    feature_map = torch.zeros(1, 1, 1, 4096, dtype=dtype, device=device, requires_grad=True)
    for corner, expected in (("right", 4096), ("bottom_right", 4097)):
        (gradient,) = torch.autograd.grad(form(feature_map, corner).sum(), feature_map)
        assert gradient[0, 0, 0, 0] == torch.tensor(float(expected)).to(dtype)


def test_compiles(device):
    require_native("corner_pool", device)
    feature_map = random_map(2, 3, 9, 13).to(device)

    def pooled(feature_map):
        return corner_pool(feature_map * 2, "top_left") + bottom_pool(feature_map)

    compiled = torch.compile(pooled, fullgraph=True)
    pairs = zip(
        value_and_gradient(compiled, feature_map),
        value_and_gradient(pooled, feature_map),
        strict=True,
    )
    for a, b in pairs:
        assert_close(a, b)


def test_meta():
    feature_map = torch.zeros(2, 3, 9, 13, device="meta", requires_grad=True)
    out = corner_pool(feature_map, "top_left")
    assert out.shape == (2, 3, 9, 13) and out.device.type == "meta"
    out.sum().backward()
    assert feature_map.grad.shape == feature_map.shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_opcheck(device, dtype):
    require_native("corner_pool", device)
    feature_map = random_map(2, 3, 5, 6, dtype=dtype).to(device)
    grad = random_map(2, 3, 5, 6, dtype=dtype, seed=1).to(device)
    torch.library.opcheck(
        torch.ops.edudet.corner_pool.default, (feature_map.requires_grad_(), -1, 0, 0)
    )
    torch.library.opcheck(
        torch.ops.edudet.corner_pool_backward.default,
        (grad.requires_grad_(), feature_map, 1, 1, 0),
    )


def test_autocast(device):
    feature_map = random_map(2, 3, 9, 13).to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        out = corner_pool(feature_map, "top_left")
    assert out.dtype == torch.float32
    assert torch.equal(out.cpu(), corner_pool_loop(feature_map.cpu(), "top_left"))


def test_forward_mode():
    feature_map, direction = random_map(1, 2, 5, 5), random_map(1, 2, 5, 5, seed=1)
    expected = torch.func.jvp(lambda m: m.cummax(3).values, (feature_map,), (direction,))
    got = torch.func.jvp(right_pool, (feature_map,), (direction,))
    for a, b in zip(got, expected, strict=True):
        assert torch.equal(a, b)


MAP = torch.ones(2, 3, 4, 5)
BAD = [
    (top_pool, (MAP.tolist(),), TypeError, "top_pool: input must be a Tensor, got list"),
    (left_pool, (MAP[0],), ValueError, r"left_pool: input must have shape \(N, C, H, W\), got \(3"),
    (bottom_pool, (MAP.int(),), ValueError, "bottom_pool: input must have dtype float32, .* int32"),
    (right_pool, (MAP.bool(),), ValueError, "right_pool: input must have dtype .* got bool"),
    (corner_pool, (MAP[0], "top_left"), ValueError, "corner_pool: input must have shape"),
    (
        corner_pool,
        (MAP, "top_right"),
        ValueError,
        "corner_pool: corner must be one of top_left, bottom_right, got 'top_right'",
    ),
    (corner_pool, (MAP, "top"), ValueError, "corner must be one of top_left, .* got 'top'"),
    (corner_pool, (MAP, 1), TypeError, "corner_pool: corner must be a str, got int"),
]


@pytest.mark.parametrize(("function", "args", "error", "message"), BAD, ids=name_of)
def test_errors(function, args, error, message):
    with pytest.raises(error, match=message):
        function(*args)


def test_operators_check_what_they_are_given():
    require_native("corner_pool", "cpu")
    ops = torch.ops.edudet
    with pytest.raises(RuntimeError, match="directions must be -1, 0 or 1, and not both 0"):
        ops.corner_pool(MAP, 0, 0, 0)
    with pytest.raises(RuntimeError, match="directions must be -1, 0 or 1"):
        ops.corner_pool(MAP, 2, 0, 0)
    with pytest.raises(RuntimeError, match="grad must have the shape of input"):
        ops.corner_pool_backward(MAP[:1], MAP, 1, 0, 0)
    with pytest.raises(RuntimeError, match="grad must have the dtype and the device"):
        ops.corner_pool_backward(MAP.double(), MAP, 1, 0, 0)
