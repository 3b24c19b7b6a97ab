"""What CenterNet should say (Zhou et al., "Objects as Points", 2019): an object is its centre.

One heatmap a class, with a Gaussian around each centre; at the centres alone also the offset in the
cell and the size of the box. To detect, take the peaks of the heatmap: a cell that is larger than
its eight neighbours is an object, so nothing is left for NMS to do. Two objects of a class whose
centres share a cell are one: at stride 4 that is rare.

    x1 = s (cell x + offset x - width / 2)        and so on, s the stride, width in cells

The same function twice: center_targets_loop (the definition) and center_targets_vectorized.
"""

from typing import NamedTuple

from torch import Tensor

from edudet.targets.corner_targets import (
    cells_of_points_loop,
    cells_of_points_vectorized,
    check_objects,
    in_cells,
)
from edudet.targets.heatmaps import (
    Size,
    gaussian_heatmaps_loop,
    gaussian_heatmaps_vectorized,
    gaussian_radius_loop,
    gaussian_radius_vectorized,
)


class CenterTargets(NamedTuple):
    heatmaps: Tensor  # (C, H, W), 1 at a centre
    indices: Tensor  # (N,) int64: cell y W + x, into a flattened map
    offsets: Tensor  # (N, 2): x, y in [0, 1] of a cell
    box_sizes: Tensor  # (N, 2): width, height in cells; x first, as in a box


def center_targets(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CenterTargets:
    """Return the heatmaps of the centres, and offset and size of each object.

    Args:
        boxes: (N, 4) float; xyxy in pixels, inside the image: `edudet.boxes.clip_boxes_to_image`.
        labels: (N,) integer, same device; 0, ..., num_classes - 1.
        size: (height, width) of the map, in cells.
        stride: pixels between cells.
        min_overlap: see `gaussian_radius`, whose radius for corners is used for centres, too.

    Returns:
        CenterTargets, in the order of `boxes`; float64 for float64 boxes, else float32. The head
        learns offsets and sizes at `indices` only: `map.flatten(1)[:, indices]`.

    Gradient, errors: as for `corner_targets`.
    """
    check_objects("center_targets", boxes, labels, num_classes, size, stride, min_overlap)
    return center_targets_vectorized(boxes, labels, num_classes, size, stride, min_overlap)


def center_targets_loop(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CenterTargets:
    boxes = in_cells(boxes, stride)
    centers, box_sizes = boxes.new_zeros(len(boxes), 2), boxes.new_zeros(len(boxes), 2)
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i]
        centers[i, 0], centers[i, 1] = (x1 + x2) / 2, (y1 + y2) / 2
        box_sizes[i, 0], box_sizes[i, 1] = x2 - x1, y2 - y1
    cells, indices, offsets = cells_of_points_loop(centers, size)
    radii = gaussian_radius_loop(box_sizes.ceil(), min_overlap).floor()
    heatmaps = gaussian_heatmaps_loop(cells, radii, labels, num_classes, size)
    return CenterTargets(heatmaps, indices, offsets, box_sizes)


def center_targets_vectorized(
    boxes: Tensor, labels: Tensor, num_classes: int, size: Size, stride: float = 4,
    min_overlap: float = 0.7,
) -> CenterTargets:
    boxes = in_cells(boxes, stride)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2                          # (N, 2)
    box_sizes = boxes[:, 2:] - boxes[:, :2]                              # (N, 2)
    cells, indices, offsets = cells_of_points_vectorized(centers, size)
    radii = gaussian_radius_vectorized(box_sizes.ceil(), min_overlap).floor()
    heatmaps = gaussian_heatmaps_vectorized(cells, radii, labels, num_classes, size)
    return CenterTargets(heatmaps, indices, offsets, box_sizes)


IMPLEMENTATIONS = {"loop": center_targets_loop, "vectorized": center_targets_vectorized}
