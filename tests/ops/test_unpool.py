import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from edudet.cases.ops.unpool import (
    CASES,
    CASES_OF_MAX_UNPOOLING,
    MISTAKES,
    MISTAKES_OF_MAX_UNPOOLING,
)
from edudet.ops import (
    max_pool2d_with_indices,
    max_unpool2d,
    unpool_bed_of_nails,
    unpool_nearest,
)
from edudet.ops.unpool import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_MAX_UNPOOL2D

PUBLIC = {"nearest": unpool_nearest, "bed_of_nails": unpool_bed_of_nails}


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_MAX_UNPOOL2D)
def max_form(request):
    return IMPLEMENTATIONS_OF_MAX_UNPOOL2D[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    rows, scale, kind = case.args
    x = torch.tensor(rows, device=device)
    assert form(x, scale, kind).tolist() == case.expected
    assert PUBLIC[kind](x.float(), scale).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def max_unpooling_inputs(case, device="cpu"):
    rows, positions, *args = case.args
    return (
        torch.tensor([rows], device=device).float(),
        torch.tensor([positions], device=device),
        *args,
    )


@pytest.mark.parametrize("case", CASES_OF_MAX_UNPOOLING, ids=lambda case: case.name)
def test_worked_examples_of_max_unpooling(max_form, device, case):
    args = max_unpooling_inputs(case, device)
    assert max_form(*args).tolist() == max_unpool2d(*args).tolist() == [case.expected]


@pytest.mark.parametrize("mistake", MISTAKES_OF_MAX_UNPOOLING)
def test_worked_examples_of_max_unpooling_catch(mistake):
    wrong = MISTAKES_OF_MAX_UNPOOLING[mistake]
    assert any(wrong(*case.args) != case.expected for case in CASES_OF_MAX_UNPOOLING)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5, 4), (0, 2, 3), (2, 0, 3), (1, 1)])
@pytest.mark.parametrize("scale", [1, 2, (3, 2)])
def test_forms_agree(shape, scale):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for kind in PUBLIC:
        loop, vectorized = (IMPLEMENTATIONS[form](x, scale, kind) for form in IMPLEMENTATIONS)
        assert torch.equal(loop, vectorized) and loop.shape[:-2] == shape[:-2]


def test_torch_agrees():
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    expected = functional.interpolate(x, scale_factor=(3, 2), mode="nearest")
    assert torch.equal(unpool_nearest(x, (3, 2)), expected)
    nail = torch.zeros(3, 1, 3, 2)
    nail[:, :, 0, 0] = 1
    expected = functional.conv_transpose2d(x, nail, stride=(3, 2), groups=3)
    assert torch.equal(unpool_bed_of_nails(x, (3, 2)), expected)


def test_pooling_undoes_unpooling():
    x = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(2))
    for unpool in PUBLIC.values():
        values, indices = max_pool2d_with_indices(unpool(x, (2, 3)), (2, 3))
        assert torch.equal(values, x)
        assert torch.equal(max_unpool2d(values, indices, (2, 3)), unpool_bed_of_nails(x, (2, 3)))


sides = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(3, 9), st.integers(3, 9)),
    sides, sides, st.tuples(st.integers(0, 1), st.integers(0, 1)), st.integers(0, 99),
)  # fmt: skip
def test_torch_and_the_forms_of_max_unpool2d_agree(shape, kernel, stride, padding, seed):
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    maps = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    pooled = max_pool2d_with_indices(maps, kernel, stride, padding)
    args = (*pooled, kernel, stride, padding)
    for size in (maps.shape[-2:], maps.shape):
        try:
            got = max_unpool2d(*args, size)
        except ValueError as error:
            assert "output_size must be less than a stride" in str(error)
            with pytest.raises(ValueError, match="invalid output_size"):
                functional.max_unpool2d(*args, size)
            continue
        assert torch.equal(got, IMPLEMENTATIONS_OF_MAX_UNPOOL2D["loop"](*args, size))
        if shape[0]:  # torch refuses a batch of none
            assert torch.equal(got, functional.max_unpool2d(*args, size))
        again = max_unpool2d(*args, list(size))
        assert torch.equal(again[again > 0], maps[again > 0])


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int64]
)
def test_dtypes(form, max_form, dtype):
    x = torch.tensor([[[1, 2], [3, 4]]], dtype=dtype)
    for kind in PUBLIC:
        assert form(x, 2, kind).dtype == dtype
    if dtype.is_floating_point:
        out = max_form(x, torch.tensor([[[5, 2], [12, 15]]]), 2)
        assert out.dtype == dtype and out.sum() == 10


def test_infinite_values_stay_where_they_are(form):
    x = torch.tensor([[math.inf, math.nan]])
    assert form(x, (1, 2), "bed_of_nails").nan_to_num(7, 8).tolist() == [[8, 0, 7, 0]]


def test_any_strides(form, max_form):
    x = torch.rand(2, 3, 4, 5).transpose(1, 3)
    for kind in PUBLIC:
        assert torch.equal(form(x, 2, kind), form(x.contiguous(), 2, kind))
    indices = torch.arange(12).reshape(3, 4).T.expand(*x.shape[:2], 4, 3)
    expected = max_form(x.contiguous(), indices.contiguous(), 2)
    assert torch.equal(max_form(x, indices, 2), expected)


def test_gradients(form, max_form):
    x = torch.rand(2, 2, 3, dtype=torch.float64, requires_grad=True)
    for kind in PUBLIC:
        assert torch.autograd.gradcheck(lambda x, kind=kind: form(x, (2, 3), kind), x)
        assert torch.autograd.gradgradcheck(lambda x, kind=kind: form(x, (2, 3), kind), x)
    indices = torch.randint(0, 24, x.shape, generator=torch.Generator().manual_seed(3))
    assert torch.autograd.gradcheck(lambda x: max_form(x, indices, 2), x)
    assert torch.autograd.gradgradcheck(lambda x: max_form(x, indices, 2), x)


def test_the_value_that_stays_gets_the_gradient(max_form):
    x = torch.tensor([[[5.0, 6.0]]], requires_grad=True)
    max_form(x, torch.tensor([[[1, 1]]]), (1, 2), 1).sum().backward()
    assert x.grad.tolist() == [[[0, 1]]]


def test_a_gradient_is_never_dropped(form, max_form):
    x = torch.zeros(0, 1, 2, 2, requires_grad=True)
    for out in (form(x, 2, "nearest"), form(x, 2, "bed_of_nails"), max_form(x, x.long(), 2)):
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert out.shape == (0, 1, 4, 4) and grad.shape == x.shape


def test_compiles():
    x = torch.rand(1, 2, 3, 4)
    for unpool in PUBLIC.values():
        compiled = torch.compile(unpool, fullgraph=True, backend="eager")
        assert torch.equal(compiled(x, 2), unpool(x, 2))
    indices = torch.arange(12).reshape(3, 4).expand(x.shape)
    compiled = torch.compile(max_unpool2d, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x, indices, 2), max_unpool2d(x, indices, 2))


MAPS = torch.zeros(1, 2, 2)
INDICES = MAPS.long()


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], 2), TypeError, "x must be a Tensor, got list"),
        ((torch.zeros(3), 2), ValueError, r"x must have shape \(..., H, W\), got \(3,\)"),
        ((MAPS.bool(), 2), ValueError, "x must have dtype .* got bool"),
        ((MAPS, 1.5), TypeError, r"scale must be an int or a pair \(height, width\), got 1.5"),
        ((MAPS, (2, 0)), ValueError, r"scale must be at least 1, got \(2, 0\)"),
    ],
)
def test_errors(args, error, message):
    for name, unpool in PUBLIC.items():
        with pytest.raises(error, match=f"^unpool_{name}: " + message):
            unpool(*args)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], INDICES, 2), TypeError, "input must be a Tensor, got list"),
        ((MAPS[0], INDICES[0], 2), ValueError, r"input must have shape \(N, C, H, W\)"),
        ((INDICES, INDICES, 2), ValueError, "input must have dtype float32, .* got int64"),
        ((MAPS, MAPS, 2), ValueError, "indices must have dtype int64, got float32"),
        ((MAPS, INDICES[:, :1], 2), ValueError, r"indices must have the shape of input, \(1, 2"),
        ((MAPS, INDICES.to("meta"), 2), ValueError, "indices must be on the device of input, cpu"),
        ((MAPS, INDICES + 16, 2), ValueError, r"indices must lie in \[0, 16\) .* got 16"),
        ((MAPS, INDICES - 1, 2), ValueError, r"indices must lie in \[0, 16\) .* got -1"),
        ((MAPS, INDICES, 0), ValueError, "kernel_size must be at least 1, got 0"),
        ((MAPS, INDICES, 2, 0), ValueError, "stride must be at least 1, got 0"),
        ((MAPS, INDICES, 2, 2, 2), ValueError, "padding must be at most half of kernel_size"),
        ((MAPS[:, :1], INDICES[:, :1], 2, 2, 1), ValueError, "padding must leave a map, got 1"),
        ((MAPS, INDICES, 2, 2, 0, 4), TypeError, r"output_size must be \(height, width\), got 4"),
        ((MAPS, INDICES, 2, 2, 0, (4.0, 4)), TypeError, "output_size must be an int or a pair"),
        (
            (MAPS, INDICES, 2, 2, 0, (4, 6)),
            ValueError,
            r"output_size must be less than a stride, 2, from \(4, 4\), got \(4, 6\)",
        ),
    ],
)
def test_errors_of_max_unpool2d(args, error, message):
    with pytest.raises(error, match="^max_unpool2d: " + message):
        max_unpool2d(*args)
