"""How good the answers are: counted, drawn as curves, and averaged."""

from edudet.metrics.average_precision import average_precision
from edudet.metrics.confusion import Confusion, confusion
from edudet.metrics.match_detections import Matches, match_detections
from edudet.metrics.precision_recall import PrecisionRecall, precision_recall_curve
from edudet.metrics.voc import VocResult, voc_map

__all__ = [
    "Confusion",
    "Matches",
    "PrecisionRecall",
    "VocResult",
    "average_precision",
    "confusion",
    "match_detections",
    "precision_recall_curve",
    "voc_map",
]
