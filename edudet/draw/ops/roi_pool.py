"""RoIPool, step by step: the bins it snaps to, the cell that each takes, and what it misses.

Maps are drawn in pixels of the image: at a stride of 16, cell 0 covers [0, 16).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.roi_pool import roi_pool, roi_pool_bins


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
        f"x1 = {box[0]:g}: {names_of_edges(edge_errors(snapped, exact))} (pixels off)"
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


def look_around(axes: Any, boxes: Tensor, stride: float = 1, around: int = 1) -> None:
    """Show the region of these (N, 4) boxes and as many cells around; after all else is drawn."""
    low = (boxes[:, :2].amin(0) / stride).floor() - around
    high = (boxes[:, 2:].amax(0) / stride).ceil() + around
    axes.set_xlim(float(low[0] * stride), float(high[0] * stride), auto=True)
    axes.set_ylim(float(high[1] * stride), float(low[1] * stride), auto=True)
    axes.set_aspect("equal", adjustable="datalim")  # fills its place: nothing is clipped


def edge_errors(snapped: Tensor, exact: Tensor) -> list[float]:
    """Of the whole RoI: x1, y1, x2, y2, pixels."""
    error = snapped - exact
    return [*error[0, 0, :2].tolist(), *error[-1, -1, 2:].tolist()]


def names_of_edges(errors: Sequence[float]) -> str:
    """x1, y1, x2, y2 errors in words: 'left +4, top −2, right +12, bottom +6'."""
    names = ("left", "top", "right", "bottom")
    parts = [f"{name} {error:+.3g}" for name, error in zip(names, errors, strict=True)]
    return ", ".join(parts).replace("-", "−")
