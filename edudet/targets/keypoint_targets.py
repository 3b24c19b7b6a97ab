"""The target of a keypoint head: one cell of a grid in the RoI for each joint.

Mask R-CNN (He et al., 2017) draws one heatmap of 56 x 56 cells for each joint of a person, and asks
a single question of it, "in which cell?": softmax over all cells, cross entropy with the one that
holds the joint. So the target of a joint is the number of a cell:

    column = floor((x - x1) size / (x2 - x1))        cell = row size + column
    row    = floor((y - y1) size / (y2 - y1))

A joint on the right or lower side of the RoI, x = x2, belongs to the last cell. A joint outside the
RoI, or not labelled, has no cell and no loss; a hidden one (v = 1) has its place and counts.

The same function twice: keypoint_targets_loop (the definition) and keypoint_targets_vectorized.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check


class KeypointTargets(NamedTuple):
    cells: Tensor  # (P, K) int64: row * size + column; 0 where not valid
    valid: Tensor  # (P, K) bool: whether the joint has a cell


def keypoint_targets(keypoints: Tensor, rois: Tensor, size: int = 56) -> KeypointTargets:
    """Return the cell of each joint in the grid of its RoI.

    Args:
        keypoints: (P, K, 3) float; x, y in pixels and v (0 not labelled, 1 hidden, 2 seen) of the
            person that each RoI belongs to: `gt_keypoints[gt_indices]`. Read where v > 0 only.
        rois: (P, 4), same dtype and device; xyxy, pixels; P may be 0.
        size: cells along each side.

    Returns:
        KeypointTargets(cells, valid): (P, K) each. A RoI without width or height has no cells: no
        joint of it is valid.

    Gradient:
        None: a cell has no derivative.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a RoI or the place of a labelled joint is
            not finite, or a RoI is inverted (on CUDA: not valid).
    """
    check.is_tensor("keypoint_targets", keypoints=keypoints)
    check.boxes("keypoint_targets", rois=rois)
    if keypoints.ndim != 3 or len(keypoints) != len(rois) or keypoints.shape[2] != 3:
        raise ValueError(
            f"keypoint_targets: keypoints must have shape (P, K, 3) with the P of rois, "
            f"{len(rois)}, got {tuple(keypoints.shape)}"
        )
    check.dtype("keypoint_targets", check.FLOATS, keypoints=keypoints)
    check.same_dtype("keypoint_targets", keypoints=keypoints, rois=rois)
    check.same_device("keypoint_targets", keypoints=keypoints, rois=rois)
    check.is_int("keypoint_targets", size=size)
    check.size("keypoint_targets", size=size)
    if check.can_look(keypoints, rois):
        check.box_values("keypoint_targets", rois=_wide(rois))
        bad = (keypoints[..., 2] > 0) & ~keypoints.isfinite().all(2)
        for p, k in bad.nonzero().tolist()[:1]:
            raise ValueError(
                f"keypoint_targets: keypoints[{p}, {k}] must be finite, "
                f"got {keypoints[p, k].tolist()}"
            )
    return keypoint_targets_vectorized(keypoints, rois, size)


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.promote_types(tensor.dtype, torch.float32))


def keypoint_targets_loop(keypoints: Tensor, rois: Tensor, size: int = 56) -> KeypointTargets:
    keypoints, rois = _wide(keypoints), _wide(rois)
    cells = torch.zeros(keypoints.shape[:2], dtype=torch.int64, device=rois.device)
    valid = torch.zeros_like(cells, dtype=torch.bool)
    for p, (x1, y1, x2, y2) in enumerate(rois):
        for k, (x, y, v) in enumerate(keypoints[p]):
            inside = x1 <= x <= x2 and y1 <= y <= y2
            if v > 0 and inside and x1 < x2 and y1 < y2:
                column = min(math.floor((x - x1) * (size / (x2 - x1))), size - 1)
                row = min(math.floor((y - y1) * (size / (y2 - y1))), size - 1)
                cells[p, k] = row * size + column
                valid[p, k] = True
    return KeypointTargets(cells, valid)


def keypoint_targets_vectorized(
    keypoints: Tensor, rois: Tensor, size: int = 56
) -> KeypointTargets:
    keypoints, rois = _wide(keypoints), _wide(rois)[:, None]             # (P, K, 3), (P, 1, 4)
    points, low, high = keypoints[..., :2], rois[..., :2], rois[..., 2:]
    inside = ((low <= points) & (points <= high) & (low < high)).all(-1)  # (P, K)
    valid = inside & (keypoints[..., 2] > 0)
    cell = ((points - low) * (size / (high - low))).where(valid[..., None], 0)
    cell = cell.floor().long().clamp(max=size - 1)                       # (P, K, 2): column and row
    return KeypointTargets(cell[..., 1] * size + cell[..., 0], valid)


IMPLEMENTATIONS = {"loop": keypoint_targets_loop, "vectorized": keypoint_targets_vectorized}
