"""A map of classes, and which colour means which."""

import colorsys
from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from torch import Tensor

from edudet.draw.style import COLOURS

FIRST = ("#DDDDDD", *(COLOURS[c] for c in ("kept", "marked", "truth", "second", "dropped")),
         "#56B4E9", "#F0E442", "#5E3C99", "#000000")  # fmt: skip
UNKNOWN = (1.0, 1.0, 1.0)
TURN = 0.618  # of the circle of hues: no two of many classes are close


def colour_of(label: int) -> tuple[float, float, float]:
    """Ten that are told apart with any kind of colour vision; then ever new hues."""
    if label < len(FIRST):
        return to_rgb(FIRST[label])
    return colorsys.hsv_to_rgb(label * TURN % 1, 0.55 + 0.4 * (label % 2), 0.85)


def show_classes(axes: Any, labels: Tensor, names: Sequence[str]) -> None:
    """Show an (H, W) map of labels 0, 1, ..., and below it the names of those that are on it. Other
    labels, such as 255, are white."""
    height, width = labels.shape
    picture = torch.tensor(UNKNOWN).repeat(height, width, 1)
    there = [label for label in labels.unique().tolist() if label < len(names)]
    for label in there:
        picture[labels == label] = torch.tensor(colour_of(label))
    axes.imshow(picture.numpy(), extent=(0, width, height, 0), interpolation="nearest")
    axes.set_axis_off()
    show_key(axes, there, names)


def show_key(axes: Any, labels: Sequence[int], names: Sequence[str]) -> None:
    """Name the colours of labels, below the axes."""
    patches = [Patch(facecolor=colour_of(label), label=names[label]) for label in labels]
    axes.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4,
                frameon=False, fontsize=8, handlelength=1, columnspacing=1)  # fmt: skip
