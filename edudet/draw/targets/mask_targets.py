"""What a mask head is to draw, bin by bin."""

from typing import Any

import torch
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import show_cells
from edudet.draw.ops.roi_align import draw_roi_samples
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.roi_align import bilinear_taps, sample_points
from edudet.targets.mask_targets import mask_targets

FULL = (0.0, 1.0)  # the values of the palest and of the darkest colour


def step_mask_targets(mask: Tensor, roi: Tensor, size: int) -> Steps:
    """The target of an (H, W) mask as a RoI (4,) sees it, bin by bin: the points that a bin reads
    with the weights of the cells around them; beside it the bins that are done."""
    wanted = mask_targets(mask[None], roi[None], torch.tensor([0]), size)[0]
    points = sample_points(roi, size)                                    # (size, size, d, a, 2)
    weights = [_weights(points[k // size, k % size], *mask.shape) for k in range(size * size)]
    captions = [_told(k, size, points, float(wanted.flatten()[k])) for k in range(size * size)]

    steps = (roi[2:] - roi[:2]).repeat(2) / size

    def draw(axes: Any, k: int) -> None:
        left, right = axes[0]
        show_cells(left, mask.float(), "the mask, and what a bin reads", 1, False, FULL)
        draw_roi_samples(left, roi, points)
        here = points[k // size, k % size].reshape(-1, 2) + 0.5
        for row, column in weights[k].nonzero().tolist():
            weight = float(weights[k][row, column])
            cell = torch.tensor([[column, row, column + 1, row + 1]])
            label = [f"{weight:.4g}".removeprefix("0")]
            draw_boxes(left, cell, "second", label, width=1.5, alpha=0.4 + 0.6 * weight)
        i, j = divmod(k, size)
        draw_boxes(left, (roi[:2].repeat(2) + steps * torch.tensor([j, i, j + 1, i + 1]))[None])
        left.plot(*here.T.tolist(), "o", color=COLOURS["dropped"], markersize=6)
        low, high = roi[:2].floor().tolist(), roi[2:].ceil().tolist()  # one pixel more is read
        left.set_xlim(low[0] - 0.05, high[0] + 1.05)
        left.set_ylim(high[1] + 1.05, low[1] - 0.05)
        _show_done(right, wanted, k + 1)

    return Steps(captions, draw, 6.4, 3.7, 1, 2)


def _weights(points: Tensor, height: int, width: int) -> Tensor:
    """(H, W): how much of a bin's mean each pixel is."""
    weights = torch.zeros(height, width)
    flat = points.reshape(-1, 2).tolist()
    for x, y in flat:
        for row, column, weight in bilinear_taps(x, y, height, width):
            weights[row, column] += weight / len(flat)
    return weights


def _told(k: int, size: int, points: Tensor, value: float) -> str:
    i, j = divmod(k, size)
    flat = points[i, j].reshape(-1, 2)
    x, y = (f"{float(side):.4g}" for side in flat[0])
    read = f"read at x = {x}, y = {y}" if len(flat) == 1 else f"the mean of {len(flat)} points"
    return f"bin ({i}, {j}), {read}: {value:.4g} of it is object"


def _show_done(axes: Any, wanted: Tensor, done: int) -> None:
    """The first `done` bins with their values, the others as empty frames."""
    size = len(wanted)
    shown = wanted.clone().flatten()
    shown[done:] = 0
    show_cells(axes, shown.view_as(wanted), "the target so far", 1, False, FULL)
    for k, value in enumerate(wanted.flatten().tolist()):
        y, x = divmod(k, size)
        draw_boxes(axes, torch.tensor([[x, y, x + 1, y + 1]]), "faint", width=0.8)
        if k < done:
            text = f"{value:.4g}".removeprefix("0") if value else "0"
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=9)
    axes.set_xlim(-0.02, size + 0.02)
    axes.set_ylim(size + 0.02, -0.02)
    axes.set_axis_off()
