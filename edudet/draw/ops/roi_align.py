"""RoIAlign, step by step, and beside RoIPool: what each reads, and where its gradient goes.

Maps are drawn in pixels of the image: at a stride of 16, cell 0 covers [0, 16).
"""

from typing import Any, cast

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import WARM, show_cells
from edudet.draw.ops.roi_pool import draw_roi_bins, edge_errors, look_around
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.roi_align import bilinear_taps, roi_align, sample_points
from edudet.ops.roi_pool import roi_pool, roi_pool_bins


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


def step_roi_align(
    feature_map: Tensor, box: Tensor, output_size: int | tuple[int, int], stride: float = 1,
    sampling_ratio: int = 2,
) -> Steps:  # fmt: skip
    """RoIAlign of an (H, W) map under one box (4,), sample by sample: the four cells that a sample
    lies between, with their weights; beside them the bins that are done."""
    scale, (height, width) = 1 / stride, feature_map.shape
    points = sample_points(box, output_size, scale, sampling_ratio, aligned=True)
    result = roi_align(
        feature_map[None, None], [box[None]], output_size, scale, sampling_ratio, aligned=True
    )[0, 0]
    rows, columns, down, across = points.shape[:4]
    order = [(i, j, s) for i in range(rows) for j in range(columns) for s in range(down * across)]
    captions = []
    for i, j, s in order:
        x, y = points[i, j].flatten(0, 1)[s].tolist()
        taps = [tap for tap in bilinear_taps(x, y, height, width) if tap[2] > 0]
        terms = [f"{w:.3g} · {feature_map[row, column]:g}" for row, column, w in taps]
        value = sum(w * float(feature_map[row, column]) for row, column, w in taps)
        place = f"bin [{i}, {j}], {s + 1} of {down * across}"
        captions.append(f"{place}: {' + '.join(terms) or 'outside'} = {value:.4g}")
    limits = (float(feature_map.min()), float(feature_map.max()))

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        i, j, s = order[step]
        point = points[i, j].flatten(0, 1)[s]
        show_cells(left, feature_map, "the four cells around one sample", stride, True, limits)
        draw_roi_samples(left, box, points, stride)
        for row, column, weight in bilinear_taps(float(point[0]), float(point[1]), height, width):
            corner = torch.tensor([column, row, column + 1, row + 1]) * stride
            label = [f"{weight:.3g}".removeprefix("0")] if weight > 0 else []
            draw_boxes(left, corner[None], "marked", label, width=2, alpha=0.3 + 0.7 * weight)
        left.plot(*((point + 0.5) * stride).tolist(), "o", color=COLOURS["dropped"], markersize=7)
        look_around(left, box[None], stride, 0)
        _show_done(right, result, (i * columns + j) + (s == down * across - 1), limits)

    return Steps(captions, draw, 6.4, 3.3, 1, 2)


def compare_rois(
    feature_map: Tensor, boxes: Tensor, output_size: int | tuple[int, int], stride: float = 1,
    sampling_ratio: int = 2,
) -> Steps:  # fmt: skip
    """RoIPool beside RoIAlign on an (H, W) map under each of the (S, 4) boxes (xyxy, pixels): what
    each reads, above what it returns."""
    scale, maps, (height, width) = 1 / stride, feature_map[None, None], feature_map.shape
    outlines = [roi_pool_bins(box, output_size, scale) for box in boxes]
    pooled = cast(Tensor, roi_pool(maps, [boxes], output_size, scale))[:, 0]
    options = output_size, scale, sampling_ratio, True
    aligned = roi_align(maps, [boxes], *options)[:, 0]
    worst = [max(abs(e) for e in edge_errors(*outline)) for outline in outlines]
    captions = [
        f"x1 = {box[0]:g}, y1 = {box[1]:g}: RoIPool's edges are off by up to {error:.1f} pixels"
        for box, error in zip(boxes, worst, strict=True)
    ]
    limits = (float(feature_map.min()), float(feature_map.max()))
    everything = torch.cat([snapped.flatten(0, 1) for snapped, _ in outlines] + [boxes])

    def draw(axes: Any, step: int) -> None:
        titles = "RoIPool reads cells", "RoIAlign reads points"
        for ax, title in zip(axes[0], titles, strict=True):
            show_cells(ax, feature_map, title, stride)
        draw_roi_bins(axes[0][0], outlines[step][0])
        draw_boxes(axes[0][0], boxes[step : step + 1], "dropped", dashed=True)
        points = sample_points(boxes[step], *options)
        draw_roi_samples(axes[0][1], boxes[step], points, stride, (height, width))
        look_around(axes[0][0], everything, stride)
        look_around(axes[0][1], everything, stride)
        for ax, output in zip(axes[1], (pooled[step], aligned[step]), strict=True):
            show_cells(ax, output, "", 1, True, limits)
            ax.set_axis_off()
        axes[1][0].set_title("largest cell of each bin")
        axes[1][1].set_title("mean of each bin's points")

    return Steps(captions, draw, 6.4, 5.8, 2, 2)


def _show_done(axes: Any, result: Tensor, done: int, limits: tuple[float, float]) -> None:
    """The first `done` bins with their numbers, the others as empty frames."""
    shown = result.clone().flatten()
    shown[done:] = limits[0]
    show_cells(axes, shown.view_as(result), "the mean of each bin", 1, False, limits)
    for k, value in enumerate(result.flatten().tolist()):
        y, x = divmod(k, result.shape[1])
        draw_boxes(axes, torch.tensor([[x, y, x + 1, y + 1]]), "faint", width=0.8)
        if k < done:
            axes.text(x + 0.5, y + 0.5, f"{value:.4g}", ha="center", va="center")
    axes.set_xlim(-0.02, result.shape[1] + 0.02)
    axes.set_axis_off()
