"""How wrong a network's output is, as one number with a gradient."""

from edudet.losses.box_iou_loss import (
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
)
from edudet.losses.dice import dice_loss
from edudet.losses.embedding import pull_loss, push_loss
from edudet.losses.focal import focal_prior_bias, sigmoid_focal_loss, softmax_focal_loss
from edudet.losses.heatmap_focal import heatmap_focal_loss
from edudet.losses.masked import masked_loss
from edudet.losses.multi_task import multi_task_loss
from edudet.losses.rcnn import fast_rcnn_loss, rpn_loss
from edudet.losses.reduction import reduce_loss
from edudet.losses.smooth_l1 import smooth_l1_loss

__all__ = [
    "complete_box_iou_loss",
    "dice_loss",
    "distance_box_iou_loss",
    "fast_rcnn_loss",
    "focal_prior_bias",
    "generalized_box_iou_loss",
    "heatmap_focal_loss",
    "masked_loss",
    "multi_task_loss",
    "pull_loss",
    "push_loss",
    "reduce_loss",
    "rpn_loss",
    "sigmoid_focal_loss",
    "smooth_l1_loss",
    "softmax_focal_loss",
]
