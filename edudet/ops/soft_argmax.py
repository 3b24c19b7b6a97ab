"""Soft-argmax: the position of a heatmap's peak, as a number that has a derivative.

    position = sum of y exp(beta S(y)) / sum of exp(beta S(y)),    S(y) the heatmap at position y

The mean of all positions, weighted by a softmax of the heatmap. The largest cell alone, argmax,
jumps from cell to cell: nothing can be learned through it. `beta` says how much louder a high value
speaks than a low one: 0 gives the middle of the map, infinity the argmax. Levine et al.,
End-to-End Training of Deep Visuomotor Policies, 2016; Luvizon et al., Human Pose Regression, 2019.

The same function three times, plainest first; `axes` is 1, 2 or 3:
    soft_argmax_loop         a loop over maps and their cells: the definition
    soft_argmax_vectorized   a softmax, then sums along each axis
    soft_argmax_native       C++: one pass over the map, without a softmax in memory
"""

import math
from itertools import product
from typing import Any

import torch
from torch import Tensor

from edudet import check, native
from edudet.dtypes import widen

SHAPES = {1: "(..., W)", 2: "(..., H, W)", 3: "(..., D, H, W)"}


def soft_argmax1d(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False
) -> Tensor:
    """Return the soft-argmax of each row: (N, K, W) -> (N, K, 1). See `soft_argmax2d`."""
    return _best_form(heatmaps, beta, normalized, 1)


def soft_argmax2d(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False
) -> Tensor:
    """Return the mean position in each heatmap, weighted by the softmax of `beta` * heatmap.

    Args:
        heatmaps: (N, K, H, W) float, or with other leading dimensions; any numbers, however large.
            -inf takes a cell out of the mean.
        beta: 0 or more. Infinity: the mean position of the cells that hold the maximum, which is
            where this function tends to. A tensor of one number, if `beta` is to be learned.
        normalized: divide by the size of the map, as `grid_sample` wants it with
            align_corners=False: -1 is the left edge of column 0, 1 the right edge of the last.

    Returns:
        (N, K, 2), x then y, in pixels: the centre of column 0 is 0.5. In float64 for float64
        heatmaps, else float32 (bfloat16 has no number between 256 and 258). Where no cell is
        better than another, the middle of the map: also if all are -inf. Where cells are +inf,
        they alone count. A heatmap with a NaN: NaN.

    Gradient:
        Flows to `heatmaps`, any number of times, and to a tensor `beta` (by the vectorised form).
        0 where `beta` or the maximum is infinite. Forward mode: by the vectorised form.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: too few dimensions, a map without cells, another dtype, `beta` below 0 or NaN.

    A background, flat but wide, outweighs a narrow peak and draws the mean to the middle of the
    map. Here 1 is at the centre of column 0, and the other 99 cells hold 0:

        >>> heatmap = torch.zeros(1, 1, 1, 100)
        >>> heatmap[..., 0] = 1
        >>> [round(soft_argmax2d(heatmap, beta)[0, 0, 0].item(), 2) for beta in (0, 1, 5, 10, 20)]
        [50.0, 49.16, 20.51, 0.72, 0.5]
    """
    return _best_form(heatmaps, beta, normalized, 2)


def soft_argmax3d(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False
) -> Tensor:
    """Return x, y and z: (N, K, D, H, W) -> (N, K, 3). See `soft_argmax2d`."""
    return _best_form(heatmaps, beta, normalized, 3)


def _best_form(heatmaps: Tensor, beta: float | Tensor, normalized: bool, axes: int) -> Tensor:
    function = f"soft_argmax{axes}d"
    check.is_tensor(function, heatmaps=heatmaps)
    if heatmaps.ndim < axes:
        raise ValueError(
            f"{function}: heatmaps must have shape {SHAPES[axes]}, got {tuple(heatmaps.shape)}"
        )
    check.dtype(function, check.FLOATS, heatmaps=heatmaps)
    if 0 in heatmaps.shape[-axes:] and 0 not in heatmaps.shape[:-axes]:
        raise ValueError(
            f"{function}: heatmaps must have at least one cell, got shape {tuple(heatmaps.shape)}"
        )
    _check_beta(function, heatmaps, beta)
    check.is_bool(function, normalized=normalized)
    plain = isinstance(beta, Tensor) or native.obstacle("soft_argmax", heatmaps, has_backward=True)
    form = soft_argmax_vectorized if plain else soft_argmax_native
    return form(heatmaps, beta, normalized, axes)


def _check_beta(function: str, heatmaps: Tensor, beta: float | Tensor) -> None:
    if isinstance(beta, Tensor):
        check.dtype(function, check.FLOATS, beta=beta)
        check.same_device(function, heatmaps=heatmaps, beta=beta)
        if beta.numel() != 1:
            raise ValueError(f"{function}: beta must be one number, got {tuple(beta.shape)}")
        if not check.can_look(beta):
            return
        beta = beta.item()
    else:
        check.number(function, beta=beta)
    if not beta >= 0:
        question = "; for the position of a minimum, take that of -heatmaps" if beta < 0 else ""
        raise ValueError(f"{function}: beta must be 0 or more, got {beta}{question}")


def _position(index: Any, size: int, normalized: bool) -> Any:
    return 2 * (index + 0.5) / size - 1 if normalized else index + 0.5


def soft_argmax_loop(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False, axes: int = 2
) -> Tensor:
    leading, sizes = heatmaps.shape[:-axes], heatmaps.shape[-axes:]
    maps = widen(heatmaps).reshape(math.prod(leading), *sizes)
    # The sum of nothing is 0: it keeps `out` in the graph, so that no maps give a zero gradient.
    out = maps.new_zeros(len(maps), axes) + maps[:0].sum()
    for i in range(len(maps)):
        top = maps[i].detach().max()
        total, weighted = maps.new_zeros(()), maps.new_zeros(axes)
        for cell in product(*map(range, sizes)):  # (y, x), or as many as there are axes
            weight = _weight(maps[i][cell], top, beta)
            place = [_position(cell[a], sizes[a], normalized) for a in reversed(range(axes))]
            total = total + weight
            weighted = weighted + weight * maps.new_tensor(place)
        out[i] = weighted / total
    return out.reshape(*leading, axes)


def _weight(value: Tensor, top: Tensor, beta: float | Tensor) -> Tensor:
    """exp(beta * value), divided by that of the largest value: it then lies in [0, 1]."""
    if top.isinf() or beta > torch.finfo(top.dtype).max:
        # The largest cells are infinitely far above the others.
        return torch.ones_like(value) if value == top else torch.zeros_like(value)
    if value == -math.inf:
        return torch.zeros_like(value)
    return torch.exp(beta * (value - top))


def soft_argmax_vectorized(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False, axes: int = 2
) -> Tensor:
    maps = widen(heatmaps)
    leading, sizes = maps.shape[:-axes], maps.shape[-axes:]
    if 0 in maps.shape:
        return maps.new_zeros(*leading, axes) + maps.sum()
    weights = _weights(maps.flatten(-axes), beta).unflatten(-1, sizes)     # (..., H, W), sum 1
    out = []
    for axis in range(axes):                                               # x is the last axis
        others = [-1 - other for other in range(axes) if other != axis]
        along = weights.sum(others) if others else weights                 # (..., W), (..., H)
        index = torch.arange(along.shape[-1], dtype=along.dtype, device=along.device)
        out.append((along * _position(index, along.shape[-1], normalized)).sum(-1))
    return torch.stack(out, -1)


def _weights(cells: Tensor, beta: float | Tensor) -> Tensor:
    top = cells.detach().amax(-1, keepdim=True)
    alone = top.isinf()
    limit = torch.finfo(cells.dtype).max  # beyond it, beta is infinite
    if isinstance(beta, Tensor):
        alone, beta = alone | (beta > limit), beta.masked_fill(beta > limit, 1)
    elif beta > limit:
        alone, beta = torch.ones_like(alone), 1.0
    of_the_largest = torch.where(cells == top, 0.0, -math.inf).to(cells)
    below = torch.where(alone, of_the_largest, cells - top)
    # beta * -inf has a gradient to beta that is not finite, and no value for beta 0.
    out = below == -math.inf
    logits = (beta * below.masked_fill(out, 0)).masked_fill(out, -math.inf)
    return logits.softmax(-1).to(cells.dtype)


def soft_argmax_native(
    heatmaps: Tensor, beta: float | Tensor = 1.0, normalized: bool = False, axes: int = 2
) -> Tensor:
    native.require("soft_argmax", heatmaps, has_backward=True)
    leading, sizes = heatmaps.shape[:-axes], heatmaps.shape[-axes:]
    maps = heatmaps.reshape(math.prod(leading), *[1] * (3 - axes), *sizes)
    function = f"soft_argmax{axes}d"
    out, _ = native.call("soft_argmax", function, maps, float(beta), normalized, axes)
    return out.reshape(*leading, axes)


def _fake(maps, beta, normalized, axes):
    dtype = widen(maps[:0]).dtype
    out = maps.new_empty(len(maps), axes, dtype=dtype)
    return out, maps.new_empty(len(maps), 2 + axes, dtype=dtype)


def _fake_backward(grad, maps, softmax, beta, normalized):
    return torch.empty_like(maps, memory_format=torch.contiguous_format)


def _remember(ctx: Any, inputs: tuple, output: tuple) -> None:
    maps, ctx.beta, ctx.normalized, _ = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(maps, output[1])
    ctx.backward_kernel = native.kernel("soft_argmax_backward")


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    grad_maps = ctx.backward_kernel(grad, *ctx.saved_tensors, ctx.beta, ctx.normalized)
    return grad_maps, None, None, None


def _remember_backward(ctx: Any, inputs: tuple, output: Tensor) -> None:
    grad, maps, _, ctx.beta, ctx.normalized = inputs
    ctx.save_for_backward(grad, maps)


def _backward_of_backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
    """With p the softmax: the gradient of the sum of slope * g, where g = beta p c is the result of
    the backward kernel, and c_i the sum of grad * (position i - mean position) over the axes."""
    grad, maps = ctx.saved_tensors
    axes, cells, slope = grad.shape[1], widen(maps).flatten(1), widen(slope).flatten(1)
    alone = cells.amax(1, keepdim=True).isinf() | (ctx.beta > torch.finfo(cells.dtype).max)
    beta = torch.zeros_like(grad[:, :1]).masked_fill(~alone, ctx.beta)
    p = _weights(cells, ctx.beta)                                          # (N, cells)
    away = _positions(maps, axes, ctx.normalized)                          # (cells, axes)
    away = away - (p @ away)[:, None]                                      # (N, cells, axes)
    c = (away * grad[:, None]).sum(-1)
    to_grad = ((beta * p * slope)[..., None] * away).sum(1)
    mean = (p * slope).sum(1, keepdim=True)
    to_maps = slope * c - (p * slope * c).sum(1, keepdim=True) - mean * c
    return to_grad, (beta**2 * p * to_maps).reshape(maps.shape).to(maps.dtype), None, None, None


def _positions(maps: Tensor, axes: int, normalized: bool) -> Tensor:
    """(cells, axes): where each cell of a map lies, x first."""
    sizes = maps.shape[-axes:]
    along = [torch.arange(n, dtype=widen(maps[:0]).dtype, device=maps.device) for n in sizes]
    along = [_position(index, n, normalized) for index, n in zip(along, sizes, strict=True)]
    grids = torch.meshgrid(*along, indexing="ij")
    return torch.stack([grid.flatten() for grid in reversed(grids)], -1)


native.register("soft_argmax", fake=_fake, backward=_backward, setup_context=_remember)
native.register(
    "soft_argmax_backward", fake=_fake_backward, backward=_backward_of_backward,
    setup_context=_remember_backward,
)

IMPLEMENTATIONS = {
    "loop": soft_argmax_loop,
    "vectorized": soft_argmax_vectorized,
    "native": soft_argmax_native,
}

