"""RoIPool and RoIAlign, step by step."""

from typing import Any, cast

import torch
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.ops.roi_align import (
    draw_roi_bins,
    draw_roi_samples,
    look_around,
    names_of_edges,
    show_cells,
)
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.roi_align import bilinear_taps, roi_align, sample_points
from edudet.ops.roi_pool import roi_pool, roi_pool_bins


def step_roi_pool(
    feature_map: Tensor, boxes: Tensor, output_size: int | tuple[int, int], stride: float = 1
) -> Steps:
    """RoIPool of an (H, W) map under each of the (S, 4) boxes (xyxy, pixels), such as a box that
    moves: the box asked for, its snapped bins, the cell that each takes; beside them the output."""
    scale = 1 / stride
    outlines = [roi_pool_bins(box, output_size, scale) for box in boxes]
    outputs, cells = roi_pool(
        feature_map[None, None], [boxes], output_size, scale, return_argmax=True
    )
    captions = [
        f"x1 = {box[0]:g}: {names_of_edges(_edge_errors(snapped, exact))} (pixels off)"
        for box, (snapped, exact) in zip(boxes, outlines, strict=True)
    ]
    limits = (float(feature_map.min()), float(feature_map.max()))
    everything = torch.cat([snapped.flatten(0, 1) for snapped, _ in outlines] + [boxes])

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        show_cells(left, feature_map, "dashed: asked for; blue: snapped bins", stride)
        draw_roi_bins(left, outlines[step][0])
        draw_boxes(left, boxes[step : step + 1], "dropped", dashed=True)
        chosen = cells[step, 0][cells[step, 0] >= 0]
        width = feature_map.shape[1]
        left.plot(((chosen % width + 0.5) * stride).numpy(),
                  ((chosen // width + 0.5) * stride).numpy(), "o", color=COLOURS["marked"],
                  markersize=6)  # fmt: skip
        look_around(left, everything, stride)
        show_cells(right, outputs[step, 0], "what RoIPool returns", 1, True, limits)
        right.set_axis_off()

    return Steps(captions, draw, 6.4, 3.3, 1, 2)


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
    worst = [max(abs(e) for e in _edge_errors(*outline)) for outline in outlines]
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


def _edge_errors(snapped: Tensor, exact: Tensor) -> list[float]:
    """Of the whole RoI: x1, y1, x2, y2, pixels."""
    error = snapped - exact
    return [*error[0, 0, :2].tolist(), *error[-1, -1, 2:].tolist()]


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
