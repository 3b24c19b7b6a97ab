"""Regions of interest on a feature map: what RoIPool and RoIAlign read, and what they miss.

Maps are drawn in pixels of the image: at a stride of 16, cell 0 covers [0, 16).
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.roi_align import bilinear_taps, roi_align
from edudet.ops.roi_pool import roi_pool, roi_pool_bins

PALE = LinearSegmentedColormap.from_list("pale", ["white", "#7d7d7d"])  # lines stay visible on it
WARM = LinearSegmentedColormap.from_list("warm", ["white", COLOURS["marked"]])
MOST_WRITTEN = 144  # numbers in cells


def show_cells(
    axes: Any, cells: Tensor, title: str = "", stride: float = 1, numbers: bool = False,
    limits: tuple[float, float] | None = None, colours: Any = PALE,
) -> Any:
    """Show an (H, W) map as cells of `stride` pixels, the larger the darker.

    numbers: whether to write each value into its cell; of many, only those that are not 0.
    limits: the values of the palest and of the darkest colour, if not the map's own.
    """
    height, width = cells.shape
    low, high = limits or (float(cells.min()), float(cells.max()))
    shown = axes.imshow(
        cells.detach().numpy(), cmap=colours, vmin=low, vmax=max(high, low + 1e-6),
        extent=(0, width * stride, height * stride, 0), interpolation="nearest",
    )
    for x in range(width + 1):
        axes.axvline(x * stride, color="white", linewidth=0.8, zorder=1)
    for y in range(height + 1):
        axes.axhline(y * stride, color="white", linewidth=0.8, zorder=1)
    written = torch.ones_like(cells) if cells.numel() <= MOST_WRITTEN else cells
    for y, x in written.nonzero().tolist() if numbers else []:
        value = cells[y, x].item()
        axes.text((x + 0.5) * stride, (y + 0.5) * stride, f"{value:.{2 * (value % 1 != 0)}f}",
                  ha="center", va="center", fontsize=8, clip_on=True)  # fmt: skip
    axes.set_title(title)
    axes.tick_params(labelsize=8)
    return shown


def draw_roi_bins(axes: Any, bins: Tensor, colour: str = "kept") -> None:
    """Draw the (height, width, 4) bins of a RoI, as `roi_pool_bins` gives them.

    Each is drawn a little smaller than it is, every second one smaller still: neighbours that share
    cells stay apart.
    """
    corners = bins.flatten(0, 1)
    unit = 0.06 * float((corners[:, 2:] - corners[:, :2]).min())
    for i in range(bins.shape[0]):
        for j in range(bins.shape[1]):
            inset = unit * (0.5 + (i + j) % 2)
            smaller = bins[i, j] + torch.tensor([inset, inset, -inset, -inset])
            draw_boxes(axes, smaller[None], colour, width=1.6)


def draw_roi_samples(
    axes: Any, roi: Tensor, points: Tensor, stride: float = 1,
    map_size: tuple[int, int] | None = None,
) -> None:
    """Draw the bins of one RoI (xyxy, pixels) and the points where RoIAlign reads the map.

    points: (height, width, down, across, 2) x, y in cells from the centre of cell 0, as
    `edudet.ops.roi_align.sample_points` gives them; shown in coordinates where cell 0 is [0, 1).
    map_size: (rows, columns) of the map; the points that read nothing of it become crosses.
    """
    height, width = points.shape[:2]
    x1, y1, x2, y2 = roi.tolist()
    for i in range(height + 1):
        y = y1 + (y2 - y1) * i / height
        axes.plot([x1, x2], [y, y], color=COLOURS["kept"], linewidth=1)
    for j in range(width + 1):
        x = x1 + (x2 - x1) * j / width
        axes.plot([x, x], [y1, y2], color=COLOURS["kept"], linewidth=1)
    flat = points.reshape(-1, 2)
    reads = torch.ones(len(flat), dtype=torch.bool)
    if map_size is not None:
        reads = torch.tensor([bool(bilinear_taps(x, y, *map_size)) for x, y in flat.tolist()])
    dots = (flat + 0.5) * stride
    if not reads.all():
        axes.plot(*dots[~reads].numpy().T, "x", color=COLOURS["dropped"], markersize=5)
    axes.plot(*dots[reads].numpy().T, ".", color=COLOURS["marked"], markersize=4)


def look_around(axes: Any, boxes: Tensor, stride: float = 1, around: int = 1) -> None:
    """Show the region of these (N, 4) boxes and as many cells around; after all else is drawn."""
    low = (boxes[:, :2].amin(0) / stride).floor() - around
    high = (boxes[:, 2:].amax(0) / stride).ceil() + around
    axes.set_xlim(float(low[0] * stride), float(high[0] * stride), auto=True)
    axes.set_ylim(float(high[1] * stride), float(low[1] * stride), auto=True)
    axes.set_aspect("equal", adjustable="datalim")  # fills its place: nothing is clipped


def show_gradients(
    feature_map: Tensor, box: Tensor, output_size: int | tuple[int, int], stride: float = 1,
    align: bool = True, sampling_ratio: int = -1,
) -> Figure:
    """Where the gradient of the sum of all bins goes on an (H, W) map: RoIPool, then, if `align`,
    RoIAlign. The box is xyxy, pixels."""
    rois, scale = [box[None]], 1 / stride
    maps = feature_map[None, None].detach().clone().requires_grad_()
    outputs = {"RoIPool": cast(Tensor, roi_pool(maps, rois, output_size, scale))}
    if align:
        outputs["RoIAlign"] = roi_align(maps, rois, output_size, scale, sampling_ratio, True)
    figure, axes = new_figure(4.5 * len(outputs), 4.2, 1, len(outputs))
    for ax, (name, output) in zip(np.atleast_1d(axes).flat, outputs.items(), strict=True):
        gradient = torch.autograd.grad(output.sum(), maps)[0][0, 0]
        title = f"{name}: cells with a gradient: {int((gradient != 0).sum())}"
        show_cells(ax, (gradient * 100).round() / 100, title, stride, True, None, WARM)
        draw_boxes(ax, box[None], "kept", dashed=True)
        look_around(ax, box[None], stride)
        ax.set_xlabel("x (pixels)")
        ax.set_ylabel("y (pixels)")
    return figure


def slide_roi(
    feature_map: Tensor, box: Tensor, shifts: Tensor, output_size: int | tuple[int, int],
    stride: float = 1, align: bool = False, of_bin: tuple[int, int] = (0, 0),
) -> Figure:
    """Move a box (xyxy, pixels) to the right: above, how far RoIPool misses its edges; below, what
    one bin returns on an (H, W) map, from RoIAlign too if `align`.

    shifts: (S,) pixels.
    """
    boxes = box + shifts[:, None] * torch.tensor([1.0, 0.0, 1.0, 0.0])
    maps, scale, (i, j) = feature_map[None, None], 1 / stride, of_bin
    outlines = [roi_pool_bins(moved, output_size, scale) for moved in boxes]
    errors = torch.stack([(snapped - exact)[[0, -1], [0, -1]] for snapped, exact in outlines])
    figure, axes = new_figure(8.5, 5, 2, 1)
    above, below = axes[:, 0]
    at = boxes[:, 0].numpy()
    _curves(above, at, {"left edge": (errors[:, 0, 0], "dropped"),
                        "right edge": (errors[:, 1, 2], "marked")})  # fmt: skip
    above.axhline(0, color=COLOURS["faint"], linewidth=0.8)
    above.set_ylabel("snapped − asked (pixels)")
    pooled = cast(Tensor, roi_pool(maps, [boxes], output_size, scale))
    curves = {"RoIPool": (pooled[:, 0, i, j], "kept")}
    if align:
        smooth = roi_align(maps, [boxes], output_size, scale, -1, True)[:, 0, i, j]
        curves["RoIAlign"] = (smooth, "second")
    _curves(below, at, curves)
    below.set_ylabel(f"output of bin {[i, j]}")
    below.set_xlabel("left edge of the box, x1 (pixels)")
    return figure


def _curves(axes: Any, x: Any, curves: dict[str, tuple[Tensor, str]]) -> None:
    """Dots, as a line would hide the jumps; each curve's name beside it."""
    for name, (values, colour) in curves.items():
        axes.plot(x, values.numpy(), ".", color=COLOURS[colour], markersize=2.5)
        axes.annotate(name, (1.01, float(values.median())), xycoords=("axes fraction", "data"),
                      color=COLOURS[colour], va="center", annotation_clip=False)  # fmt: skip


def names_of_edges(errors: Sequence[float]) -> str:
    """x1, y1, x2, y2 errors in words: 'left +4, top −2, right +12, bottom +6'."""
    names = ("left", "top", "right", "bottom")
    parts = [f"{name} {error:+.3g}" for name, error in zip(names, errors, strict=True)]
    return ", ".join(parts).replace("-", "−")
