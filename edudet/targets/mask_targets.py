"""The target of a mask head: the mask of the object, as seen through the RoI.

A mask head draws the object inside its RoI on a grid of 28 x 28 bins, whatever the size of the RoI.
So the mask of that object, which is as large as the image, is cut out and brought to the same grid
by the operator that brought the features there: RoIAlign with one map, the mask.

    target[i, j] = the mean of the mask at the sample points of bin (i, j)

A bin at the outline is partly object, and its target lies between 0 and 1. torchvision leaves it
so: binary cross entropy takes a share as well as an answer. Mask R-CNN (He et al., 2017) and
detectron2 want an answer, and round: `mask_targets(...) >= 0.5`. And detectron2 counts from the
centres of pixels (`aligned=True` in `roi_align`), where torchvision is half a pixel off, as here:
mask heads trained there expect it.

The same function twice: mask_targets_loop (the definition) and mask_targets_vectorized.
"""

import torch
from torch import Tensor

from edudet import check
from edudet.ops.roi_align import bilinear_taps, roi_align, sample_points


def mask_targets(gt_masks: Tensor, rois: Tensor, gt_indices: Tensor, size: int = 28) -> Tensor:
    """Return the part of its object's mask that each RoI sees, on a grid of size x size bins.

    Args:
        gt_masks: (G, H, W) bool or float; the masks of the objects, in pixels of the image; floats
            lie in [0, 1].
        rois: (P, 4) float, same device; xyxy, pixels; P may be 0. The positive RoIs alone:
            background has no mask.
        gt_indices: (P,) integer, same device; the object of each RoI, 0, ..., G - 1.
        size: bins along each side.

    Returns:
        (P, size, size) float64 for float64 RoIs, else float32; in [0, 1], not rounded. What lies
        more than a pixel outside the image counts as 0.

    Gradient:
        None: a target has none.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a RoI is not finite or is inverted, or
            its object does not exist (on CUDA: NaN).
    """
    check.is_tensor("mask_targets", gt_masks=gt_masks, gt_indices=gt_indices)
    check.boxes("mask_targets", rois=rois)
    if gt_masks.ndim != 3:
        raise ValueError(
            f"mask_targets: gt_masks must have shape (G, H, W), got {tuple(gt_masks.shape)}"
        )
    check.dtype("mask_targets", (torch.bool, *check.FLOATS), gt_masks=gt_masks)
    check.dtype("mask_targets", check.FLOATS, rois=rois)
    check.dtype("mask_targets", check.INTEGERS, gt_indices=gt_indices)
    if gt_indices.shape != rois.shape[:1]:
        raise ValueError(
            f"mask_targets: gt_indices must have shape (P,) with the P of rois, {len(rois)}, "
            f"got {tuple(gt_indices.shape)}"
        )
    check.same_device("mask_targets", gt_masks=gt_masks, rois=rois, gt_indices=gt_indices)
    check.is_int("mask_targets", size=size)
    check.size("mask_targets", size=size)
    if check.can_look(rois, gt_indices):
        check.box_values("mask_targets", rois=_wide(rois))
        num_masks = len(gt_masks)
        for p in ((gt_indices < 0) | (gt_indices >= num_masks)).nonzero().flatten().tolist()[:1]:
            raise ValueError(
                f"mask_targets: gt_indices[{p}] must be one of the {num_masks} gt_masks, "
                f"got {gt_indices[p].item()}"
            )
    return mask_targets_vectorized(gt_masks, rois, gt_indices, size)


def _wide(rois: Tensor) -> Tensor:
    return rois.detach().to(torch.promote_types(rois.dtype, torch.float32))


def mask_targets_loop(
    gt_masks: Tensor, rois: Tensor, gt_indices: Tensor, size: int = 28
) -> Tensor:
    rois, masks = _wide(rois), gt_masks.detach()
    targets = rois.new_zeros(len(rois), size, size)
    for p in range(len(rois)):
        mask = masks[gt_indices[p]].to(rois.dtype)
        points = sample_points(rois[p], size)                            # (size, size, ..., 2)
        for i in range(size):
            for j in range(size):
                targets[p, i, j] = _mean_at(points[i, j].flatten(0, 1).tolist(), mask)
    return targets


def _mean_at(points: list[list[float]], mask: Tensor) -> Tensor:
    total = mask.new_zeros(())
    for x, y in points:
        for row, column, weight in bilinear_taps(x, y, *mask.shape):
            total = total + weight * mask[row, column]
    return total / len(points)


def mask_targets_vectorized(
    gt_masks: Tensor, rois: Tensor, gt_indices: Tensor, size: int = 28
) -> Tensor:
    rois = _wide(rois)
    maps = gt_masks.detach()[:, None].to(rois.dtype)                     # (G, 1, H, W)
    with_index = torch.cat([gt_indices[:, None].to(rois.dtype), rois], 1)  # (P, 5)
    return roi_align(maps, with_index, size)[:, 0]                       # (P, size, size)


IMPLEMENTATIONS = {"loop": mask_targets_loop, "vectorized": mask_targets_vectorized}
