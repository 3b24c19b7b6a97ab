"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.affine_grid import affine_grid, rigid_theta
from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.nms import batched_nms, nms
from edudet.ops.roi_align import roi_align

__all__ = [
    "affine_grid",
    "batched_nms",
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "nms",
    "rigid_theta",
    "roi_align",
]
