"""Where objects might be: windows and regions to look at, before anything is classified."""

from edudet.proposals.anchors import AnchorGenerator, generate_anchors, grid_anchors
from edudet.proposals.colour_spaces import to_colour_space
from edudet.proposals.felzenszwalb import felzenszwalb
from edudet.proposals.merge_regions import MergeTree, merge_regions
from edudet.proposals.region_similarity import region_similarity
from edudet.proposals.selective_search import RegionProposals, selective_search
from edudet.proposals.sliding_window import (
    exhaustive_cost,
    image_pyramid,
    sliding_windows,
    window_count,
)
from edudet.proposals.template_matching import match_template, template_matches

__all__ = [
    "AnchorGenerator",
    "MergeTree",
    "RegionProposals",
    "exhaustive_cost",
    "felzenszwalb",
    "generate_anchors",
    "grid_anchors",
    "image_pyramid",
    "match_template",
    "merge_regions",
    "region_similarity",
    "selective_search",
    "sliding_windows",
    "template_matches",
    "to_colour_space",
    "window_count",
]
