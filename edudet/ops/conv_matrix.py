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
    axes = 1 if isinstance(input_size, int) else len(per_axis("conv_matrix", "input_size",
                                                              input_size, None, 1))
    if axes > 2:
        raise ValueError(f"conv_matrix: input_size must have one or two axes, got {input_size}")
    sizes = per_axis("conv_matrix", "input_size", input_size, axes, 1)
    strides = per_axis("conv_matrix", "stride", stride, axes, 1)
    paddings = per_axis("conv_matrix", "padding", padding, axes, 0)
    dilations = per_axis("conv_matrix", "dilation", dilation, axes, 1)
    symbolic = not isinstance(kernel, Tensor)
    if symbolic:
        kernel = _as_symbols(kernel, axes)
        kernel_size = [len(kernel)] if axes == 1 else [len(kernel), len(kernel[0])]
    else:
        check.dtype("conv_matrix", check.FLOATS, kernel=kernel)
        if kernel.ndim < axes or 0 in kernel.shape[-axes:]:
            raise ValueError(
                f"conv_matrix: kernel must have {axes} axes with at least one cell, got shape "
                f"{tuple(kernel.shape)}"
            )
        kernel_size = list(kernel.shape[-axes:])
    rows = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(sizes, kernel_size, strides, paddings, dilations, strict=True)
    ]
    if min(rows) < 1:
        raise ValueError(
            f"conv_matrix: kernel must fit into the padded signal, got a kernel of {kernel_size}, "
            f"dilation {dilation}, on a signal of {input_size}, padding {padding}"
        )
    places = list(_places(rows, sizes, kernel_size, strides, paddings, dilations))
    shape = math.prod(rows), math.prod(sizes)
    return (_symbolic if symbolic else _numeric)(kernel, shape, places, axes)


def _places(
    rows: list[int], sizes: list[int], kernel_size: list[int], strides: list[int],
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


def _numeric(kernel: Tensor, shape: tuple[int, int], places: list, axes: int) -> Tensor:
    leading, last = kernel.shape[:-axes], kernel.shape[-1]
    entries = [row * shape[1] + column for row, column, _ in places]
    taps = [tap[0] if axes == 1 else tap[0] * last + tap[1] for _, _, tap in places]
    read = kernel.flatten(-axes)[..., torch.tensor(taps, dtype=torch.int64, device=kernel.device)]
    flat = kernel.new_zeros(*leading, math.prod(shape))
    where = torch.tensor(entries, dtype=torch.int64, device=kernel.device)
    return flat.index_copy(-1, where, read).unflatten(-1, shape)


def _symbolic(kernel: list, shape: tuple[int, int], places: list, axes: int) -> Any:
    import sympy  # takes half a second

    matrix = sympy.zeros(*shape)
    for row, column, tap in places:
        matrix[row, column] = kernel[tap[0]] if axes == 1 else kernel[tap[0]][tap[1]]
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


def per_axis(function: str, name: str, value: Any, axes: int | None, least: int) -> list[int]:
    """One int of at least `least` for each axis, from a number for all or a sequence."""
    numbers = list(value) if isinstance(value, (tuple, list)) else [value] * (axes or 1)
    if not all(isinstance(v, (int, torch.SymInt)) and not isinstance(v, bool) for v in numbers):
        raise TypeError(f"{function}: {name} must be an int or one for each axis, got {value!r}")
    if axes is not None and len(numbers) != axes:
        raise ValueError(
            f"{function}: {name} must be a number or {axes} of them, got {tuple(numbers)}"
        )
    if any(v < least for v in numbers):
        raise ValueError(f"{function}: {name} must be at least {least}, got {value}")
    return numbers
