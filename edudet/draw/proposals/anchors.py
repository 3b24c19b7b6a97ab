"""Anchors: their shapes, the cells they stand on, and how they move to become boxes."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.boxes.deltas import decode_deltas, encode_deltas
from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.proposals.anchors import Stride, generate_anchors, grid_anchors

NAMES = ("dx", "dy", "dw", "dh")
FEW_CELLS = 1000  # more are drawn with thinner lines and smaller dots


def draw_moves(
    axes: Any, anchors: Tensor, boxes: Tensor, colour: str = "kept", labels: Sequence[str] = (),
    anchor_labels: Sequence[str] = (),
) -> None:  # fmt: skip
    """Draw (N, 4) anchors, grey and dashed, the (N, 4) boxes they become, and an arrow from each
    anchor's centre to its box's; a dot, where the centre stays."""
    draw_boxes(axes, anchors, "faint", anchor_labels, dashed=True, width=2)
    draw_boxes(axes, boxes, colour, labels)
    starts, ends = ((part[:, :2] + part[:, 2:]) / 2 for part in (anchors, boxes))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        axes.plot(*start, "o", color=COLOURS["marked"], markersize=4)
        if start != end:
            arrow = {"arrowstyle": "-|>", "color": COLOURS["marked"], "linewidth": 2,
                     "shrinkA": 0, "shrinkB": 0, "mutation_scale": 14}  # fmt: skip
            axes.annotate("", end, start, arrowprops=arrow)


def step_deltas(anchor: Tensor, box: Tensor, image: Tensor | None = None) -> Steps:
    """An anchor, (4,), becomes its box, (4,): one of the four deltas after the other."""
    deltas = encode_deltas(box, anchor)
    parts = torch.stack([torch.where(torch.arange(4) < n, deltas, 0) for n in range(5)])
    moved = decode_deltas(parts, anchor)
    told = [
        f"{name} = {value:+.3f}: {_told(name, value)}" if abs(value) > 5e-4 else
        f"{name} = 0: nothing to do"
        for name, value in zip(NAMES, deltas.tolist(), strict=True)
    ]  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        if image is None:
            look_at(left, torch.stack([*moved, anchor, box]))
        else:
            show_image(left, image)
        draw_boxes(left, box[None], "truth", width=5, alpha=0.45)
        draw_moves(left, anchor[None], moved[i][None])
        values = parts[i].tolist()
        colours = [COLOURS["marked" if k == i - 1 else "kept"] for k in range(4)]
        right.barh(NAMES, values, color=colours)
        right.axvline(0, color="black", linewidth=0.8)
        right.set_xlim(-(limit := 1.15 * max(deltas.abs().max().item(), 0.1)), limit)
        right.invert_yaxis()
        right.set_xlabel("delta, in units of the anchor")

    return Steps(["the anchor (dashed) and the box (green)", *told], draw, 8.5, 3.6, 1, 2)


def _told(name: str, value: float) -> str:
    if name in ("dx", "dy"):
        where = ("left", "right") if name == "dx" else ("up", "down")
        side = "width" if name == "dx" else "height"
        return f"{where[value > 0]} by {abs(value):.3g} of the anchor's {side}"
    factor = torch.tensor(value).exp().item()
    return f"{'width' if name == 'dw' else 'height'} times exp({value:.3f}) = {factor:.3g}"


def draw_shapes(scales: Sequence[float], aspect_ratios: Sequence[float]) -> Figure:
    """The k anchors around one point: a picture for every aspect ratio, a box for every scale."""
    shapes = generate_anchors(scales, aspect_ratios, rounded=False)
    figure, (row,) = new_figure(9, 3.4, 1, len(aspect_ratios))
    for axes, ratio, boxes in zip(row, aspect_ratios, shapes.split(len(scales)), strict=True):
        look_at(axes, shapes)
        draw_boxes(axes, boxes)
        axes.plot(0, 0, "o", color=COLOURS["marked"], markersize=5)
        axes.set_title(f"height / width = {ratio:g}")
        sizes = ", ".join(f"{2 * x2:.0f} × {2 * y2:.0f}" for _, _, x2, y2 in boxes.tolist())
        axes.set_xlabel(f"wide × high: {sizes}", fontsize=8)
    row[0].set_ylabel("pixels")
    return figure


def draw_cells(
    axes: Any, grid_size: tuple[int, int], stride: Stride, offset: float = 0.5,
    colour: str = "marked",
) -> None:  # fmt: skip
    """Draw the cells of a feature map, (height, width), and the point where its anchors stand."""
    height, width = grid_size
    places = grid_anchors(torch.zeros(1, 4), grid_size, stride, offset)[:, :2]
    corners = grid_anchors(torch.zeros(1, 4), (height + 1, width + 1), stride, 0.0)[:, :2]
    x, y = corners.reshape(height + 1, width + 1, 2).unbind(-1)
    line, dot = (0.7, 4.0) if height * width <= FEW_CELLS else (0.2, 1.5)
    axes.vlines(x[0], y[0, 0], y[-1, 0], color=COLOURS["faint"], linewidth=line)
    axes.hlines(y[:, 0], x[0, 0], x[0, -1], color=COLOURS["faint"], linewidth=line)
    axes.plot(*places.T.numpy(), ".", color=COLOURS[colour], markersize=dot)


def step_anchors(
    base_anchors: Tensor, grid_size: tuple[int, int], stride: Stride, offset: float = 0.5,
    image: Tensor | None = None,
) -> Steps:  # fmt: skip
    """The (A, 4) base anchors walk over the cells of the map, row by row."""
    width = grid_size[1]
    anchors = grid_anchors(base_anchors, grid_size, stride, offset)              # (H W A, 4)
    cells = anchors.unflatten(0, (-1, len(base_anchors)))
    captions = []
    for n in range(len(cells)):
        first = n * len(base_anchors)
        captions.append(
            f"row {n // width}, column {n % width}: anchors {first} to "
            f"{first + len(base_anchors) - 1}"
        )

    def draw(axes: Any, n: int) -> None:
        if image is None:
            look_at(axes, anchors)
            axes.set(xlabel="x, pixels", ylabel="y, pixels")
        else:
            show_image(axes, image)
        draw_cells(axes, grid_size, stride, offset)
        draw_boxes(axes, cells[:n].flatten(0, 1), "faint", width=0.8, alpha=0.6)
        draw_boxes(axes, cells[n], "kept", width=2)

    return Steps(captions, draw, 4.3, 3.5)
