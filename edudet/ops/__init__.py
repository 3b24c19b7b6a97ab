"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.roi_align import roi_align

__all__ = [
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "roi_align",
]
