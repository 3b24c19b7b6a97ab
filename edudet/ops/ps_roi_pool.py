"""Position-sensitive RoI pooling: every bin of a box asks its own feature map.

R-FCN (Dai et al., 2016) wants no network behind the pooling: each RoI would cost its own pass. So
the maps themselves say where in an object a cell lies. For k x k bins there are k x k maps of each
class, "here is the upper left part of a dog" and so on, and bin (i, j) takes the mean of its map

    out[c, i, j] = the mean of input[c k k + i k + j] over the cells of bin (i, j)

The mean of the k x k bins, a vote, is the score of the class. A RoI that is moved off the object
has its parts in the wrong bins: few votes, although every map is convolutional.

The box is rounded to cells first, as in RoI pooling, but its last cell is not included: n = last -
first, one at least. Bin i of b has cells first + floor(i n / b) to first + ceil((i + 1) n / b) - 1.

The same function twice, plainest first:
    ps_roi_pool_loop         a loop over RoIs, bins and cells: the definition
    ps_roi_pool_vectorized   all bins at once: each is a bag of cells of which torch takes the mean
"""

import math

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.rois import (
    Rois,
    as_rois,
    check_rois,
    name_in_list,
    valid_rois,
)
from edudet.ops.roi_align import Size
from edudet.ops.roi_pool import check_snapped, near_enough, rounded


def ps_roi_pool(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0
) -> Tensor:
    """Return the mean, in every one of `output_size` bins under each box, of the bin's own map.

    Args:
        input: (N, C k_h k_w, H, W) float; the map of class c and bin (i, j) is the one with the
            number (c k_h + i) k_w + j.
        boxes: (K, 5), image index and xyxy; or a list of (L, 4), one for each image; pixels of the
            image. Dtype of `input`, or float32 beside a 16-bit one.
        output_size: bins (k_h, k_w) along (height, width), or one number for both.
        spatial_scale: cells per pixel, e.g. 1 / 16 for a map of stride 16.

    Returns:
        (K, C, k_h, k_w) in the dtype of `input`, contiguous. A bin without a cell is 0.

        The last row and the last column of the map count as outside: so torchvision clips, and the
        two agree. `torch.nn.functional.pad(input, (0, 1, 0, 1))` lets every cell be read. Bins are
        divided in integers; torchvision divides in floats, which may give a bin a cell more.

    Gradient:
        Flows to `input`, once. (torchvision's is wrong for boxes that reach the last row or
        column: it gives a share to cells that were not read.)

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a box that is not finite, is inverted, is
            in no image, lies more than 2^30 cells away, or requires a gradient; a map without
            cells, where there are boxes. (On CUDA a bad box gives NaN instead.)
    """
    check_rois("ps_roi_pool", input, boxes)
    check.size("ps_roi_pool", output_size=output_size)
    check.positive("ps_roi_pool", spatial_scale=spatial_scale)
    bins = math.prod(check.pair(output_size))
    if input.shape[1] % bins:
        raise ValueError(
            f"ps_roi_pool: input must have a multiple of {bins} channels, one for each bin, "
            f"got {input.shape[1]}"
        )
    try:
        return ps_roi_pool_vectorized(input, boxes, output_size, spatial_scale)
    except ValueError as error:
        raise ValueError(name_in_list(str(error), boxes)) from None


def ps_roi_pool_loop(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0
) -> Tensor:
    rois = as_rois("ps_roi_pool", input, boxes)
    check_snapped("ps_roi_pool", rois, len(input), spatial_scale)
    rows, columns = check.pair(output_size)
    maps = input.to(rois.dtype).unflatten(1, (-1, rows, columns))    # (N, C, k_h, k_w, H, W)
    # The sum of nothing is 0: it keeps `out` in the graph, so that no RoIs give a zero gradient.
    out = maps.new_zeros(len(rois), *maps.shape[1:4]) + maps[:0].sum()
    for k in range(len(rois)):
        image, x1, y1, x2, y2 = rois[k]
        row_ranges = _bin_ranges(y1, y2, rows, spatial_scale, input.shape[2])
        column_ranges = _bin_ranges(x1, x2, columns, spatial_scale, input.shape[3])
        for i in range(rows):
            for j in range(columns):
                out[k, :, i, j] = _mean_in(
                    row_ranges[i], column_ranges[j], maps[int(image), :, i, j]
                )
    return out.to(input.dtype)


def _bin_ranges(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float, cells: int
) -> list[range]:
    """The cells of each bin along one axis of a RoI, as far as the map has them, but its last."""
    first = int(rounded(low * spatial_scale))
    length = max(int(rounded(high * spatial_scale)) - first, 1)
    ranges = []
    for i in range(bins):
        begin = first + i * length // bins
        end = first + -(-(i + 1) * length // bins)  # -(-a // b): a / b, rounded up
        ranges.append(range(max(begin, 0), min(end, cells - 1)))
    return ranges


def _mean_in(rows: range, columns: range, maps: Tensor) -> Tensor:
    """(C, H, W) -> (C,)"""
    total = maps.new_zeros(len(maps))
    for y in rows:
        for x in columns:
            total = total + maps[:, y, x]
    return total / max(len(rows) * len(columns), 1)


def ps_roi_pool_vectorized(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0
) -> Tensor:
    """Keeps the index of every cell of every bin in memory; waits for a GPU."""
    rois = as_rois("ps_roi_pool", input, boxes)
    looked = check.can_look(rois)
    if looked:
        check_snapped("ps_roi_pool", rois, len(input), spatial_scale)
    else:
        valid = valid_rois(rois, len(input)) & near_enough(rois, spatial_scale)
        rois = rois.where(valid[:, None], 0)
    rows, columns = check.pair(output_size)
    height, width = input.shape[2:]
    y, has_row = _cells_on_axis(rois[:, 2], rois[:, 4], rows, spatial_scale, height)
    x, has_column = _cells_on_axis(rois[:, 1], rois[:, 3], columns, spatial_scale, width)
    bin = torch.arange(rows * columns, device=rois.device).view(rows, columns)
    plane = rois[:, 0].long()[:, None, None] * rows * columns + bin      # (K, k_h, k_w)
    cell = y[:, :, None, :, None] * width + x[:, None, :, None, :]   # (K, k_h, k_w, down, across)
    cell = cell + plane[..., None, None] * height * width
    has_cell = has_row[:, :, None, :, None] & has_column[:, None, :, None, :]
    count = has_cell.sum((3, 4)).flatten()                               # (K k_h k_w,)
    maps = input.to(rois.dtype).unflatten(1, (-1, rows * columns)).permute(0, 2, 3, 4, 1)
    out = torch.nn.functional.embedding_bag(                             # (K k_h k_w, C)
        cell[has_cell], maps.flatten(0, 3), count.cumsum(0) - count, mode="mean"
    )
    out = out.view(len(rois), rows, columns, maps.shape[4]).permute(0, 3, 1, 2)
    if not looked:
        out = out.masked_fill(~valid[:, None, None, None], math.nan)
    return out.to(input.dtype).contiguous()


def _cells_on_axis(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float, cells: int
) -> tuple[Tensor, Tensor]:
    """(K,), (K,) -> the cells of each bin, and whether it has so many: (K, bins, most), twice."""
    first = rounded(low * spatial_scale).long()[:, None]
    length = (rounded(high * spatial_scale).long()[:, None] - first).clamp(min=1)
    i = torch.arange(bins, device=low.device)
    begin = (first + i * length // bins).clamp(min=0)[..., None]
    end = (first - -(i + 1) * length // bins).clamp(max=cells - 1)[..., None]
    most = max(int((end - begin).max()), 0) if len(low) else 0
    cell = begin + torch.arange(most, device=low.device)
    return cell, cell < end


IMPLEMENTATIONS = {"loop": ps_roi_pool_loop, "vectorized": ps_roi_pool_vectorized}
