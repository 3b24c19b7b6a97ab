"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.nms import batched_nms, nms
from edudet.ops.roi_align import roi_align
from edudet.ops.roi_pool import roi_pool, roi_pool_bins

__all__ = [
    "batched_nms",
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "nms",
    "roi_align",
    "roi_pool",
    "roi_pool_bins",
]
