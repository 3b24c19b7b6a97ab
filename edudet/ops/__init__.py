"""Operators on tensors. Names and arguments are torchvision.ops' own where it has the function."""

from edudet.ops.affine_grid import affine_grid, rigid_theta
from edudet.ops.box_iou import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.conv_matrix import conv_matrix
from edudet.ops.conv_transpose import conv_transpose1d, conv_transpose2d
from edudet.ops.corner_pool import bottom_pool, corner_pool, left_pool, right_pool, top_pool
from edudet.ops.grid_sample import grid_sample
from edudet.ops.matrix_nms import matrix_nms
from edudet.ops.max_pool import max_pool2d_with_indices
from edudet.ops.nms import batched_nms, nms
from edudet.ops.ps_roi_pool import ps_roi_pool
from edudet.ops.roi_align import roi_align
from edudet.ops.roi_pool import roi_pool, roi_pool_bins
from edudet.ops.sampling_weights import sampling_weights
from edudet.ops.soft_argmax import soft_argmax1d, soft_argmax2d, soft_argmax3d
from edudet.ops.soft_nms import soft_nms
from edudet.ops.unpool import max_unpool2d, unpool_bed_of_nails, unpool_nearest

__all__ = [
    "affine_grid",
    "batched_nms",
    "bottom_pool",
    "box_iou",
    "complete_box_iou",
    "conv_matrix",
    "conv_transpose1d",
    "conv_transpose2d",
    "corner_pool",
    "distance_box_iou",
    "generalized_box_iou",
    "grid_sample",
    "left_pool",
    "matrix_nms",
    "max_pool2d_with_indices",
    "max_unpool2d",
    "nms",
    "ps_roi_pool",
    "right_pool",
    "rigid_theta",
    "roi_align",
    "roi_pool",
    "roi_pool_bins",
    "sampling_weights",
    "soft_argmax1d",
    "soft_argmax2d",
    "soft_argmax3d",
    "soft_nms",
    "top_pool",
    "unpool_bed_of_nails",
    "unpool_nearest",
]
