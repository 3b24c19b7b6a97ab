"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.corner_pool import bottom_pool, corner_pool, left_pool, right_pool, top_pool
from edudet.ops.nms import batched_nms, nms
from edudet.ops.roi_align import roi_align
from edudet.ops.roi_pool import roi_pool, roi_pool_bins

__all__ = [
    "batched_nms",
    "bottom_pool",
    "box_iou",
    "complete_box_iou",
    "corner_pool",
    "distance_box_iou",
    "generalized_box_iou",
    "left_pool",
    "nms",
    "right_pool",
    "roi_align",
    "roi_pool",
    "roi_pool_bins",
    "top_pool",
]
