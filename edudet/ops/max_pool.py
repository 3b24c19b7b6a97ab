"""Max pooling that remembers where each maximum was.

Pooling makes a map small and forgets where things are; the positions ("switches") keep that for the
way back, `max_unpool2d`: Zeiler and Fergus, 2014; Noh et al., 2015. The function is torch's.

The same function twice:
    max_pool2d_loop         window by window, cell by cell: the definition
    max_pool2d_vectorized   one cell of all windows at a time
"""

import torch
from torch import Tensor

from edudet import check

Size = int | tuple[int, int]


def max_pool2d_with_indices(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the maximum of every window and where it is.

    Args:
        input: (N, C, H, W) or (C, H, W) float.
        kernel_size, stride, padding, dilation: (vertical, horizontal) or one number; the stride is
            the kernel size by default. Padded cells never win, as if they were -inf.
        ceil_mode: a last window that begins inside the map (or in the padding before it) but ends
            beyond its end counts too.
        return_indices: stands in torch's signature; both results are returned whatever it says.

    Returns:
        values (..., H', W'); indices, int64 of that shape: y * W + x in the unpadded map. Of equal
        values the first in reading order wins. A NaN wins over all numbers, the last NaN of a
        window over the others (as in torch).

    Gradient:
        Flows to the cell that won.

    Raises:
        TypeError: `input` is not a tensor, or a size is not whole.
        ValueError: shape or dtype do not fit; no window fits; padding is more than half a kernel;
            a window has no cell of the map (by dilation and padding; torch's index is wrong there).
    """
    _check_pool(input, kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool2d_vectorized(input, kernel_size, stride, padding, dilation, ceil_mode)


def check_windows(function: str, kernel_size: Size, stride: Size | None, padding: Size) -> None:
    """The sizes that pooling and `max_unpool2d` share."""
    check.size(function, kernel_size=kernel_size)
    if stride is not None:
        check.size(function, stride=stride)
    check.padding(function, padding=padding)
    for pad, kernel in zip(check.pair(padding), check.pair(kernel_size), strict=True):
        if pad > kernel // 2:
            raise ValueError(
                f"{function}: padding must be at most half of kernel_size, {kernel_size}, "
                f"got {padding}"
            )


def _check_pool(input, kernel_size, stride, padding, dilation, ceil_mode) -> None:
    function = "max_pool2d_with_indices"
    check.maps(function, input=input)
    check.dtype(function, check.FLOATS, input=input)
    check_windows(function, kernel_size, stride, padding)
    check.size(function, dilation=dilation)
    check.is_bool(function, ceil_mode=ceil_mode)
    size = tuple(input.shape[-2:])
    starts = _starts(size, kernel_size, stride, padding, dilation, ceil_mode)
    if 0 in map(len, starts):
        raise ValueError(
            f"{function}: input must be at least as large as a window (kernel_size {kernel_size}, "
            f"dilation {dilation}), got {size}"
        )
    for cells, axis, kernel, step in zip(
        size, starts, check.pair(kernel_size), check.pair(dilation), strict=True
    ):
        if any(_first(start, step) >= min(cells, start + kernel * step) for start in axis):
            raise ValueError(
                f"{function}: every window must have a cell of the map, but dilation {dilation} "
                f"with padding {padding} steps over it, got {size}"
            )


def _starts(size, kernel_size, stride, padding, dilation, ceil_mode) -> tuple[range, range]:
    """Where windows begin, along y and along x; in the padding the numbers are negative."""
    arguments = kernel_size, kernel_size if stride is None else stride, padding, dilation
    axes = zip(size, *map(check.pair, arguments), strict=True)
    vertical, horizontal = (_starts_along(axis, ceil_mode) for axis in axes)
    return vertical, horizontal


def _starts_along(axis, ceil_mode) -> range:
    cells, kernel, stride, padding, dilation = axis
    room = cells + 2 * padding - (dilation * (kernel - 1) + 1)   # for moving the window
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    count = min(count, (cells + padding - 1) // stride + 1)      # none begins beyond the map
    return range(-padding, -padding + count * stride, stride)


def _first(start: int, step: int) -> int:
    """The first of start, start + step, ... that is not negative."""
    return start if start >= 0 else start % step


def max_pool2d_loop(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    maps = input.flatten(0, -3)
    num_maps, height, width = maps.shape
    vertical, horizontal = _starts(
        (height, width), kernel_size, stride, padding, dilation, ceil_mode
    )
    (rows, columns), (down, right) = check.pair(kernel_size), check.pair(dilation)
    sizes = len(vertical), len(horizontal)
    values = maps.new_zeros(num_maps, *sizes) + maps[:0].sum()  # no maps: a gradient all the same
    indices = torch.zeros_like(values, dtype=torch.int64)
    for c in range(num_maps):
        for i, top in enumerate(vertical):
            for j, left in enumerate(horizontal):
                ys = [y for y in range(top, top + rows * down, down) if 0 <= y < height]
                xs = [x for x in range(left, left + columns * right, right) if 0 <= x < width]
                best_y, best_x = ys[0], xs[0]
                for y in ys:
                    for x in xs:
                        value = maps[c, y, x]
                        if value > maps[c, best_y, best_x] or value.isnan():
                            best_y, best_x = y, x
                values[c, i, j] = maps[c, best_y, best_x]
                indices[c, i, j] = best_y * width + best_x
    shape = (*input.shape[:-2], *sizes)
    return values.reshape(shape), indices.reshape(shape)


def max_pool2d_vectorized(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    size = input.shape[-2:]
    starts = _starts(size, kernel_size, stride, padding, dilation, ceil_mode)
    y, x = (
        _cells(*axis, input.device)
        for axis in zip(size, starts, check.pair(kernel_size), check.pair(dilation), strict=True)
    )                                                                    # (H', k), (W', l)
    best = torch.full((), -torch.inf, dtype=input.dtype, device=input.device)
    indices = y[:, :1] * size[1] + x[:, 0]                               # (H', W')
    for row in y.T:
        rows = input.detach()[..., row, :]
        for column in x.T:
            values = rows[..., column]                                   # (..., H', W')
            better = (values > best) | values.isnan()
            best = torch.where(better, values, best)
            indices = torch.where(better, row[:, None] * size[1] + column, indices)
    return input.flatten(-2).gather(-1, indices.flatten(-2)).view_as(indices), indices


def _cells(cells: int, starts: range, kernel: int, step: int, device) -> Tensor:
    """(number of windows, k): the cells of each window along one axis. Where padding or the end of
    the map leaves a window fewer, its last cell is repeated, which changes no maximum."""
    first = [_first(start, step) for start in starts]
    last = [begin + (min(start + (kernel - 1) * step, cells - 1) - begin) // step * step
            for start, begin in zip(starts, first, strict=True)]
    longest = max(end - begin for begin, end in zip(first, last, strict=True))
    taps = torch.arange(0, longest + 1, step, device=device)
    begin, end = (torch.tensor(x, device=device)[:, None] for x in (first, last))
    return (begin + taps).minimum(end)


IMPLEMENTATIONS = {"loop": max_pool2d_loop, "vectorized": max_pool2d_vectorized}
