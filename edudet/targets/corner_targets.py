"""What CornerNet should say (Law and Deng, 2018): an object is a pair of corners.

Two heatmaps a class, one of top left corners and one of bottom right ones: O(h w) corners to
classify in place of the O(h^2 w^2) boxes between them. A map of stride s knows a corner to a cell
only; the offset says where in its cell the corner lies,

    cell = floor(x / s)        offset = x / s - cell        x = s (cell + offset)

and is trained at the corners alone. Around a corner the heatmap falls off like a Gaussian, as wide
as a pair of corners may be off (`gaussian_radius` of the object's size in whole cells).

The same function twice: corner_targets_loop (the definition) and corner_targets_vectorized.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check
from edudet.targets.heatmaps import (
    Size,
    check_labels,
    gaussian_heatmaps_loop,
    gaussian_heatmaps_vectorized,
    gaussian_radius_loop,
    gaussian_radius_vectorized,
)


class CornerTargets(NamedTuple):
    top_left_heatmaps: Tensor  # (C, H, W), 1 at a corner
    bottom_right_heatmaps: Tensor  # (C, H, W)
    top_left_indices: Tensor  # (N,) int64: cell y W + x, into a flattened map
    bottom_right_indices: Tensor  # (N,) int64
    top_left_offsets: Tensor  # (N, 2): x, y in [0, 1] of a cell
    bottom_right_offsets: Tensor  # (N, 2)


def corner_targets(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CornerTargets:
    """Return the heatmaps of both corners, and where in its cell each corner lies.

    Args:
        boxes: (N, 4) float; xyxy in pixels, inside the image: `edudet.boxes.clip_boxes_to_image`.
        labels: (N,) integer, same device; 0, ..., num_classes - 1.
        size: (height, width) of the map, in cells.
        stride: pixels between cells.
        min_overlap: see `gaussian_radius`; a smaller one makes wider Gaussians.

    Returns:
        CornerTargets, in the order of `boxes`; float64 for float64 boxes, else float32. A corner
        on the right or lower border of the map belongs to the last cell, with offset 1. Several
        corners may share a cell.

    Gradient:
        None: a target has none.

    Raises:
        TypeError: an argument is of a wrong type.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite, is inverted or
            reaches beyond the map; a label is out of range (boxes and labels are not looked at on
            CUDA).
    """
    check_objects("corner_targets", boxes, labels, num_classes, size, stride, min_overlap)
    return corner_targets_vectorized(boxes, labels, num_classes, size, stride, min_overlap)


def check_objects(
    function: str, boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float,
    min_overlap: float,
) -> None:
    check.boxes(function, boxes=boxes)
    check.dtype(function, check.FLOATS, boxes=boxes)
    check_labels(function, labels, len(boxes), num_classes)
    check.same_device(function, boxes=boxes, labels=labels)
    check.size(function, size=size)
    check.positive(function, stride=stride, min_overlap=min_overlap)
    check.unit_interval(function, min_overlap=min_overlap)
    if check.can_look(boxes):
        check.box_values(function, boxes=boxes.double())
        height, width = check.pair(size)
        border = boxes.new_tensor([width, height] * 2, dtype=torch.float64) * stride
        inside = ((boxes >= 0) & (boxes <= border)).all(1)
        rule = f"lie inside the map, {width * stride:g} x {height * stride:g} pixels"
        check.every_box(function, inside, rule, boxes=boxes)


def corner_targets_loop(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CornerTargets:
    boxes = in_cells(boxes, stride)
    radii = gaussian_radius_loop((boxes[:, 2:] - boxes[:, :2]).ceil(), min_overlap).floor()
    both_heatmaps, both_indices, both_offsets = [], [], []
    for corners in (boxes[:, :2], boxes[:, 2:]):
        cells, indices, offsets = cells_of_points_loop(corners, size)
        both_heatmaps.append(gaussian_heatmaps_loop(cells, radii, labels, num_classes, size))
        both_indices.append(indices)
        both_offsets.append(offsets)
    return CornerTargets(*both_heatmaps, *both_indices, *both_offsets)


def in_cells(boxes: Tensor, stride: float) -> Tensor:
    return boxes.detach().to(torch.promote_types(boxes.dtype, torch.float32)) / stride


def cells_of_points_loop(points: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
    height, width = check.pair(size)
    cells, indices, offsets = torch.zeros_like(points), [], torch.zeros_like(points)
    for i, (x, y) in enumerate(points.tolist()):
        cell_x = min(math.floor(x), width - 1)
        cell_y = min(math.floor(y), height - 1)
        cells[i] = cells.new_tensor([cell_x, cell_y])
        indices.append(cell_y * width + cell_x)
        offsets[i] = points[i] - cells[i]
    return cells, torch.tensor(indices, dtype=torch.int64, device=points.device), offsets


def corner_targets_vectorized(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CornerTargets:
    boxes = in_cells(boxes, stride)
    radii = gaussian_radius_vectorized((boxes[:, 2:] - boxes[:, :2]).ceil(), min_overlap).floor()
    cells1, indices1, offsets1 = cells_of_points_vectorized(boxes[:, :2], size)
    cells2, indices2, offsets2 = cells_of_points_vectorized(boxes[:, 2:], size)
    heatmaps1 = gaussian_heatmaps_vectorized(cells1, radii, labels, num_classes, size)
    heatmaps2 = gaussian_heatmaps_vectorized(cells2, radii, labels, num_classes, size)
    return CornerTargets(heatmaps1, heatmaps2, indices1, indices2, offsets1, offsets2)


def cells_of_points_vectorized(points: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 2) in cells -> the cell of each (N, 2), its place in the flattened map, the offset."""
    height, width = check.pair(size)
    last = points.new_tensor([width - 1, height - 1])
    cells = torch.minimum(points.floor(), last)                          # (N, 2)
    x, y = cells.long().unbind(1)
    return cells, y * width + x, points - cells


IMPLEMENTATIONS = {"loop": corner_targets_loop, "vectorized": corner_targets_vectorized}
IMPLEMENTATIONS_OF_CELLS_OF_POINTS = {
    "loop": cells_of_points_loop,
    "vectorized": cells_of_points_vectorized,
}
