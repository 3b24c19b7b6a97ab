"""How good the answers are: counted, drawn as curves, and averaged."""

from edudet.metrics.average_precision import average_precision
from edudet.metrics.coco_metrics import CocoEvaluation, coco_evaluate, coco_metrics
from edudet.metrics.confusion import Confusion, confusion
from edudet.metrics.match_detections import Matches, match_detections
from edudet.metrics.precision_recall import PrecisionRecall, precision_recall_curve
from edudet.metrics.rle import (
    polygons_to_rle,
    rle_area,
    rle_decode,
    rle_encode,
    rle_merge,
)
from edudet.metrics.run_lengths import rle_iou
from edudet.metrics.voc import VocResult, voc_map

__all__ = [
    "CocoEvaluation",
    "Confusion",
    "Matches",
    "PrecisionRecall",
    "VocResult",
    "average_precision",
    "coco_evaluate",
    "coco_metrics",
    "confusion",
    "match_detections",
    "polygons_to_rle",
    "precision_recall_curve",
    "rle_area",
    "rle_decode",
    "rle_encode",
    "rle_iou",
    "rle_merge",
    "voc_map",
]
