"""PASCAL VOC's boxes: one-based numbers of the first and the last pixel, both inside.

    VOC    xmin = 1 is the first column, xmax the last column of the object: width xmax - xmin + 1
    here   x1 = 0 is the left side of the first column, x2 the right side of the last: x2 - x1

The same pixels, so x1 = xmin - 1 and x2 = xmax: one-based makes up for inclusive on the far side.
VOC's files and the code of its time (R-CNN, Fast and Faster R-CNN) wrote "+ 1" in every width.
Mixing the two is a quiet mistake: an object of 10 x 10 pixels that loses the + 1 has IoU 81/100
with itself; one of 2 x 2 has 1/4.
"""

import torch
from torch import Tensor

from edudet import check


def boxes_from_voc(boxes_voc: Tensor) -> Tensor:
    """Return the boxes of a VOC annotation as `boxes`.

    Args:
        boxes_voc: (..., 4) float or integer; xmin, ymin, xmax, ymax: one-based pixels, inclusive.

    Returns:
        (..., 4) xyxy; of the same dtype, int64 for integers. The box of a single pixel has area 1.

    Gradient:
        Flows to `boxes_voc`.

    Raises:
        TypeError: `boxes_voc` is not a tensor.
        ValueError: `boxes_voc` is not (..., 4), or a box is not finite or has xmin > xmax or
            ymin > ymax (not looked for on CUDA and under torch.compile).
    """
    rule = "have xmin <= xmax and ymin <= ymax"
    boxes_voc = _checked("boxes_from_voc", 0, rule, boxes_voc=boxes_voc)
    return boxes_voc - boxes_voc.new_tensor([1, 1, 0, 0])


def boxes_to_voc(boxes: Tensor) -> Tensor:
    """Return `boxes` as VOC's files have them: xmin, ymin, xmax, ymax, one-based, inclusive.

    Nothing is rounded: VOC wants whole numbers, so round predictions first. A box must be at least
    1 pixel wide and high: the last column of a smaller one would come before its first. Other
    arguments, errors and the gradient: see `boxes_from_voc`.
    """
    rule = "have a width and a height of at least 1"
    boxes = _checked("boxes_to_voc", 1, rule, boxes=boxes)
    return boxes + boxes.new_tensor([1, 1, 0, 0])


def _checked(function: str, least: int, rule: str, **named: Tensor) -> Tensor:
    check.ends_in_4(function, **named)
    check.dtype(function, check.FLOATS + check.INTEGERS, **named)
    (boxes,) = named.values()
    if not boxes.is_floating_point():
        boxes = boxes.to(torch.int64)  # 255 + 1 and 0 - 1 do not fit into uint8
    if check.can_look(boxes):
        check.every_box(function, boxes.isfinite().all(-1), "be finite", **named)
        sides = boxes[..., 2:] - boxes[..., :2]
        check.every_box(function, (sides >= least).all(-1), rule, **named)
    return boxes
