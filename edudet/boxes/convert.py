"""The three ways to write a box down.

    xyxy     two corners: x1, y1, x2, y2
    xywh     a corner and a size: x1, y1, width, height (COCO's files)
    cxcywh   the centre and a size (YOLO, DETR, and what regression heads predict)

Width is x2 - x1. PASCAL VOC counted the pixels of a box, x2 - x1 + 1; coordinates here are
continuous: pixel (row y, column x) covers [x, x + 1) x [y, y + 1).
"""

import torch
from torch import Tensor

from edudet import check

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Return `boxes` in another format.

    Args:
        boxes: (..., 4) float or integer; in the format `in_fmt`, pixels.
        in_fmt, out_fmt: "xyxy", "xywh" or "cxcywh".

    Returns:
        (..., 4) of the same dtype, but int64 for integers of 8 or 16 bits: 200 + 100 does not fit
        into uint8. Centres of integer boxes are rounded down.

    Gradient:
        Flows to `boxes`.

    Raises:
        TypeError: `boxes` is not a tensor.
        ValueError: `boxes` is not (..., 4), or a format is unknown.
    """
    check_format("box_convert", in_fmt=in_fmt, out_fmt=out_fmt)
    check.ends_in_4("box_convert", boxes=boxes)
    if boxes.dtype in (torch.uint8, torch.int8, torch.int16):
        boxes = boxes.long()
    if in_fmt == out_fmt:
        return boxes.clone()
    return _from_xyxy(_to_xyxy(boxes, in_fmt), out_fmt)


def check_format(function: str, **named: str) -> None:
    for name, fmt in named.items():
        if fmt not in FORMATS:
            raise ValueError(
                f"{function}: {name} must be one of {', '.join(FORMATS)}, got {fmt!r}"
                + ("; rotated boxes are not supported" if fmt in ("xywhr", "cxcywhr") else "")
            )


def _half(size: Tensor) -> Tensor:
    return size / 2 if size.is_floating_point() else size // 2


def _to_xyxy(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "xyxy":
        return boxes
    point, size = boxes[..., :2], boxes[..., 2:]
    top_left = point - _half(size) if fmt == "cxcywh" else point
    return torch.cat([top_left, top_left + size], -1)


def _from_xyxy(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "xyxy":
        return boxes
    top_left, bottom_right = boxes[..., :2], boxes[..., 2:]
    size = bottom_right - top_left
    point = top_left + _half(size) if fmt == "cxcywh" else top_left
    return torch.cat([point, size], -1)
