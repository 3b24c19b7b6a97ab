"""What a network should say: the labels and numbers that its outputs are compared with."""

from edudet.targets.masked_targets import MaskedTargets, masked_targets
from edudet.targets.matching import Matches, match_anchors
from edudet.targets.sampling import Sample, sample_balanced

__all__ = [
    "MaskedTargets",
    "Matches",
    "Sample",
    "masked_targets",
    "match_anchors",
    "sample_balanced",
]
