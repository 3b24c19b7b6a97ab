"""Where objects might be: windows and regions to look at, before anything is classified."""

from edudet.proposals.colour_spaces import to_colour_space
from edudet.proposals.felzenszwalb import felzenszwalb
from edudet.proposals.region_similarity import region_similarity
from edudet.proposals.selective_search import selective_search
from edudet.proposals.sliding_window import (
    exhaustive_cost,
    image_pyramid,
    sliding_windows,
    window_count,
)

__all__ = [
    "exhaustive_cost",
    "felzenszwalb",
    "image_pyramid",
    "region_similarity",
    "selective_search",
    "sliding_windows",
    "to_colour_space",
    "window_count",
]
