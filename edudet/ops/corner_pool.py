"""Corner pooling: each cell gets the largest feature that lies beyond it in one direction.

A corner of a box has, as a rule, nothing of the object under it. The top left corner sees the
object's topmost edge somewhere to its right, and its leftmost edge somewhere below: the largest
feature of its row to the right, and of its column below, added up (Law and Deng, CornerNet, 2018):

    top_pool     out[y, x] = max of input[y .. H - 1, x]         from the last row upwards
    left_pool    out[y, x] = max of input[y, x .. W - 1]         from the last column to the left
    bottom_pool  out[y, x] = max of input[0 .. y, x]             from the first row downwards
    right_pool   out[y, x] = max of input[y, 0 .. x]             from the first column to the right

    corner_pool "top_left" = top_pool + left_pool, "bottom_right" = bottom_pool + right_pool

The same function three times, plainest first; their `corner` may also be one of "top", "left",
"bottom", "right":
    corner_pool_loop         one line after the other: the definition
    corner_pool_vectorized   each step looks twice as far as the one before: log2(length) steps
    corner_pool_native       C++: line by line in the cache, both directions at once; CUDA kernels
"""

from typing import Any

import torch
from torch import Tensor

from edudet import check, native
from edudet.dtypes import widen

# Which way the maximum runs along columns and along rows: 1 is down, or right; 0 is not at all.
DIRECTIONS = {
    "top": (-1, 0),
    "left": (0, -1),
    "bottom": (1, 0),
    "right": (0, 1),
    "top_left": (-1, -1),
    "bottom_right": (1, 1),
}
CORNERS = ("top_left", "bottom_right")


def corner_pool(input: Tensor, corner: str) -> Tensor:
    """Return the sum of the two running maxima that meet in a corner.

    Args:
        input: (N, C, H, W) float.
        corner: "top_left" (top_pool + left_pool) or "bottom_right" (bottom_pool + right_pool).

    Returns:
        (N, C, H, W) in the dtype of `input`, contiguous. NaN is larger than all: it stays from
        where it is met, as in torch.cummax.

    Gradient:
        Of each maximum, to the cell that it is in; to the first of equals that the running maximum
        meets (the one farthest from the output; torch.cummax takes the last). Any number of times,
        added in a fixed order in C++ and in the CUDA kernel that is used. Forward mode: by the
        vectorised form.

    Raises:
        TypeError: `input` is no tensor, `corner` no string.
        ValueError: wrong shape or dtype; no such corner.
    """
    if not isinstance(corner, str):
        raise TypeError(f"corner_pool: corner must be a str, got {type(corner).__name__}")
    if corner not in CORNERS:
        raise ValueError(f"corner_pool: corner must be one of {', '.join(CORNERS)}, got {corner!r}")
    return _pool("corner_pool", input, corner)


def top_pool(input: Tensor) -> Tensor:
    """Return the largest of every cell and those below it: (N, C, H, W); see `corner_pool`."""
    return _pool("top_pool", input, "top")


def left_pool(input: Tensor) -> Tensor:
    """Return the largest of every cell and those to its right: (N, C, H, W); see `corner_pool`."""
    return _pool("left_pool", input, "left")


def bottom_pool(input: Tensor) -> Tensor:
    """Return the largest of every cell and those above it: (N, C, H, W); see `corner_pool`."""
    return _pool("bottom_pool", input, "bottom")


def right_pool(input: Tensor) -> Tensor:
    """Return the largest of every cell and those to its left: (N, C, H, W); see `corner_pool`."""
    return _pool("right_pool", input, "right")


def _pool(function: str, input: Tensor, corner: str) -> Tensor:
    check.is_tensor(function, input=input)
    if input.ndim != 4:
        raise ValueError(
            f"{function}: input must have shape (N, C, H, W), got {tuple(input.shape)}"
        )
    check.dtype(function, check.FLOATS, input=input)
    plain = native.obstacle("corner_pool", input, has_backward=True)
    return (corner_pool_vectorized if plain else corner_pool_native)(input, corner)


def corner_pool_loop(input: Tensor, corner: str) -> Tensor:
    down, right = DIRECTIONS[corner]
    total = torch.zeros_like(widen(input))
    if down:
        total = total + _running_maximum_loop(widen(input), 2, down)
    if right:
        total = total + _running_maximum_loop(widen(input), 3, right)
    return total.to(input.dtype).contiguous()


def _running_maximum_loop(input: Tensor, dim: int, step: int) -> Tensor:
    lines = list(input.unbind(dim))[::step]
    for i in range(1, len(lines)):
        lines[i] = torch.where(_exceeds(lines[i], lines[i - 1]), lines[i], lines[i - 1])
    return torch.stack(lines[::step], dim) if lines else input.clone()


def _exceeds(value: Tensor, best: Tensor) -> Tensor:
    return (value > best) | (value.isnan() & ~best.isnan())


def corner_pool_vectorized(input: Tensor, corner: str) -> Tensor:
    return _read_at_maximum(input, input, corner)


def _read_at_maximum(input: Tensor, values: Tensor, corner: str) -> Tensor:
    """Like corner pooling of `input`, but reads `values` where a maximum of `input` is."""
    keys, values_wide = widen(input.detach()), widen(values)
    parts = [
        _along(keys, values_wide, dim, step)
        for dim, step in zip((2, 3), DIRECTIONS[corner], strict=True)
        if step
    ]
    return sum(parts[1:], parts[0]).to(values.dtype).contiguous()


def _along(keys: Tensor, values: Tensor, dim: int, step: int) -> Tensor:
    """What `values` has where the running maximum of `keys` is."""
    if step < 0:
        keys, values = keys.flip(dim), values.flip(dim)
    size, reach = keys.shape[dim], 1
    while reach < size:
        # The largest of the last 2 * reach cells: that of the last `reach`, or of those before.
        rest = size - reach
        late = _exceeds(keys.narrow(dim, reach, rest), keys.narrow(dim, 0, rest))
        keys, values = (
            torch.cat([
                t.narrow(dim, 0, reach),
                torch.where(late, t.narrow(dim, reach, rest), t.narrow(dim, 0, rest)),
            ], dim)
            for t in (keys, values)
        )  # fmt: skip
        reach *= 2
    return values.flip(dim) if step < 0 else values


def corner_pool_native(input: Tensor, corner: str, kernel: int = 0) -> Tensor:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/corner_pool.cuh (the CPU has one)."""
    check.kernel("corner_pool_native", kernel, 2)
    native.require("corner_pool", input, has_backward=True)
    return native.call("corner_pool", "corner_pool", input, *DIRECTIONS[corner], kernel)


def _fake(input, down, right, kernel):
    return input.new_empty(input.shape)


def _fake_backward(grad, input, down, right, kernel):
    return input.new_empty(input.shape)


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    input, *ctx.rest = inputs
    ctx.save_for_backward(input)
    ctx.collect = native.kernel("corner_pool_backward")


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (input,) = ctx.saved_tensors
    return ctx.collect(grad, input, *ctx.rest), None, None, None


def _remember_backward(ctx: Any, inputs: tuple, output: Tensor) -> None:
    _, input, *directions, _ = inputs
    ctx.save_for_backward(input)
    ctx.corner = next(name for name, pair in DIRECTIONS.items() if list(pair) == directions)


def _backward_of_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    # The gradient is linear in `grad`: it adds to where the maxima are, its transpose reads there.
    (input,) = ctx.saved_tensors
    return _read_at_maximum(input, grad, ctx.corner), *[None] * 4


native.register("corner_pool", fake=_fake, backward=_backward, setup_context=_remember)
native.register(
    "corner_pool_backward", fake=_fake_backward, backward=_backward_of_backward,
    setup_context=_remember_backward,
)

IMPLEMENTATIONS = {
    "loop": corner_pool_loop,
    "vectorized": corner_pool_vectorized,
    "native": corner_pool_native,
}
