"""Unpooling: a larger map, in which each cell of a small one has a place.

    nearest         the cell's value in its whole block: out[y, x] = map[y // s, x // s]
    bed of nails    the value at its block's top left, zeros elsewhere: a nail in each block
    max unpooling   the value where pooling had found it, zeros elsewhere

The first two enlarge by whole numbers, s; nothing is learned. Nearest is the "upsampling" of most
decoders (Badrinarayanan et al., 2017, compare it with the third); a bed of nails followed by a
convolution is a transposed convolution. The third has a memory: the positions that
`max_pool2d_with_indices` returns (Zeiler and Fergus, 2014; Noh et al., 2015); it is torch's.

Each in two forms; `kind` says which of the first two:
    unpool_loop, max_unpool2d_loop               cell by cell: the definition
    unpool_vectorized, max_unpool2d_vectorized   copies of whole maps; a gather
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from edudet import check
from edudet.ops.max_pool import check_windows

Size = int | tuple[int, int]


def unpool_nearest(x: Tensor, scale: Size) -> Tensor:
    """Return `x` enlarged by whole numbers: every cell becomes a block of its value.

    Args:
        x: (..., H, W) float or integer; any leading dimensions, none included.
        scale: (down, right), cells of a block; or one number.

    Returns:
        (..., H * down, W * right), the dtype of `x`.

    Gradient:
        Flows to `x`: a cell gets the sum over its block.

    Raises:
        TypeError: `x` is not a tensor, or `scale` is not whole.
        ValueError: `x` has fewer than 2 dimensions or another dtype; `scale` is below 1.
    """
    _check("unpool_nearest", x, scale)
    return unpool_vectorized(x, scale, "nearest")


def unpool_bed_of_nails(x: Tensor, scale: Size) -> Tensor:
    """Return `x` with its cells `scale` apart and zeros between (and after) them.

    Arguments, result and errors: see `unpool_nearest`. A cell's gradient is that of its nail.
    """
    _check("unpool_bed_of_nails", x, scale)
    return unpool_vectorized(x, scale, "bed_of_nails")


def _check(function: str, x: Tensor, scale: Size) -> None:
    check.is_tensor(function, x=x)
    check.dtype(function, check.FLOATS + check.INTEGERS, x=x)
    if x.ndim < 2:
        raise ValueError(f"{function}: x must have shape (..., H, W), got {tuple(x.shape)}")
    check.size(function, scale=scale)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None,
    padding: Size = 0, output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return a map of zeros in which each value of `input` stands at its index.

    Args:
        input: (N, C, H, W) or (C, H, W) float.
        indices: int64, the shape of `input`: y * W' + x in the map to be made.
        kernel_size, stride, padding: those of the pooling, to know how large the map was.
        output_size: (H', W'), or a whole shape that ends so, less than one stride from
            (H - 1) * stride - 2 * padding + kernel_size, the default: pooling forgets the rest.

    Returns:
        (..., H', W'). Where several values have one index, the last in reading order stays
        (torch's winner depends on the order of threads).

    Gradient:
        Flows to the values that stayed (torch's backward gives the others a gradient too).

    Raises:
        TypeError, ValueError: see `max_pool2d_with_indices`; an index lies outside the map.
    """
    _check_unpool(input, indices, kernel_size, stride, padding, output_size)
    return max_unpool2d_vectorized(input, indices, kernel_size, stride, padding, output_size)


def _check_unpool(input, indices, kernel_size, stride, padding, output_size) -> None:
    function = "max_unpool2d"
    check.maps(function, input=input)
    check.dtype(function, check.FLOATS, input=input)
    check.is_tensor(function, indices=indices)
    check.dtype(function, (torch.int64,), indices=indices)
    check.same_device(function, input=input, indices=indices)
    if indices.shape != input.shape:
        raise ValueError(
            f"{function}: indices must have the shape of input, {tuple(input.shape)}, "
            f"got {tuple(indices.shape)}"
        )
    check_windows(function, kernel_size, stride, padding)
    usual = _unpooled_size(input, kernel_size, stride, padding, None)
    if output_size is not None:
        _check_output_size(function, output_size, input.ndim, usual, stride or kernel_size)
    size = _unpooled_size(input, kernel_size, stride, padding, output_size)
    if min(size) < 1:
        raise ValueError(f"{function}: padding must leave a map, got {padding}, which makes {size}")
    outside = (indices < 0) | (indices >= size[0] * size[1]) if check.can_look(indices) else None
    if outside is not None and outside.any():
        raise ValueError(
            f"{function}: indices must lie in [0, {size[0] * size[1]}) for a map of {size}, "
            f"got {indices[outside][0].item()}"
        )


def _check_output_size(function, output_size, ndim, usual, stride) -> None:
    sides = tuple(output_size) if isinstance(output_size, (tuple, list)) else ()
    if len(sides) not in (2, ndim):
        raise TypeError(f"{function}: output_size must be (height, width), got {output_size!r}")
    check.size(function, output_size=sides[-2:])
    for side, middle, step in zip(sides[-2:], usual, check.pair(stride), strict=True):
        if not middle - step < side < middle + step:
            raise ValueError(
                f"{function}: output_size must be less than a stride, {stride}, from {usual}, "
                f"got {sides}"
            )


def _unpooled_size(input, kernel_size, stride, padding, output_size) -> tuple[int, int]:
    if output_size is not None:
        return output_size[-2], output_size[-1]
    strides = check.pair(kernel_size if stride is None else stride)
    axes = zip(input.shape[-2:], check.pair(kernel_size), strides, check.pair(padding), strict=True)
    height, width = ((cells - 1) * step - 2 * edge + kernel for cells, kernel, step, edge in axes)
    return height, width


def unpool_loop(x: Tensor, scale: Size, kind: str = "nearest") -> Tensor:
    down, right = check.pair(scale)
    height, width = x.shape[-2] * down, x.shape[-1] * right
    out = x.new_zeros(*x.shape[:-2], height, width) + x.flatten()[:0].sum()
    for i in range(height):
        for j in range(width):
            if kind == "nearest" or (i % down == 0 and j % right == 0):
                out[..., i, j] = x[..., i // down, j // right]
    return out


def unpool_vectorized(x: Tensor, scale: Size, kind: str = "nearest") -> Tensor:
    down, right = check.pair(scale)
    height, width = x.shape[-2:]
    blocks = x[..., :, None, :, None]                                    # (..., H, 1, W, 1)
    if kind == "nearest":
        blocks = blocks.expand(*x.shape[:-1], down, width, right)
    else:
        blocks = pad(blocks, (0, right - 1, 0, 0, 0, down - 1))          # zeros below and right
    return blocks.reshape(*x.shape[:-2], height * down, width * right)


def max_unpool2d_loop(
    input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None,
    padding: Size = 0, output_size: Sequence[int] | None = None,
) -> Tensor:
    size = _unpooled_size(input, kernel_size, stride, padding, output_size)
    maps, places = input.flatten(0, -3), indices.flatten(0, -3)
    out = maps.new_zeros(len(maps), size[0] * size[1]) + maps[:0].sum()
    for c in range(len(maps)):
        for y in range(maps.shape[1]):
            for x in range(maps.shape[2]):
                out[c, places[c, y, x]] = maps[c, y, x]
    return out.reshape(*input.shape[:-2], *size)


def max_unpool2d_vectorized(
    input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None,
    padding: Size = 0, output_size: Sequence[int] | None = None,
) -> Tensor:
    size = _unpooled_size(input, kernel_size, stride, padding, output_size)
    values, places = input.flatten(-2), indices.flatten(-2)              # (..., H W)
    order = torch.arange(values.shape[-1], device=input.device).expand(places.shape)
    nobody = order.new_full((*places.shape[:-1], size[0] * size[1]), -1)
    last = nobody.scatter_reduce(-1, places, order, "amax")              # who stays at each place
    out = values.gather(-1, last.clamp(min=0)).where(last >= 0, 0)
    return out.reshape(*input.shape[:-2], *size)


IMPLEMENTATIONS = {"loop": unpool_loop, "vectorized": unpool_vectorized}
IMPLEMENTATIONS_OF_MAX_UNPOOL2D = {"loop": max_unpool2d_loop, "vectorized": max_unpool2d_vectorized}
