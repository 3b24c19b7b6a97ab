"""The matrix of a convolution: filtering is multiplying by it, upsampling by its transpose.

    convolution                X a      row r holds the kernel, where it lies when r is computed
    transposed convolution     X' a     column r of X', the kernel, is written a[r] times

The kernel is not flipped, as everywhere in deep learning (cross-correlation). For a kernel of three
on six cells; a stride of 2 leaves out every other row:

    >>> conv_matrix("xyz", 6)
    Matrix([
    [x, y, z, 0, 0, 0],
    [0, x, y, z, 0, 0],
    [0, 0, x, y, z, 0],
    [0, 0, 0, x, y, z]])
    >>> conv_matrix("xyz", 6, stride=2).T * sympy.Matrix(sympy.symbols("a b"))
    Matrix([
    [      a*x],
    [      a*y],
    [a*z + b*x],
    [      b*y],
    [      b*z],
    [        0]])

Dumoulin and Visin, A Guide to Convolution Arithmetic for Deep Learning, 2016.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from edudet import check

Size = int | Sequence[int]


def conv_matrix(
    kernel: Any, input_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Any:
    """Return the matrix X for which `X @ signal` is the convolution of a signal with `kernel`.

    Args:
        kernel: (..., K) float if `input_size` is a number, (..., K, L) if it is a pair; a matrix
            for each leading index. Or symbols: a sequence of names, sympy symbols or numbers,
            nested once for a pair; a string is a sequence of letters.
        input_size: length of the signal, or (height, width): it is then read row by row.
        stride, padding, dilation: as in `torch.nn.functional.conv1d` and `conv2d`; a number, or
            one for each axis. Padding is not stored: X has a column for each cell of the signal.

    Returns:
        (..., number of outputs, number of cells): a tensor in the dtype of `kernel`, to which a
        gradient flows back; or a sympy Matrix. X.T takes signals of the output's size to the
        input's: that is `conv_transpose1d` or `conv_transpose2d` with the same numbers.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: the kernel has too few axes or no cells; stride or dilation below 1, padding
            below 0; the kernel does not fit into the padded signal.
    """
    axes = len(input_size) if isinstance(input_size, (tuple, list)) else 1
    if axes not in (1, 2):
        raise ValueError(f"conv_matrix: input_size must have one or two axes, got {input_size}")
    sizes = check.per_axis("conv_matrix", axes, 1, input_size=input_size)
    numbers = (
        check.per_axis("conv_matrix", axes, 1, stride=stride),
        check.per_axis("conv_matrix", axes, 0, padding=padding),
        check.per_axis("conv_matrix", axes, 1, dilation=dilation),
    )
    if isinstance(kernel, Tensor):
        check.dtype("conv_matrix", check.FLOATS, kernel=kernel)
        return _numeric(kernel, kernel.shape[-axes:], sizes, *numbers)
    symbols = _as_symbols(kernel, axes)
    kernel_size = [len(symbols)] if axes == 1 else [len(symbols), len(symbols[0])]
    return _symbolic(symbols, kernel_size, sizes, *numbers)


def _rows(
    kernel_size: Sequence[int], sizes: list[int], strides: list[int], paddings: list[int],
    dilations: list[int],
) -> list[int]:
    """How many results there are along each axis."""
    if len(kernel_size) < len(sizes) or 0 in kernel_size:
        raise ValueError(
            f"conv_matrix: kernel must have {len(sizes)} axes with at least one cell, got shape "
            f"{tuple(kernel_size)}"
        )
    rows = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(sizes, kernel_size, strides, paddings, dilations, strict=True)
    ]
    if min(rows) < 1:
        raise ValueError(
            f"conv_matrix: kernel must fit into the padded signal, got a kernel of {kernel_size}, "
            f"dilation {dilations}, on a signal of {sizes}, padding {paddings}"
        )
    return rows


def _places(
    rows: list[int], sizes: list[int], kernel_size: Sequence[int], strides: list[int],
    paddings: list[int], dilations: list[int],
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(row of X, column of X, index into the kernel) of each entry that is not 0."""
    for row, place in enumerate(product(*map(range, rows))):
        for tap in product(*map(range, kernel_size)):
            read = [
                r * s - p + d * i
                for r, s, p, d, i in zip(place, strides, paddings, dilations, tap, strict=True)
            ]
            if all(0 <= x < n for x, n in zip(read, sizes, strict=True)):
                column = read[0] if len(read) == 1 else read[0] * sizes[1] + read[1]
                yield row, column, tap


def _numeric(
    kernel: Tensor, kernel_size: Sequence[int], sizes: list[int], *numbers: list[int]
) -> Tensor:
    rows = _rows(kernel_size, sizes, *numbers)
    shape, axes = (math.prod(rows), math.prod(sizes)), len(sizes)
    entries, taps = [], []
    for row, column, tap in _places(rows, sizes, kernel_size, *numbers):
        entries.append(row * shape[1] + column)
        taps.append(tap[0] if axes == 1 else tap[0] * kernel_size[1] + tap[1])
    index = torch.tensor([entries, taps], dtype=torch.int64, device=kernel.device)
    flat = kernel.new_zeros(*kernel.shape[:-axes], math.prod(shape))
    return flat.index_copy(-1, index[0], kernel.flatten(-axes)[..., index[1]]).unflatten(-1, shape)


def _symbolic(
    kernel: list, kernel_size: Sequence[int], sizes: list[int], *numbers: list[int]
) -> Any:
    import sympy  # takes half a second

    rows = _rows(kernel_size, sizes, *numbers)
    matrix = sympy.zeros(math.prod(rows), math.prod(sizes))
    for row, column, tap in _places(rows, sizes, kernel_size, *numbers):
        matrix[row, column] = kernel[tap[0]] if len(tap) == 1 else kernel[tap[0]][tap[1]]
    return matrix


def _as_symbols(kernel: Any, axes: int) -> list:
    import sympy

    def listed(value: Any, depth: int) -> Any:
        if depth == 0:
            return sympy.Symbol(value) if isinstance(value, str) else sympy.sympify(value)
        if not hasattr(value, "__iter__") or (depth == 2 and isinstance(value, str)):
            raise TypeError(
                f"conv_matrix: kernel must be a Tensor or a sequence of {axes} axes, got {kernel!r}"
            )
        return [listed(item, depth - 1) for item in value]

    symbols = listed(kernel, axes)
    rows = symbols if axes == 2 else [symbols]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(
            f"conv_matrix: kernel must have at least one cell and rows of one length, got {kernel}"
        )
    return symbols

