"""What a network should say: the labels and numbers that its outputs are compared with."""

from edudet.targets.center_targets import CenterTargets, center_targets
from edudet.targets.corner_targets import CornerTargets, corner_targets
from edudet.targets.heatmaps import gaussian_heatmaps, gaussian_radius
from edudet.targets.masked_targets import MaskedTargets, masked_targets
from edudet.targets.matching import Matches, match_anchors
from edudet.targets.sampling import Sample, sample_balanced

__all__ = [
    "CenterTargets",
    "CornerTargets",
    "MaskedTargets",
    "Matches",
    "Sample",
    "center_targets",
    "corner_targets",
    "gaussian_heatmaps",
    "gaussian_radius",
    "masked_targets",
    "match_anchors",
    "sample_balanced",
]
