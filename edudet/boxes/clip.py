"""Boxes cut off at the border of the image."""

from typing import TypeVar

import torch
from torch import Tensor

from edudet import check

Bound = TypeVar("Bound", Tensor, float)


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
        Flows to the coordinates that were not cut off: to one exactly on the border, too (in
        torchvision not since torch 2.14).

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
    return clamped(boxes, torch.zeros_like(border), border)


def clamped(values: Tensor, low: Bound | None, high: Bound) -> Tensor:
    """`values.clamp(low, high)`, whose gradient at a bound is 1: that of a value not cut off.

    In torch 2.13 clamp's is 1 there, too; in 2.14 it is 1/2 beside a tensor, 0 beside a number.
    """
    if not check.may_be_differentiated(values):
        return values.clamp(low, high)  # the same numbers, ten times as fast
    if low is not None:
        values = torch.where(values < low, low, values)
    return torch.where(values > high, high, values)
