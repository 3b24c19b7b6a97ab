"""How good the answers are: counted, drawn as curves, and averaged."""

from edudet.metrics.oks import oks
from edudet.metrics.panoptic import panoptic_quality
from edudet.metrics.pose import mean_error, pck, pckh, pdj
from edudet.metrics.proposal_recall import average_recall, proposal_recall
from edudet.metrics.segmentation import (
    dice_coefficient,
    intersection_over_union,
    mean_iou,
    mean_pixel_accuracy,
    pixel_accuracy,
    segmentation_confusion,
    segmentation_f1,
    segmentation_precision,
    segmentation_recall,
)

__all__ = [
    "average_recall",
    "dice_coefficient",
    "intersection_over_union",
    "mean_error",
    "mean_iou",
    "mean_pixel_accuracy",
    "oks",
    "panoptic_quality",
    "pck",
    "pckh",
    "pdj",
    "pixel_accuracy",
    "proposal_recall",
    "segmentation_confusion",
    "segmentation_f1",
    "segmentation_precision",
    "segmentation_recall",
]
