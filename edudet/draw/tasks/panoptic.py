"""Segments: coloured by class, with lines between them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.draw.tasks.semantic import UNKNOWN, colour_of, show_key


def show_panoptic(
    axes: Any, ids: Tensor, segments: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Show an (H, W) map of ids; `segments` tell the class of each, and other ids are white."""
    height, width = ids.shape
    picture = torch.tensor(UNKNOWN).repeat(height, width, 1)
    for segment in segments:
        picture[ids == segment["id"]] = torch.tensor(colour_of(segment["category_id"]))
    edge = torch.zeros(height, width, dtype=torch.bool)
    edge[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    edge[1:] |= ids[1:] != ids[:-1]
    picture[edge] = 0.0
    axes.imshow(picture.numpy(), extent=(0, width, height, 0), interpolation="nearest")
    axes.set_axis_off()
    show_key(axes, sorted({segment["category_id"] for segment in segments}), names)
