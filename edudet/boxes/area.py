"""How large a box is: its area, and the boxes that are too small to keep.

Width is x2 - x1: a box around one pixel has area 1, a box with x1 = x2 has area 0.
"""

import math

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.convert import check_format
from edudet.dtypes import widen


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """Return the area of every box.

    Args:
        boxes: (..., 4) float or integer; pixels.
        fmt: "xyxy", "xywh" or "cxcywh".

    Returns:
        (...) in square pixels: float64 for float64 boxes, float32 for other floats, int64 for
        integers, so that neither a difference of uint8 nor a product of int32 wraps around.

    Gradient:
        Flows to `boxes`.

    Raises:
        TypeError: `boxes` is not a tensor.
        ValueError: `boxes` is not (..., 4); an unknown `fmt`; a box is not finite or has a negative
            side (on CUDA and under torch.compile: NaN instead, for floats).
    """
    check.ends_in_4("box_area", boxes=boxes)
    check_format("box_area", fmt=fmt)
    check.dtype("box_area", check.FLOATS + check.INTEGERS, boxes=boxes)
    boxes = _widened(boxes)
    width, height = _sides(boxes, fmt)
    area = width * height
    if check.can_look(boxes):
        _check_values(boxes, width, height, fmt)
    elif area.is_floating_point():
        # A negative width times a negative height would look like an area.
        area = area.masked_fill((width < 0) | (height < 0), math.nan)
    return area


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Return the indices of the boxes whose width and height are both at least `min_size`.

    Args:
        boxes: (N, 4) float or integer; xyxy, pixels.
        min_size: pixels, 0 or more.

    Returns:
        (number kept,) int64, in increasing order. Inverted boxes and boxes with a NaN have no side
        of any size: they are removed, whatever `min_size` is.

    Raises:
        TypeError: `boxes` is not a tensor, or `min_size` not a number.
        ValueError: `boxes` is not (N, 4); `min_size` is negative or NaN.
    """
    check.boxes("remove_small_boxes", boxes=boxes)
    check.dtype("remove_small_boxes", check.FLOATS + check.INTEGERS, boxes=boxes)
    check.number("remove_small_boxes", min_size=min_size)
    if not min_size >= 0:
        raise ValueError(f"remove_small_boxes: min_size must be 0 or more, got {min_size}")
    width, height = _sides(_widened(boxes.detach()), "xyxy")
    return ((width >= min_size) & (height >= min_size)).nonzero().flatten()


def parts_inside(boxes: Tensor, regions: Tensor) -> Tensor:
    """(N, 4), (M, 4) -> (N, M) float64: how much of each box lies in each region, such as a crowd;
    0 for a box without area."""
    a, b = boxes.double()[:, None], regions.double()
    sides = torch.minimum(a[..., 2:], b[:, 2:]) - torch.maximum(a[..., :2], b[:, :2])
    area = (a[..., 2:] - a[..., :2]).prod(-1)
    return sides.clamp(min=0).prod(-1) / area.where(area > 0, 1)


def _widened(boxes: Tensor) -> Tensor:
    return widen(boxes) if boxes.is_floating_point() else boxes.long()


def _sides(boxes: Tensor, fmt: str) -> tuple[Tensor, Tensor]:
    x1_or_center, y1_or_center, x2_or_width, y2_or_height = boxes.unbind(-1)
    if fmt == "xyxy":
        return x2_or_width - x1_or_center, y2_or_height - y1_or_center
    return x2_or_width, y2_or_height


def _check_values(boxes: Tensor, width: Tensor, height: Tensor, fmt: str) -> None:
    # Quick passes where all is well; the search only for the message. NaN is not at least 0 either.
    least = min(width.min(), height.min()) if width.numel() else 0
    if least >= 0 and boxes.sum().isfinite():
        return
    check.every_box("box_area", boxes.isfinite().all(-1), "be finite", boxes=boxes)
    rule = "have x1 <= x2 and y1 <= y2" if fmt == "xyxy" else "have sides of 0 or more"
    check.every_box("box_area", (width >= 0) & (height >= 0), rule, boxes=boxes)
