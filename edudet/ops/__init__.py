"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.affine_grid import affine_grid, rigid_theta
from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.grid_sample import grid_sample
from edudet.ops.nms import batched_nms, nms
from edudet.ops.roi_align import roi_align
from edudet.ops.sampling_weights import sampling_weights

__all__ = [
    "affine_grid",
    "batched_nms",
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "grid_sample",
    "nms",
    "rigid_theta",
    "roi_align",
    "sampling_weights",
]
