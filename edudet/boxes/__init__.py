"""What a box is. `boxes` are (x1, y1, x2, y2) in pixels, unless their name says otherwise."""

from edudet.boxes.convert import box_convert

__all__ = ["box_convert"]
