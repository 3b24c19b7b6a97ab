"""RoI pooling: the largest feature in every bin of a box, the bins snapped to whole cells.

A region of interest (RoI) is rounded to cells of the feature map, its last cell included; so many
cells are divided into bins, and a bin takes every cell that it touches, even in part: neighbours
may share a cell (Girshick, Fast R-CNN, 2015). With the first cell f and the number of cells n of
an axis, bin i of b has cells

    f + floor(i n / b), ..., f + ceil((i + 1) n / b) - 1        round(x) takes halves away from 0

Both roundings move features by up to half a cell and more, 8 pixels at a stride of 16 and more
(`roi_pool_bins` shows it): RoIAlign was invented to avoid them.

The same function three times, plainest first:
    roi_pool_loop         a loop over RoIs, bins and cells: the definition
    roi_pool_vectorized   the cells of all bins of all RoIs gathered at once
    roi_pool_native       C++: one cell at a time, for many channels; CUDA kernels
"""

import math
from typing import Any

import torch
from torch import Tensor

from edudet import check, native
from edudet.boxes.rois import (
    Rois,
    as_rois,
    check_roi_values,
    check_rois,
    name_in_list,
    valid_rois,
)
from edudet.ops.roi_align import Size, is_channels_last, new_maps

FARTHEST = 2**30  # cells from cell 0; in csrc/common/snapped_roi.h: kFarthest
Pooled = Tensor | tuple[Tensor, Tensor]


def roi_pool(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    return_argmax: bool = False,
) -> Pooled:
    """Return the largest feature of `input` in every one of `output_size` bins under each box.

    Args:
        input: (N, C, H, W) float; feature maps, of fewer than 2^31 cells each.
        boxes: (K, 5), image index and xyxy; or a list of (L, 4), one for each image; pixels of the
            image. Dtype of `input`, or float32 beside a 16-bit one.
        output_size: bins along (height, width), or one number for both.
        spatial_scale: cells per pixel, e.g. 1 / 16 for a map of stride 16.
        return_argmax: whether to return also where each output comes from.

    Returns:
        (K, C, height, width) in the dtype of `input`; in memory channels_last if `input` is, else
        contiguous. A bin without a cell of the map (outside it) is 0. NaN is larger than all.
        With `return_argmax` also (K, C, height, width) int64: y * W + x of the cell, the first of
        equals, -1 for a bin without cells.

        Bins are divided in integers. torchvision divides in floats, which may give a bin a cell
        more: with 7 bins on 57 cells the last takes one from beyond the RoI.

    Gradient:
        Flows to the cell that each output comes from, any number of times; to equals of it, none.
        The C++ kernels, and the CUDA kernel that is used, add in a fixed order: the same bits every
        time. Forward mode: by the vectorised form.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a box that is not finite, is inverted, is
            in no image, lies more than 2^30 cells away, or requires a gradient; a map without
            cells, where there are boxes. (On CUDA a bad box gives NaN and an argmax of -1 instead:
            looking at the values would make the CPU wait.)
    """
    check_rois("roi_pool", input, boxes)
    check.size("roi_pool", output_size=output_size)
    check.positive("roi_pool", spatial_scale=spatial_scale)
    check.is_bool("roi_pool", return_argmax=return_argmax)
    plain = native.obstacle("roi_pool", input, has_backward=True)
    form = roi_pool_vectorized if plain else roi_pool_native
    if torch.compiler.is_compiling():
        return form(input, boxes, output_size, spatial_scale, return_argmax)
    try:
        return form(input, boxes, output_size, spatial_scale, return_argmax)
    except ValueError as error:
        raise ValueError(name_in_list(str(error), boxes)) from None


def roi_pool_bins(
    roi: Tensor, output_size: Size, spatial_scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return where the bins of one RoI are and where they would be if nothing were rounded.

    Args:
        roi: (4,) float; xyxy, pixels of the image. The others: see `roi_pool`.

    Returns:
        snapped, exact: (height, width, 4) each; boxes xyxy in pixels of the image, not clipped to
        a map. `snapped - exact` is the quantisation error of every edge, in pixels.
    """
    rows, columns = check.pair(output_size)
    snapped, exact = [], []
    for axis, bins in ((0, columns), (1, rows)):
        low, high = roi[axis], roi[axis + 2]
        snapped.append(torch.stack(_bins_on_axis(low, high, bins, spatial_scale)) / spatial_scale)
        i = torch.arange(bins).to(roi)
        exact.append(torch.stack([low + (high - low) * (i + n) / bins for n in (0, 1)]))
    return _boxes(*snapped).to(roi), _boxes(*exact)


def _boxes(x: Tensor, y: Tensor) -> Tensor:
    """Begins and ends of columns (2, width) and of rows (2, height) -> boxes (height, width, 4)."""
    x1, x2 = x[:, None, :].expand(2, y.shape[1], x.shape[1])
    y1, y2 = y[:, :, None].expand(2, y.shape[1], x.shape[1])
    return torch.stack([x1, y1, x2, y2], -1)


def rounded(x: Tensor) -> Tensor:
    """Halves away from 0, as in C; torch.round takes them to the even number."""
    return x.trunc() + (2 * (x - x.trunc())).trunc()


def roi_pool_loop(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    return_argmax: bool = False,
) -> Pooled:
    rois = as_rois("roi_pool", input, boxes)
    check_snapped("roi_pool", rois, len(input), spatial_scale)
    feature_maps = input.to(rois.dtype)
    rows, columns = check.pair(output_size)
    # The sum of nothing is 0: it keeps `out` in the graph, so that no RoIs give a zero gradient.
    out = feature_maps.new_zeros(len(rois), input.shape[1], rows, columns) + feature_maps[:0].sum()
    argmax = torch.full_like(out, -1, dtype=torch.int64)
    for k in range(len(rois)):
        feature_map = feature_maps[int(rois[k, 0])]
        _, x1, y1, x2, y2 = rois[k]
        row_ranges = _bin_ranges(y1, y2, rows, spatial_scale, input.shape[2])
        column_ranges = _bin_ranges(x1, x2, columns, spatial_scale, input.shape[3])
        for i in range(rows):
            for j in range(columns):
                if len(row_ranges[i]) > 0 and len(column_ranges[j]) > 0:
                    largest = _largest_in(row_ranges[i], column_ranges[j], feature_map)
                    out[k, :, i, j], argmax[k, :, i, j] = largest
    out = out.to(input.dtype)
    return (out, argmax) if return_argmax else out


def _bin_ranges(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float, cells: int
) -> list[range]:
    """The cells of each bin along one axis of a RoI, as far as the map has them."""
    first = int(rounded(low * spatial_scale))
    length = int(rounded(high * spatial_scale)) - first + 1
    ranges = []
    for i in range(bins):
        begin = first + i * length // bins
        end = first + -(-(i + 1) * length // bins)  # -(-a // b): a / b, rounded up
        ranges.append(range(max(begin, 0), min(end, cells)))
    return ranges


def _largest_in(rows: range, columns: range, feature_map: Tensor) -> tuple[Tensor, Tensor]:
    """(C, H, W) -> the largest of each channel (C,), and the cell that it is in (C,)."""
    best = feature_map[:, rows[0], columns[0]]
    where = torch.full_like(best, rows[0] * feature_map.shape[2] + columns[0], dtype=torch.int64)
    for y in rows:
        for x in columns:
            value = feature_map[:, y, x]
            larger = (value > best) | (value.isnan() & ~best.isnan())
            best = torch.where(larger, value, best)
            where = torch.where(larger, y * feature_map.shape[2] + x, where)
    return best, where


def check_snapped(
    function: str, rois: Tensor, num_images: int, spatial_scale: float
) -> None:
    """Whether RoIs (K, 5) can be snapped to cells."""
    check_roi_values(function, rois, num_images)
    for k in (~near_enough(rois, spatial_scale)).nonzero().flatten().tolist()[:1]:
        numbers = ", ".join(f"{value:g}" for value in rois[k, 1:].tolist())
        raise ValueError(
            f"{function}: boxes[{k}] must stay within {FARTHEST} cells when multiplied by "
            f"spatial_scale, got [{numbers}]: is spatial_scale right?"
        )


def near_enough(rois: Tensor, spatial_scale: float) -> Tensor:
    """(K, 5) -> (K,) bool"""
    return (rounded(rois[:, 1:] * spatial_scale).abs() <= FARTHEST).all(1)


def roi_pool_vectorized(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    return_argmax: bool = False,
) -> Pooled:
    """Keeps as many cells for every bin in memory as the largest has; waits for a GPU."""
    rois = as_rois("roi_pool", input, boxes)
    looked = check.can_look(rois)
    if looked:
        check_snapped("roi_pool", rois, len(input), spatial_scale)
    else:
        valid = valid_rois(rois, len(input)) & near_enough(rois, spatial_scale)
        rois = rois.where(valid[:, None], 0)
    height, width = check.pair(output_size)
    map_height, map_width = input.shape[2:]
    rows, has_row = _cells_on_axis(rois[:, 2], rois[:, 4], height, spatial_scale, map_height)
    columns, has_column = _cells_on_axis(rois[:, 1], rois[:, 3], width, spatial_scale, map_width)
    image = rois[:, 0].long()
    cells = input.to(rois.dtype)[
        image[:, None, None], :, rows.flatten(1)[:, :, None], columns.flatten(1)[:, None, :]
    ]                                                       # (K, rows' cells, columns' cells, C)
    cells = cells.unflatten(2, columns.shape[1:]).unflatten(1, rows.shape[1:])
    cells = cells.permute(0, 5, 1, 3, 2, 4)                 # (K, C, height, width, down, across)
    has_cell = has_row[:, None, :, None, :, None] & has_column[:, None, None, :, None, :]
    index = rows[:, None, :, None, :, None] * map_width + columns[:, None, None, :, None, :]
    # Cells that a bin has come before those that it lacks: of equals, the first is one that it has.
    best, at = cells.where(has_cell, -math.inf).flatten(4).max(-1)
    argmax = index.flatten(4).expand(*best.shape, -1).gather(-1, at[..., None])[..., 0]
    is_empty = ~has_cell[..., 0, 0]
    out, argmax = best.where(~is_empty, 0), argmax.where(~is_empty, -1)
    if not looked:
        bad = ~valid[:, None, None, None]
        out, argmax = out.masked_fill(bad, math.nan), argmax.masked_fill(bad, -1)
    layout = torch.channels_last if is_channels_last(input) else torch.contiguous_format
    out = out.to(input.dtype).contiguous(memory_format=layout)
    return (out, argmax.contiguous(memory_format=layout)) if return_argmax else out


def _bins_on_axis(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float
) -> tuple[Tensor, Tensor]:
    """(...) -> (..., bins), (..., bins): the first cell of each bin and the one behind its last."""
    first = rounded(low * spatial_scale).long()[..., None]
    length = rounded(high * spatial_scale).long()[..., None] - first + 1
    i = torch.arange(bins, device=low.device)
    return first + i * length // bins, first - -(i + 1) * length // bins


def _cells_on_axis(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float, cells: int
) -> tuple[Tensor, Tensor]:
    """(K,), (K,) -> the cells of each bin, and whether it has so many: (K, bins, most), twice."""
    begin, end = _bins_on_axis(low, high, bins, spatial_scale)
    begin, end = begin.clamp(min=0)[..., None], end.clamp(max=cells)[..., None]
    most = max(int((end - begin).max()), 1) if len(low) else 1
    cell = begin + torch.arange(most, device=low.device)
    return cell.clamp(max=max(cells - 1, 0)), cell < end


def roi_pool_native(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    return_argmax: bool = False, kernel: int = 0,
) -> Pooled:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/roi_pool.cuh (the CPU has one)."""
    check.kernel("roi_pool_native", kernel, 2)
    rois = as_rois("roi_pool", input, boxes)
    native.require("roi_pool", input, has_backward=True)
    with_argmax = return_argmax or check.requires_grad(input)  # it takes as long as the values
    out, argmax = native.call(
        "roi_pool", "roi_pool", input, rois, spatial_scale, *check.pair(output_size), with_argmax,
        kernel,
    )
    return (out, _indices(argmax)) if return_argmax else out


def _index_dtype(input: Tensor) -> torch.dtype:
    """How a kernel keeps argmax: on the CPU in 16 bits, without a sign, where that is enough."""
    small = input.shape[2] * input.shape[3] < 2**16
    on_cpu = input.device.type == "cpu" and not native.is_emulated()
    return torch.int16 if small and on_cpu else torch.int32


def _indices(argmax: Tensor) -> Tensor:
    """The argmax of a kernel as int64."""
    if argmax.dtype == torch.int32:
        return argmax.long()
    return (argmax + 1).long().bitwise_and_(2**16 - 1).sub_(1)


def _fake(input, rois, spatial_scale, rows, columns, with_argmax, kernel):
    k, *bins, last = rois.shape[0], input.shape[1], rows, columns, is_channels_last(input)
    argmax = new_maps(input, (k if with_argmax else 0, *bins), last, _index_dtype(input))
    return new_maps(input, (k, *bins), last), argmax


def _fake_backward(
    grad, argmax, rois, spatial_scale, images, channels, height, width, channels_last, kernel
):
    return new_maps(grad, (images, channels, height, width), channels_last)


def _remember(ctx: Any, inputs: tuple, output: tuple) -> None:
    input, rois, spatial_scale, _, _, ctx.with_argmax, kernel = inputs
    ctx.save_for_backward(rois, output[1])
    ctx.set_materialize_grads(False)  # argmax has none: torch would fill a tensor with zeros
    ctx.scatter = native.kernel("roi_pool_backward")
    ctx.spatial_scale, ctx.shape = spatial_scale, input.shape
    ctx.channels_last, ctx.kernel = is_channels_last(input), kernel


def _backward(ctx: Any, grad: Tensor | None, _: Any) -> tuple[Tensor | None, ...]:
    rois, argmax = ctx.saved_tensors
    _refuse_gradient_of_rois(ctx, 1)
    if grad is None:
        return (None,) * 7
    if not ctx.with_argmax:
        raise RuntimeError("roi_pool: there is no gradient without argmax")
    grad_input = ctx.scatter(
        grad, argmax, rois, ctx.spatial_scale, *ctx.shape, ctx.channels_last, ctx.kernel
    )
    return grad_input, *[None] * 6


def _remember_backward(ctx: Any, inputs: tuple, output: Tensor) -> None:
    ctx.save_for_backward(inputs[1], inputs[2])


def _backward_of_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    # The gradient is linear in `grad`: it adds where argmax says, its transpose reads there.
    argmax, rois = ctx.saved_tensors
    _refuse_gradient_of_rois(ctx, 2)
    images, channels = grad.shape[:2]
    image = rois[:, 0].nan_to_num().clamp(0, max(images - 1, 0)).long()
    channel = torch.arange(channels, device=grad.device)
    indices = _indices(argmax)
    cell = indices.flatten(2).clamp(min=0)
    picked = grad.flatten(2)[image[:, None, None], channel[:, None], cell].view_as(argmax)
    return picked.where(indices >= 0, 0), *[None] * 9


def _refuse_gradient_of_rois(ctx: Any, place: int) -> None:
    if ctx.needs_input_grad[place]:
        raise RuntimeError("roi_pool: no gradient flows to boxes: call boxes.detach()")


native.register("roi_pool", fake=_fake, backward=_backward, setup_context=_remember)
native.register(
    "roi_pool_backward", fake=_fake_backward, backward=_backward_of_backward,
    setup_context=_remember_backward,
)

IMPLEMENTATIONS = {
    "loop": roi_pool_loop,
    "vectorized": roi_pool_vectorized,
    "native": roi_pool_native,
}
