"""What a network should say: the labels and numbers that its outputs are compared with."""

from edudet.targets.center_targets import CenterTargets, center_targets
from edudet.targets.corner_targets import CornerTargets, corner_targets
from edudet.targets.heatmaps import gaussian_heatmaps, gaussian_radius
from edudet.targets.keypoint_targets import KeypointTargets, keypoint_targets
from edudet.targets.mask_targets import mask_targets
from edudet.targets.masked_targets import MaskedTargets, masked_targets
from edudet.targets.matching import Matches, match_anchors
from edudet.targets.roi_targets import RoiTargets, roi_targets
from edudet.targets.rpn_targets import RpnTargets, rpn_targets
from edudet.targets.sampling import Sample, sample_balanced

__all__ = [
    "CenterTargets",
    "CornerTargets",
    "KeypointTargets",
    "MaskedTargets",
    "Matches",
    "RoiTargets",
    "RpnTargets",
    "Sample",
    "center_targets",
    "corner_targets",
    "gaussian_heatmaps",
    "gaussian_radius",
    "keypoint_targets",
    "mask_targets",
    "masked_targets",
    "match_anchors",
    "roi_targets",
    "rpn_targets",
    "sample_balanced",
]
