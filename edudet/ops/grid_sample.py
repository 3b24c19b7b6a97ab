"""Grid sampling: an image read at any points, between its pixels too.

    output(m, n) = sum over u, v of  input(u, v) kappa_mn(u, v)

For every output pixel (m, n) the grid says where to read: not where the input's pixels go, but
where the output's come from, so that no output pixel stays empty. The weights kappa depend
on that point alone (see `sampling_weights`); bilinear, four pixels count. Both the pixels and the
point get a gradient, which is how a net learns where to look (Jaderberg et al., Spatial Transformer
Networks, 2015).

The same function three times, plainest first:
    grid_sample_loop         a loop over the output's pixels and their taps: the definition
    grid_sample_vectorized   all taps of all pixels gathered at once
    grid_sample_native       C++: taps of 64 pixels, then channel by channel; CUDA kernels
"""

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from edudet import check, native
from edudet.dtypes import widen
from edudet.ops.sampling_weights import (
    MODES,
    PADDING_MODES,
    all_axis_taps,
    axis_taps,
    check_sampling,
)

MOST_ON_SIDE = 2**24  # float32 counts no further; in csrc/bind/grid_sample.cpp: kMostOnSide
MOST_PIXELS = 2**31  # there: kMostCells


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return `input` read at the points of `grid`.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W) float.
        grid: (N, H_out, W_out, 2) of x, y, or (N, D_out, H_out, W_out, 3) of x, y, z; normalised,
            so that the input reaches from -1 to 1. Dtype of input, or float32 beside a 16-bit one.
        mode: "bilinear" (trilinear for volumes), "nearest" (halves to the even cell) or, for images
            only, "bicubic" (16 pixels; may overshoot the range of the input).
        padding_mode: what lies outside: "zeros", the "border"'s value, or the input's "reflection".
        align_corners: whether -1 and 1 are the centres of the outermost pixels, True, or their
            outer edges, False; reflection mirrors there. None is False, as in torch, but without a
            warning.

    Returns:
        (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) in the dtype of input. A point that is
        NaN or infinite gives NaN; with "nearest" the padding; with border or reflection, unless
        bicubic, the nearest border, which for NaN, and for reflection, is cell 0.

    Gradient:
        Flows to input and grid, any number of times. The grid's is 0 with "nearest", and where
        padding has moved the point to the centre of an outermost pixel. At kinks (a point exactly
        on a pixel) it is that of the right and lower side. On CUDA the gradient of input is added
        up in no fixed order, so that its last bits may change; elsewhere they never do.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; unknown words; an input without pixels.
    """
    align_corners = _checked(input, grid, mode, padding_mode, align_corners)
    if check.under_autocast(input):
        input, grid = widen(input), widen(grid)
    _check_dtypes(input, grid)
    plain = native.obstacle("grid_sample", input, grid, has_backward=True)
    form = grid_sample_vectorized if plain else grid_sample_native
    return form(input, grid, mode, padding_mode, align_corners)


def _checked(
    input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool | None
) -> bool:
    check.is_tensor("grid_sample", input=input, grid=grid)
    if input.ndim not in (4, 5):
        raise ValueError(
            "grid_sample: input must have shape (N, C, H, W) or (N, C, D, H, W), "
            f"got {tuple(input.shape)}"
        )
    axes = input.ndim - 2
    if grid.ndim != axes + 2 or grid.shape[-1] != axes or len(grid) != len(input):
        outputs = "D_out, H_out, W_out, 3" if axes == 3 else "H_out, W_out, 2"
        raise ValueError(
            f"grid_sample: grid must have shape ({len(input)}, {outputs}) for this input, "
            f"got {tuple(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        raise ValueError(
            f"grid_sample: input must have at least one pixel, got shape {tuple(input.shape)}"
        )
    if max(input.shape[2:]) > MOST_ON_SIDE or math.prod(input.shape[2:]) >= MOST_PIXELS:
        raise ValueError(
            "grid_sample: input must have at most 2^24 pixels along a side and fewer than 2^31 "
            f"pixels, got shape {tuple(input.shape)}"
        )
    check.same_device("grid_sample", input=input, grid=grid)
    return check_sampling("grid_sample", mode, padding_mode, align_corners, axes)


def _check_dtypes(input: Tensor, grid: Tensor) -> None:
    check.dtype("grid_sample", check.FLOATS, input=input, grid=grid)
    if grid.dtype != widen(input[:0]).dtype:
        check.same_dtype("grid_sample", input=input, grid=grid)


def grid_sample_loop(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    images, points = widen(input), widen(grid)
    # Sums of nothing are 0: they keep `out` in the graph, so that no gradient is None.
    out = images.new_zeros(*input.shape[:2], *grid.shape[1:-1])
    out = out + images[:0].sum() + points[:0].sum()
    for n in range(len(grid)):
        for pixel in itertools.product(*map(range, grid.shape[1:-1])):
            point = points[n][pixel]
            taps = [
                axis_taps(point[-1 - axis], count, mode, padding_mode, bool(align_corners))
                for axis, count in enumerate(input.shape[2:])
            ]
            place: tuple = (n, slice(None), *pixel)
            out[place] = _weighted_sum(images[n], taps)
    return out.to(input.dtype)


def _weighted_sum(image: Tensor, taps: list[list[tuple[int | None, Tensor]]]) -> Tensor:
    total = image.new_zeros(len(image))
    for combination in itertools.product(*taps):
        weight = image.new_ones(())
        for _, along_axis in combination:
            weight = weight * along_axis
        place: tuple = (..., *(cell for cell, _ in combination))
        # Weight times 0, where a cell is outside: a point that is NaN gives NaN there, too.
        total = total + weight * (torch.zeros_like(total) if None in place else image[place])
    return total


def grid_sample_vectorized(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Keeps every tap of every output pixel and channel in memory."""
    images, points = widen(input), widen(grid).flatten(1, -2)           # (N, P, axes)
    offset = torch.zeros_like(points[..., :1], dtype=torch.int64)           # (N, P, taps so far)
    weights, inside = torch.ones_like(points[..., :1]), offset == 0
    for axis, count in enumerate(input.shape[2:]):
        cells, counts, along_axis = all_axis_taps(
            points[..., -1 - axis], count, mode, padding_mode, bool(align_corners)
        )
        offset = (offset[..., None] * count + cells[..., None, :]).flatten(2)
        weights = (weights[..., None] * along_axis[..., None, :]).flatten(2)
        inside = (inside[..., None] & counts[..., None, :]).flatten(2)
    n, c = input.shape[:2]
    taps = offset.flatten(1)[:, None].expand(n, c, -1)                      # (N, C, P * taps)
    values = images.flatten(2).gather(2, taps).unflatten(2, offset.shape[1:])
    out = (values.masked_fill(~inside[:, None], 0) * weights[:, None]).sum(-1)
    out = out + points[:0].sum()  # 0: without it, "nearest" would give grid no gradient at all
    return out.reshape(n, c, *grid.shape[1:-1]).to(input.dtype)


def grid_sample_native(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None, kernel: int = 0,
) -> Tensor:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/grid_sample.cuh (the CPU has one)."""
    check.kernel("grid_sample_native", kernel, 2)
    native.require("grid_sample", input, grid, has_backward=True)
    return native.call(
        "grid_sample", "grid_sample", input, widen(grid), MODES.index(mode),
        PADDING_MODES.index(padding_mode), bool(align_corners), kernel,
    )


def _fake(input, grid, mode, padding_mode, align_corners, kernel):
    return input.new_empty(*input.shape[:2], *grid.shape[1:-1])


def _fake_backward(
    grad, input, grid, mode, padding_mode, align_corners, to_input, to_grid, kernel
):
    return (
        input.new_empty(input.shape if to_input else (0,)),
        grid.new_empty(grid.shape if to_grid else (0,)),
    )


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    input, grid, *ctx.options = inputs
    ctx.save_for_backward(input, grid)
    ctx.transpose = native.kernel("grid_sample_backward")


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    input, grid = ctx.saved_tensors
    to_input, to_grid = ctx.needs_input_grad[:2]
    if torch.is_grad_enabled():  # the gradient is to have a gradient itself
        return *_differentiable_backward(ctx, grad, input, grid), *[None] * 4
    *options, kernel = ctx.options
    grads = ctx.transpose(grad, input, grid, *options, to_input, to_grid, kernel)
    return grads[0] if to_input else None, grads[1] if to_grid else None, *[None] * 4


def _differentiable_backward(
    ctx: Any, grad: Tensor, input: Tensor, grid: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    mode, padding_mode, align_corners, _ = ctx.options
    out = grid_sample_vectorized(
        input, grid, MODES[mode], PADDING_MODES[padding_mode], align_corners
    )
    wanted = [t for t, wants in zip((input, grid), ctx.needs_input_grad[:2], strict=True) if wants]
    grads = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
    return (
        next(grads) if ctx.needs_input_grad[0] else None,
        next(grads) if ctx.needs_input_grad[1] else None,
    )


native.register("grid_sample", fake=_fake, backward=_backward, setup_context=_remember)
native.register("grid_sample_backward", fake=_fake_backward)

IMPLEMENTATIONS = {
    "loop": grid_sample_loop,
    "vectorized": grid_sample_vectorized,
    "native": grid_sample_native,
}
