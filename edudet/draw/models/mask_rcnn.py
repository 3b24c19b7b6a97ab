"""Masks of objects: their outlines, where a mask is put, and whom its classes rival.

Positions are in the house's pixels: pixel (y, x) covers [x, x + 1) × [y, y + 1).
"""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.collections import LineCollection
from matplotlib.ticker import MultipleLocator
from torch import Tensor
from torch.nn.functional import pad

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.draw.targets.mask_targets import FULL


def draw_outline(axes: Any, mask: Tensor, colour: str = "truth", width: float = 1.8) -> None:
    """Draw the outline of an (H, W) bool mask along the sides of its pixels."""
    axes.add_collection(
        LineCollection(outline_of(mask), colors=COLOURS[colour], linewidths=width, zorder=3)
    )


def outline_of(mask: Tensor) -> list[list[tuple[int, int]]]:
    """The sides of pixels, each from (x, y) to (x, y), between mask and no mask."""
    framed = pad(mask.to(torch.uint8), (1, 1, 1, 1))
    below = (framed[1:, 1:-1] != framed[:-1, 1:-1]).nonzero().tolist()  # between rows y - 1 and y
    beside = (framed[1:-1, 1:] != framed[1:-1, :-1]).nonzero().tolist()
    lines = [[(x, y), (x + 1, y)] for y, x in below]
    return lines + [[(x, y), (x, y + 1)] for y, x in beside]


def step_paste(
    box: Tensor, mask: Tensor, grown: Tensor, whole: Sequence[int], stretched: Tensor,
    pasted: Tensor, threshold: float = 0.5,
) -> Steps:
    """How a mask comes into an image, in five pictures.

    Args:
        box: (4,) xyxy, pixels. mask: (M, M), what the head says of it.
        grown: (4,), the box of the mask with a border of zeros.
        whole: x1, y1, x2, y2, its whole pixels. stretched: (y2 - y1, x2 - x1), the mask there.
        pasted: (H, W), the mask in the image.
    """
    captions = _captions(len(mask), whole, threshold)
    inside = pasted >= threshold
    shown = (mask, pad(mask, (1, 1, 1, 1)), stretched, pasted, inside.float())
    outer = torch.tensor(whole).float()

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        show_cells(left, shown[i], "the mask", 1, shown[i].shape[1] <= 6, FULL)
        left.set_axis_off()
        show_cells(right, pasted if i > 2 else 0 * pasted, "in the image", 1, False, FULL)
        _draw_frames(right, pasted.shape, box, grown, outer, i)
        if i == 4:
            draw_outline(right, inside, "kept", 2.5)

    return Steps(captions, draw, 7, 3.6, 1, 2)


def _captions(side: int, whole: Sequence[int], threshold: float) -> list[str]:
    x1, y1, x2, y2 = whole
    return [
        f"the head says {side} × {side} shares for this box",
        "a border of zeros, so that the mask fades out: the box grows as much",
        f"whole pixels: columns {x1} to {x2 - 1}, rows {y1} to {y2 - 1}; the mask is stretched",
        "what lies outside the image is cut off",
        f"a pixel belongs to the object if its share is at least {threshold:g}",
    ]


def _draw_frames(
    axes: Any, size: Sequence[int], box: Tensor, grown: Tensor, outer: Tensor, i: int
) -> None:
    """The image of `size` (height, width), and the boxes that step i of `step_paste` has."""
    image = torch.tensor([0.0, 0.0, size[1], size[0]])
    draw_boxes(axes, image[None], "faint", width=3)
    draw_boxes(axes, box[None], "kept")
    if i in (1, 2):
        draw_boxes(axes, grown[None], "marked", dashed=True)
    if i > 1:
        draw_boxes(axes, outer[None], "second")
    every = torch.stack([box, grown, outer, image])
    low, high = every.amin(0), every.amax(0)
    axes.set_xlim(float(low[0]) - 0.3, float(high[2]) + 0.3)
    axes.set_ylim(float(high[3]) + 0.3, float(low[1]) - 0.3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(2))


def step_rivals(logits: Tensor, names: Sequence[str], right: int) -> Steps:
    """What one pixel says of C classes, each on its own and all against all, while its logits
    change: (S, C), S steps. right: the class of the RoI, blue."""
    says = {"sigmoid: each on its own": logits.sigmoid(), "softmax: rivals": logits.softmax(1)}
    captions = []
    for i, row in enumerate(logits.tolist()):
        told = ", ".join(f"{name} {value:g}" for name, value in zip(names, row, strict=True))
        shares = " and ".join(f"{float(share[i, right]):.2f}" for share in says.values())
        captions.append(f"logits {told}: {names[right]} gets {shares}".replace("-", "−"))
    colours = [COLOURS["kept" if c == right else "faint"] for c in range(len(names))]

    def draw(axes: Any, i: int) -> None:
        for ax, (title, share) in zip(axes.flat, says.items(), strict=True):
            bars = ax.bar(names, share[i].tolist(), 0.7, color=colours)
            ax.bar_label(bars, [f"{value:.2f}" for value in share[i].tolist()], fontsize=9)
            ax.axhline(0.5, color=COLOURS["marked"], linewidth=1)
            ax.set_ylim(0, 1.15)
            ax.set_yticks([0, 0.5, 1])
            ax.set_title(title)

    return Steps(captions, draw, 6.4, 3.0, 1, 2)
