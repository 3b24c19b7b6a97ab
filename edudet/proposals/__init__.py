"""Where objects might be: windows and regions to look at, before anything is classified."""

from edudet.proposals.felzenszwalb import felzenszwalb
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
    "sliding_windows",
    "window_count",
]
