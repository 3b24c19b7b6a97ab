"""What a detector has found on an image: boxes, masks, joints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.pictures import whole_image
from edudet.draw.style import COLOURS, HouseFigure

INSTANCES = ("marked", "second", "truth", "kept", "dropped")  # colours, one object after the other


def picture(image: Tensor, output: Mapping[str, Tensor], facts: Mapping[str, Any]) -> HouseFigure:
    """An image alone, with what was found on it.

    Args:
        image: (3, H, W) in [0, 1].
        output: of a detector, for this image, on the CPU.
        facts: "categories", the names of labels 1, 2, ...; for joints also "skeleton".
    """
    figure, axes = whole_image(image)
    draw_detections(axes, output, facts["categories"], facts.get("skeleton", ()))
    return figure


def draw_detections(
    axes: Any, output: Mapping[str, Tensor], categories: Sequence[str],
    skeleton: Sequence[Sequence[int]] = (),
) -> None:
    """Draw masks, joints and bones, and boxes with class and score; what is sure lies on top."""
    order = range(len(output["scores"]) - 1, -1, -1)
    for i in order:
        colour = COLOURS[INSTANCES[i % len(INSTANCES)]]
        if "masks" in output:
            _draw_mask(axes, output["masks"][i, 0], colour)
        if "keypoints" in output:
            _draw_joints(axes, output["keypoints"][i], skeleton, colour)
    found = zip(output["labels"].tolist(), output["scores"].tolist(), strict=True)
    labels = [f"{categories[label - 1]} {score:.2f}" for label, score in found]
    for i in order:
        draw_boxes(axes, output["boxes"][i : i + 1], INSTANCES[i % len(INSTANCES)], [labels[i]])


def _draw_mask(axes: Any, mask: Tensor, colour: str) -> None:
    """mask: (H, W) probabilities."""
    height, width = mask.shape
    layer = np.zeros((height, width, 4))
    layer[mask.numpy() > 0.5] = to_rgba(colour, 0.45)
    axes.imshow(layer, extent=(0, width, height, 0), interpolation="nearest")
    if mask.min() < 0.5 < mask.max():  # there is an outline
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        axes.contour(x, y, mask.numpy(), [0.5], colors=["white"], linewidths=2.2)
        axes.contour(x, y, mask.numpy(), [0.5], colors=[colour], linewidths=1.4)


def _draw_joints(
    axes: Any, joints: Tensor, skeleton: Sequence[Sequence[int]], colour: str
) -> None:
    points = joints[:, :2].numpy()
    bones = [points[list(pair)] for pair in skeleton]
    axes.add_collection(LineCollection(bones, colors=colour, linewidths=2, zorder=2))
    axes.scatter(*points.T, s=14, color="white", edgecolors=colour, linewidths=1.2, zorder=3)
