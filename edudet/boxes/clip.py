"""Boxes cut off at the border of the image."""

import torch
from torch import Tensor

from edudet import check


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the part of every box that lies in the image.

    Args:
        boxes: (..., 4) float or integer; xyxy, pixels.
        size: (height, width) of the image: 0 <= x <= width, 0 <= y <= height. Not width - 1: the
            last pixel reaches from width - 1 to width.

    Returns:
        (..., 4) of the same dtype; the border is rounded to it where it is a 16-bit one. A box
        outside the image becomes an empty one on its border: see `remove_small_boxes`. A NaN stays
        one; an infinite box is cut to the image.

    Gradient:
        Flows to the coordinates that were not cut off.

    Raises:
        TypeError: `boxes` is not a tensor; `size` is not whole numbers.
        ValueError: `boxes` is not (..., 4); a size is less than 1.
    """
    check.ends_in_4("clip_boxes_to_image", boxes=boxes)
    check.dtype("clip_boxes_to_image", check.FLOATS + check.INTEGERS, boxes=boxes)
    check.size("clip_boxes_to_image", size=size)
    height, width = (size, size) if isinstance(size, int) else size
    x = boxes[..., 0::2].clamp(0, _representable(width, boxes.dtype))    # (..., 2)
    y = boxes[..., 1::2].clamp(0, _representable(height, boxes.dtype))   # (..., 2)
    return torch.stack([x, y], -1).flatten(-2)


def _representable(limit: int, dtype: torch.dtype) -> float:
    """A border that the dtype cannot reach (300 for uint8) cuts nothing off."""
    info = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return min(limit, info.max)
