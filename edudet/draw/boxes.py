"""Images and the boxes on them."""

from collections.abc import Sequence
from typing import Any

from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.style import COLOURS


def show_image(
    axes: Any, image: Tensor, title: str = "", limits: tuple[float, float] | None = None
) -> None:
    """Show a (C, H, W) or (H, W) image with the house's coordinates: pixel 0 covers [0, 1).

    limits: the values that are black and white in an image of one channel; by default its own.
    """
    low, high = limits or (None, None)
    height, width = image.shape[-2:]
    shown = image if image.ndim == 2 or len(image) > 1 else image[0]
    axes.imshow(
        (shown.movedim(0, -1) if shown.ndim == 3 else shown).numpy(),
        cmap="gray", vmin=low, vmax=high, extent=(0, width, height, 0), interpolation="nearest",
    )
    axes.set_xlim(0, width)  # boxes that reach out of the image are cut off at its border
    axes.set_ylim(height, 0)
    axes.set_title(title)
    axes.set_axis_off()


def draw_boxes(
    axes: Any, boxes: Tensor, colour: str = "kept", labels: Sequence[str] = (),
    width: float = 1.8, alpha: float = 1.0, dashed: bool = False,
) -> None:
    """Draw (N, 4) xyxy boxes as outlines, each with its label inside the top left corner."""
    outlines = [Rectangle((x1, y1), x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes.tolist()]
    axes.add_collection(
        PatchCollection(
            outlines, facecolor="none", edgecolor=COLOURS[colour], linewidth=width, alpha=alpha,
            linestyle="--" if dashed else "-",
        )
    )
    for (x1, y1, _, _), label in zip(boxes.tolist(), labels, strict=False):
        axes.annotate(
            label, (x1, y1), (3, -3), textcoords="offset points", fontsize=7, color="white",
            va="top", clip_on=True, annotation_clip=True,
            bbox={"facecolor": COLOURS[colour], "edgecolor": "none", "pad": 1.2},
        )


def look_at(axes: Any, boxes: Tensor, margin: float = 0.08) -> None:
    """Show the region of these (N, 4) boxes, y downwards, both axes to the same scale."""
    low, high = boxes[:, :2].amin(0).tolist(), boxes[:, 2:].amax(0).tolist()
    space = margin * max(high[0] - low[0], high[1] - low[1])
    axes.set_xlim(low[0] - space, high[0] + space)
    axes.set_ylim(high[1] + space, low[1] - space)
    axes.set_aspect("equal")
