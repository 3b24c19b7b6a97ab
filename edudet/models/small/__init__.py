"""Configurations for pictures of some 128 pixels: they learn on a laptop in minutes."""

from edudet.models.small.classification import digit_net
from edudet.models.small.dense import fcn_small
from edudet.models.small.two_stage import (
    cascade_rcnn_small,
    fast_rcnn_small,
    faster_rcnn_small,
    keypoint_rcnn_small,
    mask_rcnn_small,
    rcnn_small,
    rfcn_small,
    spp_net_small,
)

__all__ = [
    "cascade_rcnn_small",
    "digit_net",
    "fast_rcnn_small",
    "faster_rcnn_small",
    "fcn_small",
    "keypoint_rcnn_small",
    "mask_rcnn_small",
    "rcnn_small",
    "rfcn_small",
    "spp_net_small",
]
