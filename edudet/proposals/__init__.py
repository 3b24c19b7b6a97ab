"""Where objects might be: windows and regions to look at, before anything is classified."""

from edudet.proposals.anchors import AnchorGenerator, generate_anchors, grid_anchors
from edudet.proposals.sliding_window import (
    exhaustive_cost,
    image_pyramid,
    sliding_windows,
    window_count,
)
from edudet.proposals.template_matching import match_template, template_matches

__all__ = [
    "AnchorGenerator",
    "exhaustive_cost",
    "generate_anchors",
    "grid_anchors",
    "image_pyramid",
    "match_template",
    "sliding_windows",
    "template_matches",
    "window_count",
]
