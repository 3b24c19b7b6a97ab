"""RoIAlign: the features under a box, whatever its size, as a grid of a fixed size.

A region of interest (RoI) is divided into bins; a bin's value is the mean of the feature map at
sample points spread evenly over the bin, each read by bilinear interpolation. Nothing is rounded to
whole cells, as RoI pooling does: a box moved by a fraction of a cell gives other features, and
masks stay sharp (He et al., Mask R-CNN, 2017).

The same function three times, plainest first:
    roi_align_loop         a loop over RoIs, bins and samples: the definition
    roi_align_vectorized   all samples of all RoIs gathered at once
    roi_align_native       C++: one cell times its weight at a time, for many channels; CUDA kernels
`sample_points` and `bilinear_taps` are the two steps of the definition, for pictures.
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

MOST_SAMPLES = 4096  # along a side of a bin; in csrc/common/roi.h: kMostSamples
Size = int | tuple[int, int]


def roi_align(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    sampling_ratio: int = -1, aligned: bool = False,
) -> Tensor:
    """Return the features of `input` under each box, averaged in `output_size` bins.

    Args:
        input: (N, C, H, W) float; feature maps.
        boxes: (K, 5), image index and xyxy; or a list of (L, 4), one for each image; pixels of the
            image. Dtype of `input`, or float32 beside a 16-bit one.
        output_size: bins along (height, width), or one number for both.
        spatial_scale: cells per pixel, e.g. 1 / 16 for a map of stride 16.
        sampling_ratio: samples along each side of a bin; 0 or less: one a cell, rounded up.
        aligned: whether coordinates are shifted by half a cell, so that they mean what they mean
            elsewhere in this library (the centre of cell 0 is 0.5). False, the older habit,
            also widens a RoI to at least one cell.

    Returns:
        (K, C, height, width) in the dtype of `input`; in memory channels_last if `input` is, else
        contiguous. Points more than a cell outside the map count as 0, nearer ones as the border.
        A bin without samples (an empty box, aligned, sampling_ratio <= 0) is 0.

    Gradient:
        Flows to `input`, any number of times. The C++ kernels, and the CUDA kernel that is used,
        add in a fixed order: the same bits every time. Forward mode: by the vectorised form.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a box that is not finite, is inverted, is
            in no image, needs more than 4096 samples along a bin, or requires a gradient; a map
            without cells, where there are boxes. (On CUDA a bad box gives NaN instead: looking at
            the values would make the CPU wait.)
    """
    check_rois("roi_align", input, boxes)
    _check_grid(output_size, spatial_scale, sampling_ratio, aligned)
    plain = native.obstacle("roi_align", input, has_backward=True)
    form = roi_align_vectorized if plain else roi_align_native
    if torch.compiler.is_compiling():
        return form(input, boxes, output_size, spatial_scale, sampling_ratio, aligned)
    try:
        return form(input, boxes, output_size, spatial_scale, sampling_ratio, aligned)
    except ValueError as error:
        raise ValueError(name_in_list(str(error), boxes)) from None


def _check_grid(
    output_size: Size, spatial_scale: float, sampling_ratio: int, aligned: bool
) -> None:
    check.size("roi_align", output_size=output_size)
    check.positive("roi_align", spatial_scale=spatial_scale)
    check.is_int("roi_align", sampling_ratio=sampling_ratio)
    check.is_bool("roi_align", aligned=aligned)
    if sampling_ratio > MOST_SAMPLES:
        raise ValueError(
            f"roi_align: sampling_ratio must be at most {MOST_SAMPLES}, got {sampling_ratio}"
        )


def sample_points(
    roi: Tensor, output_size: Size, spatial_scale: float = 1.0, sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Return where `roi_align` reads the feature map for one RoI.

    Args:
        roi: (4,) float; xyxy, pixels of the image. The others: see `roi_align`.

    Returns:
        (height, width, samples down, samples across, 2) of x, y, counted in cells from the
        *centre* of cell 0: at x = 3, y = 2 the map has the value of cell [2, 3]. This is where
        `matplotlib.imshow` draws; add 0.5 for the house's coordinates, where cell 0 is [0, 1).
    """
    height, width = check.pair(output_size)
    x1, y1, x2, y2 = roi
    options = spatial_scale, sampling_ratio, aligned
    y = _positions(*_bins_on_axis(y1, y2, height, *options), height)            # (height, down)
    x = _positions(*_bins_on_axis(x1, x2, width, *options), width)              # (width, across)
    shape = (height, width, y.shape[1], x.shape[1])
    return torch.stack([x[None, :, None, :].expand(shape), y[:, None, :, None].expand(shape)], -1)


def _bins_on_axis(
    low: Tensor, high: Tensor, bins: int, spatial_scale: float, sampling_ratio: int, aligned: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Where the first bin starts, the size of a bin and its number of samples; shaped as `low`."""
    offset = 0.5 if aligned else 0.0
    start = low * spatial_scale - offset
    length = high * spatial_scale - offset - start
    if not aligned:
        length = length.clamp(min=1)
    bin_size = length / bins
    samples = bin_size.ceil() if sampling_ratio <= 0 else torch.full_like(low, sampling_ratio)
    return start, bin_size, samples


def _positions(start: Tensor, bin_size: Tensor, samples: Tensor, bins: int) -> Tensor:
    """(...) -> (..., bins, most samples); those beyond a RoI's own samples are of no use."""
    most = int(samples.max()) if samples.numel() else 0
    i = torch.arange(bins, dtype=start.dtype, device=start.device)[:, None]
    sample = torch.arange(most, dtype=start.dtype, device=start.device)
    start, bin_size, samples = (t[..., None, None] for t in (start, bin_size, samples))
    return start + i * bin_size + (sample + 0.5) * bin_size / samples


def bilinear_taps(x: float, y: float, height: int, width: int) -> list[tuple[int, int, float]]:
    """Return the cells around a point of `sample_points`, as (row, column, weight): four of them,
    or none if the point lies more than one cell outside the map."""
    if not (-1 <= y <= height and -1 <= x <= width):
        return []
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)  # beside the map: its border
    row, column = int(y), int(x)
    next_row, next_column = min(row + 1, height - 1), min(column + 1, width - 1)
    down, right = y - row, x - column
    return [
        (row, column, (1 - down) * (1 - right)),
        (row, next_column, (1 - down) * right),
        (next_row, column, down * (1 - right)),
        (next_row, next_column, down * right),
    ]


def roi_align_loop(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    sampling_ratio: int = -1, aligned: bool = False,
) -> Tensor:
    rois = as_rois("roi_align", input, boxes)
    options = spatial_scale, sampling_ratio, aligned
    _check_values(rois, len(input), output_size, *options)
    feature_maps = input.to(rois.dtype)
    height, width = check.pair(output_size)
    # The sum of nothing is 0: it keeps `out` in the graph, so that no RoIs give a zero gradient.
    out = feature_maps.new_zeros(len(rois), input.shape[1], height, width) + feature_maps[:0].sum()
    for k in range(len(rois)):
        feature_map = feature_maps[int(rois[k, 0])]
        points = sample_points(rois[k, 1:], output_size, *options)
        for i in range(height):
            for j in range(width):
                out[k, :, i, j] = _mean_at(points[i, j].flatten(0, 1).tolist(), feature_map)
    return out.to(input.dtype)


def _mean_at(points: list[list[float]], feature_map: Tensor) -> Tensor:
    channels, height, width = feature_map.shape
    total = feature_map.new_zeros(channels)
    for x, y in points:
        for row, column, weight in bilinear_taps(x, y, height, width):
            total = total + weight * feature_map[:, row, column]
    return total / max(len(points), 1)


def _check_values(rois: Tensor, num_images: int, output_size: Size, *options: Any) -> None:
    check_roi_values("roi_align", rois, num_images)
    finite, fits = _valid_bins(rois, output_size, *options)
    for k in (~(fits & finite)).nonzero().flatten().tolist()[:1]:
        numbers = ", ".join(f"{value:g}" for value in rois[k, 1:].tolist())
        rule, question = "stay finite when multiplied by spatial_scale", ""
        if finite[k]:
            rule = f"need at most {MOST_SAMPLES} samples along a bin"
            question = (
                ": are spatial_scale and output_size right? A sampling_ratio sets their number"
            )
        raise ValueError(f"roi_align: boxes[{k}] must {rule}, got [{numbers}]{question}")


def _valid_bins(rois: Tensor, output_size: Size, *options: Any) -> tuple[Tensor, Tensor]:
    """(K, 5) -> (K,), (K,): the bins are at finite positions; they have few enough samples."""
    finite = fits = torch.ones_like(rois[:, 0], dtype=torch.bool)
    for axis, bins in zip((2, 1), check.pair(output_size), strict=True):
        start, bin_size, samples = _bins_on_axis(rois[:, axis], rois[:, axis + 2], bins, *options)
        finite = finite & start.isfinite() & bin_size.isfinite()
        fits = fits & (samples <= MOST_SAMPLES)
    return finite, fits


def roi_align_vectorized(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    sampling_ratio: int = -1, aligned: bool = False,
) -> Tensor:
    """Keeps the four cells of every sample in memory; with sampling_ratio <= 0 waits for a GPU."""
    rois = as_rois("roi_align", input, boxes)
    options = spatial_scale, sampling_ratio, aligned
    looked = check.can_look(rois)
    if looked:
        _check_values(rois, len(input), output_size, *options)
    else:
        finite, fits = _valid_bins(rois, output_size, *options)
        valid = valid_rois(rois, len(input)) & fits & finite
        rois = rois.where(valid[:, None], 0)
    channels, map_height, map_width = input.shape[1:]
    height, width = check.pair(output_size)
    rows, row_weights = _taps_on_axis(rois[:, 2], rois[:, 4], height, map_height, *options)
    columns, column_weights = _taps_on_axis(rois[:, 1], rois[:, 3], width, map_width, *options)
    image = rois[:, 0].long()
    cells = input.to(rois.dtype)[
        image[:, None, None], :, rows.flatten(1)[:, :, None], columns.flatten(1)[:, None, :]
    ]                                                          # (K, rows' taps, columns' taps, C)
    cells = cells * row_weights.flatten(1)[:, :, None, None]
    cells = cells * column_weights.flatten(1)[:, None, :, None]
    shape = (len(rois), height, rows.shape[2], width, columns.shape[2], channels)
    out = cells.reshape(shape).sum((2, 4)).permute(0, 3, 1, 2)          # (K, C, height, width)
    if not looked:
        out = out.masked_fill(~valid[:, None, None, None], math.nan)
    channels_last = is_channels_last(input)
    return out.to(input.dtype).contiguous(
        memory_format=torch.channels_last if channels_last else torch.contiguous_format
    )


def _taps_on_axis(
    low: Tensor, high: Tensor, bins: int, cells: int, *options: Any
) -> tuple[Tensor, Tensor]:
    """(K,), (K,) -> the cells that the samples of each bin lie between and their weights along this
    axis, divided by the number of samples, both (K, bins, 2 * most samples)."""
    start, bin_size, samples = _bins_on_axis(low, high, bins, *options)
    position = _positions(start, bin_size, samples, bins)                   # (K, bins, most)
    samples = samples[:, None, None]
    counts = torch.arange(position.shape[2], device=low.device) < samples
    counts = counts & (position >= -1) & (position <= cells)
    position = position.where(counts, 0).clamp(0, max(cells - 1, 0))
    first = position.floor()
    second = (first + 1).clamp(max=max(cells - 1, 0))
    weight = position - first
    weights = torch.cat([1 - weight, weight], -1) * torch.cat([counts, counts], -1)
    return torch.cat([first, second], -1).long(), weights / samples.clamp(min=1)


def roi_align_native(
    input: Tensor, boxes: Rois, output_size: Size, spatial_scale: float = 1.0,
    sampling_ratio: int = -1, aligned: bool = False, kernel: int = 0,
) -> Tensor:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/roi_align.cuh (the CPU has one)."""
    check.kernel("roi_align_native", kernel, 2)
    rois = as_rois("roi_align", input, boxes)
    native.require("roi_align", input, has_backward=True)
    return native.call(
        "roi_align", "roi_align", input, rois, spatial_scale, *check.pair(output_size),
        sampling_ratio, aligned, kernel,
    )


def is_channels_last(input: Tensor) -> bool:
    return not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last)


def new_maps(
    like: Tensor, shape: tuple[int, ...], channels_last: bool, dtype: torch.dtype | None = None
) -> Tensor:
    if not channels_last:
        return like.new_empty(shape, dtype=dtype)
    n, c, h, w = shape
    return like.new_empty((n, h, w, c), dtype=dtype).permute(0, 3, 1, 2)


def _fake(input, rois, spatial_scale, rows, columns, sampling_ratio, aligned, kernel):
    shape = (rois.shape[0], input.shape[1], rows, columns)
    return new_maps(input, shape, is_channels_last(input))


def _fake_backward(
    grad, rois, spatial_scale, sampling_ratio, aligned, images, channels, height, width,
    channels_last, kernel,
):
    return new_maps(grad, (images, channels, height, width), channels_last)


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    input, rois, spatial_scale, _, _, sampling_ratio, aligned, kernel = inputs
    ctx.save_for_backward(rois)
    ctx.transpose = native.kernel("roi_align_backward")
    ctx.grid = (spatial_scale, sampling_ratio, aligned)
    ctx.shape, ctx.channels_last, ctx.kernel = input.shape, is_channels_last(input), kernel


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (rois,) = ctx.saved_tensors
    _refuse_gradient_of_rois(ctx)
    grad_input = ctx.transpose(
        grad, rois, *ctx.grid, *ctx.shape, ctx.channels_last, ctx.kernel
    )
    return grad_input, *[None] * 7


def _remember_backward(ctx: Any, inputs: tuple, output: Tensor) -> None:
    grad, rois, *grid = inputs
    ctx.save_for_backward(rois)
    ctx.transpose = native.kernel("roi_align")
    ctx.grid, ctx.size, ctx.kernel = grid[:3], grad.shape[2:], grid[-1]


def _backward_of_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    # The gradient is linear in `grad`, and its transpose is the operator itself.
    (rois,) = ctx.saved_tensors
    _refuse_gradient_of_rois(ctx)
    spatial_scale, sampling_ratio, aligned = ctx.grid
    out = ctx.transpose(
        grad, rois, spatial_scale, *ctx.size, sampling_ratio, aligned, ctx.kernel
    )
    return out, *[None] * 10


def _refuse_gradient_of_rois(ctx: Any) -> None:
    if ctx.needs_input_grad[1]:
        raise RuntimeError("roi_align: no gradient flows to boxes: call boxes.detach()")


native.register("roi_align", fake=_fake, backward=_backward, setup_context=_remember)
native.register(
    "roi_align_backward", fake=_fake_backward, backward=_backward_of_backward,
    setup_context=_remember_backward,
)

IMPLEMENTATIONS = {
    "loop": roi_align_loop,
    "vectorized": roi_align_vectorized,
    "native": roi_align_native,
}
