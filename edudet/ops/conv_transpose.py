"""Transposed convolution: every input cell writes the kernel into the output, and the copies add.

    output[y s + i d - p] += input[y] kernel[i]        s: stride, p: padding, d: dilation

It turns a small map into a large one with weights that are learned, and is the gradient of the
convolution with the same numbers. (It does not undo a convolution, although some call it
deconvolution.) Zeiler et al., Deconvolutional Networks, 2010; Long et al., FCN, 2015.

The same function five times, for one axis or two:
    conv_transpose_scatter     each input cell writes: the definition
    conv_transpose_gather      each output cell collects what was meant for it
    conv_transpose_zeros       zeros between the input's cells, then a plain convolution
    conv_transpose_matrix      the transpose of the matrix of a convolution, times the input
    conv_transpose_native      C++: a stride-1 convolution for each phase of the output
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from edudet import check, native
from edudet.dtypes import widen
from edudet.ops.conv_matrix import Size, conv_matrix


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    """Return the transposed convolution of `input`; arguments as in `torch.nn.functional`.

    Args:
        input: (N, C, H, W) or (C, H, W) float.
        weight: (C, D / groups, K, L): input channels first, other than in a convolution.
        bias: (D,), or None; is added everywhere.
        stride: how far apart neighbours of the input write. A number, or (down, across).
        padding: how many cells are cut off from every side of the output.
        output_padding: how many are added at the bottom and right, less than stride or dilation: a
            convolution of stride s takes s sizes to the same one, and this number says which of
            them comes back. What the kernels write there, and padding had cut off, is seen again.
        groups: output channels of one group are made from the input channels of that group alone.
        dilation: how far apart neighbours in the kernel are written.

    Returns:
        (N, D, H', W') with H' = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

    Gradient:
        Flows to input, weight and bias, any number of times. Forward mode: by the form with zeros.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; stride or dilation below 1, padding below
            0; an output padding that is too large; an output without cells.

    A stride that does not divide the kernel's size leaves a checkerboard, as some cells are written
    more often than others (Odena et al., 2016). How often, tells an input and a weight of ones:

        >>> ones = torch.ones(1, 1, 1, 4)
        >>> conv_transpose2d(ones, torch.ones(1, 1, 1, 3), stride=(1, 2)).flatten().tolist()
        [1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0]
        >>> conv_transpose2d(ones, torch.ones(1, 1, 1, 4), stride=(1, 2)).flatten().tolist()
        [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0]
    """
    return _best_form(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    """Return the transposed convolution of rows: (N, C, W) -> (N, D, W'). See `conv_transpose2d`.

    weight: (C, D / groups, K).
    """
    return _best_form(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _best_form(axes: int, input: Tensor, weight: Tensor, bias: Tensor | None, *options: Any):
    function = f"conv_transpose{axes}d"
    named = {"input": input, "weight": weight} | ({} if bias is None else {"bias": bias})
    check.is_tensor(function, **named)
    check.same_device(function, **named)
    if check.under_autocast(input):
        named = {name: widen(tensor) for name, tensor in named.items()}
    check.dtype(function, check.FLOATS, **named)
    check.same_dtype(function, **named)
    input, weight, bias = named["input"], named["weight"], named.get("bias")
    _check_shapes(function, axes, input, weight, bias, options[3])
    _Geometry.of(function, input, weight, *options)
    plain = native.obstacle("conv_transpose", *named.values(), has_backward=True)
    form = conv_transpose_zeros if plain else conv_transpose_native
    return form(input, weight, bias, *options)


def _check_shapes(
    function: str, axes: int, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> None:
    sizes, kernel = ("W", "K") if axes == 1 else ("H, W", "K, L")
    if input.ndim not in (axes + 1, axes + 2) or 0 in input.shape[-axes:]:
        raise ValueError(
            f"{function}: input must have shape (N, C, {sizes}) or (C, {sizes}) and at least one "
            f"cell, got {tuple(input.shape)}"
        )
    if weight.ndim != axes + 2 or 0 in weight.shape[2:]:
        raise ValueError(
            f"{function}: weight must have shape (C, D / groups, {kernel}) and at least one cell, "
            f"got {tuple(weight.shape)}"
        )
    channels = input.shape[-axes - 1]
    check.is_int(function, groups=groups)
    if groups < 1 or channels % groups:
        raise ValueError(
            f"{function}: groups must divide the channels of input, {channels}, got {groups}"
        )
    if weight.shape[0] != channels:
        question = (
            ": is this the weight of a convolution? Transpose its first two axes"
            if groups == 1 and weight.shape[1] == channels else ""
        )
        raise ValueError(
            f"{function}: weight must have the channels of input, {channels}, first, "
            f"got {tuple(weight.shape)}{question}"
        )
    if bias is not None and bias.shape != (weight.shape[1] * groups,):
        raise ValueError(
            f"{function}: bias must have shape ({weight.shape[1] * groups},), "
            f"got {tuple(bias.shape)}"
        )


@dataclass(frozen=True)
class _Geometry:
    """Pairs (down, across). One axis is a map of height 1."""

    stride: list[int]
    padding: list[int]
    output_padding: list[int]
    dilation: list[int]
    groups: int
    size: list[int]  # of the output

    @staticmethod
    def of(
        function: str, input: Tensor, weight: Tensor, stride: Size = 1, padding: Size = 0,
        output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
    ) -> "_Geometry":
        axes = weight.ndim - 2
        s = check.per_axis(function, axes, 1, stride=stride)
        p = check.per_axis(function, axes, 0, padding=padding)
        o = check.per_axis(function, axes, 0, output_padding=output_padding)
        d = check.per_axis(function, axes, 1, dilation=dilation)
        if any(o[a] >= max(s[a], d[a]) for a in range(axes)):
            raise ValueError(
                f"{function}: output_padding must be less than stride, {stride}, or dilation, "
                f"{dilation}, got {output_padding}"
            )
        sizes = [
            (n - 1) * s[a] - 2 * p[a] + d[a] * (k - 1) + o[a] + 1
            for a, (n, k) in enumerate(zip(input.shape[-axes:], weight.shape[2:], strict=True))
        ]
        if min(sizes) < 1:
            raise ValueError(
                f"{function}: padding must leave at least one cell of the output, got {padding}: "
                f"its size would be {tuple(sizes)}"
            )
        one, none = [1] * (2 - axes), [0] * (2 - axes)
        return _Geometry(one + s, none + p, none + o, one + d, groups, one + sizes)


def _prepare(input: Tensor, weight: Tensor, *options: Any) -> tuple[Tensor, Tensor, _Geometry]:
    """Two axes, a batch, the channels in groups, and 16-bit numbers widened:
    (N, G, C / G, H, W) and (G, C / G, D / G, K, L)."""
    axes = weight.ndim - 2
    geometry = _Geometry.of(f"conv_transpose{axes}d", input, weight, *options)
    if input.ndim == axes + 1:
        input = input[None]
    if axes == 1:
        input, weight = input.unsqueeze(-2), weight.unsqueeze(-2)
    input, weight = widen(input), widen(weight)
    (n, c, h, w), g = input.shape, geometry.groups
    weight = weight.reshape(g, c // g, *weight.shape[1:])
    return input.reshape(n, g, c // g, h, w), weight, geometry


def _finish(out: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(N, G, D / G, H', W') -> the shape and dtype that the caller expects."""
    out = out.flatten(1, 2)
    if bias is not None:
        out = out + widen(bias)[:, None, None]
    if weight.ndim == 3:
        out = out.squeeze(-2)
    return (out if input.ndim == weight.ndim else out[0]).to(input.dtype)


def conv_transpose_scatter(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    cells, kernel, to = _prepare(input, weight, stride, padding, output_padding, groups, dilation)
    h, w, rows, columns = *cells.shape[-2:], *kernel.shape[-2:]
    out = _blank(cells, kernel, to)
    for y in range(h):
        for x in range(w):
            for i in range(rows):
                for j in range(columns):
                    row = y * to.stride[0] + i * to.dilation[0] - to.padding[0]
                    column = x * to.stride[1] + j * to.dilation[1] - to.padding[1]
                    if 0 <= row < to.size[0] and 0 <= column < to.size[1]:
                        out[..., row, column] += _mixed(cells[..., y, x], kernel[..., i, j])
    return _finish(out, input, weight, bias)


def _blank(cells: Tensor, kernel: Tensor, to: _Geometry) -> Tensor:
    # The sums of nothing are 0: they keep the output in the graph where nothing is written into it.
    out = cells.new_zeros(len(cells), to.groups, kernel.shape[2], *to.size)
    return out + cells[:0].sum() + kernel[:0].sum()


def _mixed(channels: Tensor, weights: Tensor) -> Tensor:
    """The sum over input channels: (N, G, C), (G, C, D) -> (N, G, D)."""
    return (channels[..., None] * weights).sum(-2)


def conv_transpose_gather(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    cells, kernel, to = _prepare(input, weight, stride, padding, output_padding, groups, dilation)
    h, w, rows, columns = *cells.shape[-2:], *kernel.shape[-2:]
    out = _blank(cells, kernel, to)
    for row in range(to.size[0]):
        for column in range(to.size[1]):
            for i in range(rows):
                for j in range(columns):
                    # Who writes here with cell [i, j] of the kernel? Only a whole number tells.
                    y = (row + to.padding[0] - i * to.dilation[0]) / to.stride[0]
                    x = (column + to.padding[1] - j * to.dilation[1]) / to.stride[1]
                    if y in range(h) and x in range(w):
                        out[..., row, column] += _mixed(
                            cells[..., int(y), int(x)], kernel[..., i, j]
                        )
    return _finish(out, input, weight, bias)


def conv_transpose_zeros(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    cells, kernel, to = _prepare(input, weight, stride, padding, output_padding, groups, dilation)
    h, w, rows, columns = *cells.shape[-2:], *kernel.shape[-2:]
    spread_size = (h - 1) * to.stride[0] + 1, (w - 1) * to.stride[1] + 1
    spread = cells.new_zeros(*cells.shape[:-2], *spread_size)
    spread[..., :: to.stride[0], :: to.stride[1]] = cells
    # Borders as wide as the kernel, less one, and the padding comes off; negative: is cut off.
    up, left = (to.dilation[a] * (kernel.shape[-2 + a] - 1) - to.padding[a] for a in (0, 1))
    down, right = up + to.output_padding[0], left + to.output_padding[1]
    framed = pad(spread, (left, right, up, down))
    out = _blank(cells, kernel, to)
    for i in range(rows):
        for j in range(columns):
            top, start = i * to.dilation[0], j * to.dilation[1]
            part = framed[..., top : top + to.size[0], start : start + to.size[1]]
            flipped = kernel[..., rows - 1 - i, columns - 1 - j]                  # (G, C, D)
            out = out + torch.einsum("ngchw,gcd->ngdhw", part, flipped)
    return _finish(out, input, weight, bias)


def conv_transpose_matrix(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    cells, kernel, to = _prepare(input, weight, stride, padding, output_padding, groups, dilation)
    matrix = conv_matrix(kernel, to.size, to.stride, to.padding, to.dilation)  # (G, C, D, ...)
    # Where output_padding reaches a whole stride, the convolution would give more than the input.
    matrix = matrix.unflatten(-2, _conv_size(to, kernel.shape[-2:]))
    matrix = matrix[..., : cells.shape[-2], : cells.shape[-1], :].flatten(-3, -2)
    out = torch.einsum("ngca,gcdab->ngdb", cells.flatten(-2), matrix)
    return _finish(out.unflatten(-1, to.size), input, weight, bias)


def _conv_size(to: _Geometry, kernel_size: Any) -> tuple[int, ...]:
    """What the convolution with the same numbers makes of a map of the output's size."""
    return tuple(
        (to.size[a] + 2 * to.padding[a] - to.dilation[a] * (kernel_size[a] - 1) - 1)
        // to.stride[a] + 1
        for a in (0, 1)
    )


def conv_transpose_native(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
    output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
) -> Tensor:
    tensors = (input, weight) if bias is None else (input, weight, bias)
    native.require("conv_transpose", *tensors, has_backward=True)
    axes = weight.ndim - 2
    function = f"conv_transpose{axes}d"
    to = _Geometry.of(function, input, weight, stride, padding, output_padding, groups, dilation)
    cells = input if input.ndim == weight.ndim else input[None]
    kernel = weight
    if axes == 1:
        cells, kernel = cells.unsqueeze(-2), weight.unsqueeze(-2)
    numbers = *to.stride, *to.padding, *to.output_padding, groups, *to.dilation
    out = native.call("conv_transpose", function, cells, kernel, bias, *numbers)
    out = out.squeeze(-2) if axes == 1 else out
    return out if input.ndim == weight.ndim else out[0]


def _fake(input, weight, bias, *numbers):
    to = _geometry(input, weight, numbers)
    return input.new_empty(input.shape[0], weight.shape[1] * to.groups, *to.size)


def _geometry(input: Tensor, weight: Tensor, numbers: tuple[int, ...]) -> _Geometry:
    *pairs, groups, down, across = numbers
    stride, padding, output_padding = pairs[:2], pairs[2:4], pairs[4:]
    options = stride, padding, output_padding, groups, [down, across]
    return _Geometry.of("conv_transpose", input, weight, *options)


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    input, weight, _, *numbers = inputs
    ctx.save_for_backward(input, weight)
    ctx.geometry = _geometry(input, weight, tuple(numbers))


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The convolution with the same numbers, of the gradient; and what it multiplies with what."""
    input, weight = ctx.saved_tensors
    (n, c, h, w), groups = input.shape, ctx.geometry.groups
    cells = widen(input).reshape(n, groups, c // groups, h * w)
    kernel = widen(weight).reshape(groups, c // groups, math.prod(weight.shape[1:]))
    columns = _columns(widen(grad), ctx.geometry, (h, w), weight.shape)
    grads: list[Tensor | None] = [None] * 12
    if ctx.needs_input_grad[0]:
        grads[0] = (kernel @ columns).reshape(input.shape).to(input.dtype)
    if ctx.needs_input_grad[1]:
        grads[1] = (cells @ columns.mT).sum(0).reshape(weight.shape).to(input.dtype)
    if ctx.needs_input_grad[2]:
        grads[2] = widen(grad).sum((0, 2, 3)).to(input.dtype)
    return tuple(grads)


def _columns(grad: Tensor, to: _Geometry, size: tuple[int, int], weight_shape: Any) -> Tensor:
    """(N, D, H', W') -> (N, G, D / G * K * L, H * W): the output cells that each input cell has
    written to, one column for each."""
    (h, w), (_, d, rows, columns) = size, weight_shape
    down, across = to.padding
    windows = pad(grad, (across, across, down, down)).reshape(
        len(grad), to.groups, d, to.size[0] + 2 * down, to.size[1] + 2 * across
    )
    for axis in (0, 1):
        length = to.dilation[axis] * (weight_shape[2 + axis] - 1) + 1
        windows = windows.unfold(3 + axis, length, to.stride[axis])[..., :: to.dilation[axis]]
    windows = windows[..., :h, :w, :, :].permute(0, 1, 2, 5, 6, 3, 4)  # (N, G, D / G, K, L, H, W)
    return windows.reshape(len(grad), to.groups, d * rows * columns, h * w)


native.register("conv_transpose", fake=_fake, backward=_backward, setup_context=_remember)

IMPLEMENTATIONS = {
    "scatter": conv_transpose_scatter,
    "gather": conv_transpose_gather,
    "zeros": conv_transpose_zeros,
    "matrix": conv_transpose_matrix,
    "native": conv_transpose_native,
}
