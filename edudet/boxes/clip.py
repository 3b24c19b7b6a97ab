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
    height, width = check.pair(size)
    info = torch.finfo(boxes.dtype) if boxes.is_floating_point() else torch.iinfo(boxes.dtype)
    # A border that the dtype cannot reach (300 for uint8) cuts nothing off.
    border = boxes.new_tensor([min(side, info.max) for side in (width, height, width, height)])
    return boxes.clamp(torch.zeros_like(border), border)
