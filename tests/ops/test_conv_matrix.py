import doctest
import importlib

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.testing import assert_close

from conftest import name_of
from edudet.cases.ops.conv_matrix import CASES, MISTAKES, PRODUCTS, TRANSPOSED, _with
from edudet.ops import conv_matrix, conv_transpose1d


def ids(case):
    return case.name


def tensor(numbers, dtype=torch.float64):
    return torch.tensor(numbers, dtype=dtype)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_worked_examples(case):
    kernel, *rest = case.args
    assert conv_matrix(tensor(kernel, torch.float32), *rest).tolist() == case.expected
    assert conv_matrix(kernel, *rest) == sympy.Matrix(case.expected)
    assert _with()(*case.args) == case.expected  # where the mistakes start from


@pytest.mark.parametrize("case", PRODUCTS, ids=ids)
def test_worked_products(case):
    kernel, *rest, signal = case.args
    assert (conv_matrix(tensor(kernel), *rest) @ tensor(signal)).tolist() == case.expected


@pytest.mark.parametrize("case", TRANSPOSED, ids=ids)
def test_worked_transposed_products(case):
    kernel, *rest, result = case.args
    assert (conv_matrix(tensor(kernel), *rest).T @ tensor(result)).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def test_examples_of_the_docstring():
    module = importlib.import_module("edudet.ops.conv_matrix")  # not the function
    found = doctest.testmod(module, extraglobs={"sympy": sympy})
    assert found.attempted == 2 and found.failed == 0


def test_symbols():
    """The products of the lecture, in letters."""
    a, b, c, d, x, y, z = sympy.symbols("a b c d x y z")
    matrix = conv_matrix("xyz", 6)
    assert matrix == conv_matrix((x, y, z), 6) == conv_matrix(["x", y, "z"], 6)
    framed, signal = sympy.Matrix([0, a, b, c, d, 0]), sympy.Matrix([a, b, c, d])
    filtered = [a * y + b * z, a * x + b * y + c * z, b * x + c * y + d * z, c * x + d * y]
    assert list(matrix * framed) == filtered
    assert list(conv_matrix("xyz", 4, padding=1) * signal) == filtered
    written = [a * x, a * y + b * x, a * z + b * y + c * x, b * z + c * y + d * x, c * z + d * y]
    assert list(matrix.T * signal) == [*written, d * z]
    assert list(conv_matrix("xyz", 4, padding=1).T * signal) == written[1:]
    half = conv_matrix("xyz", 6, stride=2)
    assert list(half * framed) == filtered[::2]
    assert list(half.T * sympy.Matrix([a, b])) == [a * x, a * y, a * z + b * x, b * y, b * z, 0]
    assert conv_matrix([["x", "y"], ["z", 1]], (2, 2)) == sympy.Matrix([[x, y, z, 1]])


def sizes(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@settings(deadline=None, max_examples=60)
@given(
    size=sizes(1, 6), kernel=sizes(1, 3), stride=sizes(1, 3), padding=sizes(0, 3),
    dilation=sizes(1, 3), axes=st.integers(1, 2),
)  # fmt: skip
def test_torch_agrees(size, kernel, stride, padding, dilation, axes):
    numbers = [pair[:axes] for pair in (stride, padding, dilation)]
    size, kernel = size[:axes], kernel[:axes]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=False)]
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, *kernel, generator=generator, dtype=torch.float64)
    signal = torch.randn(size, generator=generator, dtype=torch.float64)
    if any(n + 2 * p < r for n, p, r in zip(size, padding, reach, strict=False)):
        with pytest.raises(ValueError, match="kernel must fit into the padded signal"):
            conv_matrix(weight, size, *numbers)
        return
    conv = F.conv1d if axes == 1 else F.conv2d
    expected = conv(signal[None], weight[:, None], None, *numbers)
    matrix = conv_matrix(weight, size, *numbers)
    assert_close((matrix @ signal.flatten()), expected.flatten(1))
    assert_close(conv_matrix(weight[1], size, *numbers), matrix[1])


def test_transpose_is_the_transposed_convolution():
    kernel, signal = tensor([2.0, 3, 5]), tensor([7.0, 11, 13])
    for size, output_padding in ((7, 0), (8, 1)):
        got = conv_matrix(kernel, size, stride=2).T @ signal
        expected = conv_transpose1d(
            signal[None], kernel[None, None], stride=2, output_padding=output_padding
        )
        assert_close(got, expected[0])


def test_gradient():
    kernel = tensor([[1.0, 2, 3], [4, 5, 6]]).requires_grad_()
    assert torch.autograd.gradcheck(lambda k: conv_matrix(k, (3, 4), 2, 1), kernel)


def test_dtype_and_leading_axes():
    kernel = torch.ones(2, 0, 3, dtype=torch.bfloat16)
    assert conv_matrix(kernel, 5).shape == (2, 0, 3, 5)
    assert conv_matrix(kernel, 5).dtype == torch.bfloat16
    assert not conv_matrix(torch.ones(1), 1, stride=2, padding=3).all()  # reads padding alone


KERNEL = torch.ones(3)
BAD = [
    ((KERNEL.int(), 6), ValueError, "kernel must have dtype float32, .* got int32"),
    ((3, 6), TypeError, "kernel must be a Tensor or a sequence of 1 axes, got 3"),
    (("xyz", (6, 6)), TypeError, "kernel must be a Tensor or a sequence of 2 axes, got 'xyz'"),
    (("", 6), ValueError, "kernel must have at least one cell"),
    (([["x", "y"], ["z"]], (6, 6)), ValueError, "kernel must have .* rows of one length"),
    ((KERNEL, (6, 6)), ValueError, r"kernel must have 2 axes .* got shape \(3,\)"),
    ((KERNEL[:0], 6), ValueError, r"kernel must have 1 axes .* got shape \(0,\)"),
    ((KERNEL, 6.0), TypeError, "input_size must be an int or one for each axis, got 6.0"),
    ((KERNEL, (6, 6, 6)), ValueError, "input_size must have one or two axes"),
    ((KERNEL, 0), ValueError, "input_size must be at least 1, got 0"),
    ((KERNEL, 6, 0), ValueError, "stride must be at least 1, got 0"),
    ((KERNEL, 6, (1, 1)), ValueError, r"stride must be an int or 1 of them, got \(1, 1\)"),
    ((KERNEL, 6, 1, -1), ValueError, "padding must be at least 0, got -1"),
    ((KERNEL, 6, 1, True), TypeError, "padding must be an int"),
    ((KERNEL, 6, 1, 0, 0), ValueError, "dilation must be at least 1, got 0"),
    ((KERNEL, 2), ValueError, "kernel must fit into the padded signal, got a kernel of"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD, ids=name_of)
def test_errors(args, error, message):
    with pytest.raises(error, match="^conv_matrix: .*" + message):
        conv_matrix(*args)
