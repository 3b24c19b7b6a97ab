"""People as joints and bones."""

from collections.abc import Sequence
from typing import Any

from matplotlib.collections import LineCollection
from torch import Tensor

from edudet.draw.style import COLOURS


def show_people(axes: Any, keypoints: Tensor, skeleton: Sequence[Sequence[int]]) -> None:
    """Draw the joints (N, K, 3) of people and the bones between them. NaN: not found, not drawn."""
    colour = COLOURS["marked"]
    for person in keypoints[:, :, :2].detach():
        found = person.isfinite().all(1)
        bones = [person[list(pair)].numpy() for pair in skeleton if found[list(pair)].all()]
        axes.add_collection(LineCollection(bones, colors=colour, linewidths=2, zorder=2))
        axes.scatter(*person[found].T.numpy(), s=18, color="white", edgecolors=colour, zorder=3)
