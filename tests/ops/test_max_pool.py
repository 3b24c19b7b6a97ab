import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from edudet.cases.ops.max_pool import CASES, CASES_OF_NAN, MISTAKES
from edudet.ops import max_pool2d_with_indices
from edudet.ops.max_pool import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES + CASES_OF_NAN, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    rows, *args = case.args
    values, indices = form(torch.tensor([rows], dtype=torch.float32, device=device), *args)
    expected = torch.tensor([case.expected[0]], dtype=torch.float32, device=device)
    torch.testing.assert_close(values, expected, rtol=0, atol=0, equal_nan=True)
    assert indices.tolist() == [case.expected[1]] and indices.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def random_maps(shape, seed=0, values=4, dtype=torch.float32):
    """Few different numbers, so many ties; some NaN and -inf."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randint(-values, values, shape, generator=generator).to(dtype)
    kind = torch.rand(shape, generator=generator)
    return maps.masked_fill(kind < 0.05, math.nan).masked_fill(kind > 0.9, -math.inf)


def same(got, expected):
    return torch.equal(got[1], expected[1]) and torch.equal(
        got[0].nan_to_num(1e4), expected[0].nan_to_num(1e4)
    )


sides = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 9), st.integers(1, 9)),
    sides, sides, st.tuples(st.integers(0, 2), st.integers(0, 2)), sides, st.booleans(),
    st.integers(0, 99),
)  # fmt: skip
def test_torch_and_the_forms_agree(shape, kernel, stride, padding, dilation, ceil_mode, seed):
    maps, args = random_maps(shape, seed), (kernel, stride, padding, dilation, ceil_mode)
    try:
        got = max_pool2d_with_indices(maps, *args)
    except ValueError as error:
        if "every window must have a cell" not in str(error):
            with pytest.raises(RuntimeError):
                functional.max_pool2d_with_indices(maps, *args)
        return
    assert same(got, functional.max_pool2d_with_indices(maps, *args))
    assert same(got, IMPLEMENTATIONS["loop"](maps, *args))


def test_defaults_and_one_image():
    maps = random_maps((3, 7, 9))
    for args in ((2,), ((3, 2),), (3, None, 1), (3, 1, 1, 2)):
        expected = functional.max_pool2d_with_indices(maps, *args)
        assert same(max_pool2d_with_indices(maps, *args), expected)
        assert same(max_pool2d_with_indices(maps, *args, return_indices=True), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes(form, device, dtype):
    maps = random_maps((2, 1, 5, 6), 3, dtype=dtype).to(device)
    assert same(form(maps, 3, 2, 1), functional.max_pool2d_with_indices(maps, 3, 2, 1))
    assert form(maps, 2)[0].dtype == dtype


def test_no_images(form):
    maps = torch.zeros(0, 3, 5, 4, requires_grad=True)
    values, indices = form(maps, 2)
    assert values.shape == indices.shape == (0, 3, 2, 2)
    values.sum().backward()
    assert maps.grad.shape == maps.shape


def test_any_strides(form):
    maps = random_maps((2, 5, 3, 6), 4)
    turned = maps.transpose(1, 3)
    assert same(form(turned, 2), form(turned.contiguous(), 2))


def test_gradient_flows_to_the_winner(form):
    maps = torch.randperm(60, generator=torch.Generator().manual_seed(1)).double().reshape(2, 5, 6)
    maps.requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: form(maps, (3, 2), 1, (1, 0), (1, 2))[0], maps)
    assert torch.autograd.gradgradcheck(lambda maps: form(maps, 2)[0], maps)
    tied = torch.ones(1, 2, 2, requires_grad=True)
    form(tied, 2)[0].sum().backward()
    assert tied.grad.tolist() == [[[1, 0], [0, 0]]]


def test_a_window_larger_than_memory():
    maps = random_maps((1, 3, 3), 5)
    values, _ = max_pool2d_with_indices(maps, 10**6, 1, 5 * 10**5)
    assert values.shape == (1, 4, 4)


def test_compiles():
    maps = random_maps((1, 2, 6, 6), 6)
    compiled = torch.compile(max_pool2d_with_indices, fullgraph=True, backend="eager")
    assert same(compiled(maps, 3, 2, 1), max_pool2d_with_indices(maps, 3, 2, 1))


MAPS = torch.zeros(1, 4, 4)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], 2), TypeError, "input must be a Tensor, got list"),
        ((MAPS[0], 2), ValueError, r"input must have shape \(N, C, H, W\) .* got \(4, 4\)"),
        ((torch.zeros(1, 0, 4), 2), ValueError, r"at least 1, got \(1, 0, 4\)"),
        ((MAPS.long(), 2), ValueError, "input must have dtype float32, .* got int64"),
        ((MAPS, 2.5), TypeError, "kernel_size must be an int or a pair .* got 2.5"),
        ((MAPS, 0), ValueError, "kernel_size must be at least 1, got 0"),
        ((MAPS, 2, 0), ValueError, "stride must be at least 1, got 0"),
        ((MAPS, 2, 1, -1), ValueError, "padding must be at least 0, got -1"),
        ((MAPS, 2, 1, 2), ValueError, "padding must be at most half of kernel_size, 2, got 2"),
        ((MAPS, 2, 1, 0, 0), ValueError, "dilation must be at least 1, got 0"),
        ((MAPS, 2, 1, 0, 1, 1), TypeError, "ceil_mode must be a bool, got 1"),
        ((MAPS, 5), ValueError, r"input must be at least as large as a window .* got \(4, 4\)"),
        (
            (MAPS, 2, 1, 1, 5),
            ValueError,
            r"every window must have a cell of the map, but dilation 5 with padding 1 steps over",
        ),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match="^max_pool2d_with_indices: .*" + message):
        max_pool2d_with_indices(*args)
