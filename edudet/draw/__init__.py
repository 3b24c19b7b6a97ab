"""Figures: one style, safe for colour-blind eyes; boxes are always drawn the same way.

Every function draws into given axes, or makes a figure and returns it.
"""

try:
    import matplotlib  # noqa: F401  (here, before any file of this folder asks for a part of it)
except ImportError as error:
    raise ImportError("figures need matplotlib: pip install 'edudet[demo]'") from error

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.grids import draw_roi_samples, show_matrix, show_scores
from edudet.draw.style import COLOURS, new_figure

__all__ = [
    "COLOURS",
    "draw_boxes",
    "draw_roi_samples",
    "new_figure",
    "show_image",
    "show_matrix",
    "show_scores",
]
