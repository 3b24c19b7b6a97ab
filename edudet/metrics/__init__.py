"""How good the answers are: counted, drawn as curves, and averaged."""

from edudet.metrics.average_precision import average_precision
from edudet.metrics.coco_metrics import CocoEvaluation, coco_evaluate, coco_metrics
from edudet.metrics.confusion import Confusion, confusion
from edudet.metrics.match_detections import Matches, match_detections
from edudet.metrics.oks import oks
from edudet.metrics.panoptic import panoptic_quality
from edudet.metrics.pose import mean_error, pck, pckh, pdj
from edudet.metrics.precision_recall import PrecisionRecall, precision_recall_curve
from edudet.metrics.proposal_recall import average_recall, proposal_recall
from edudet.metrics.rle import polygons_to_rle, rle_area, rle_decode, rle_encode, rle_merge
from edudet.metrics.run_lengths import rle_iou
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
from edudet.metrics.voc import VocResult, voc_map

__all__ = [
    "CocoEvaluation",
    "Confusion",
    "Matches",
    "PrecisionRecall",
    "VocResult",
    "average_precision",
    "average_recall",
    "coco_evaluate",
    "coco_metrics",
    "confusion",
    "dice_coefficient",
    "intersection_over_union",
    "match_detections",
    "mean_error",
    "mean_iou",
    "mean_pixel_accuracy",
    "oks",
    "panoptic_quality",
    "pck",
    "pckh",
    "pdj",
    "pixel_accuracy",
    "polygons_to_rle",
    "precision_recall_curve",
    "proposal_recall",
    "rle_area",
    "rle_decode",
    "rle_encode",
    "rle_iou",
    "rle_merge",
    "segmentation_confusion",
    "segmentation_f1",
    "segmentation_precision",
    "segmentation_recall",
    "voc_map",
]
