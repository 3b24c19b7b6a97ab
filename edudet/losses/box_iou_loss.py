"""Losses of boxes: 1 - IoU and its relatives, box i against box i.

    generalized_box_iou_loss   1 - GIoU, in [0, 2]
    distance_box_iou_loss      1 - DIoU = 1 - IoU + (distance of the centres / diagonal)^2
    complete_box_iou_loss      1 - CIoU: also compares width / height

Four separate losses for x, y, width and height do not know that the numbers make one box; IoU does,
and needs no scale. But 1 - IoU is 1 for all boxes that do not meet, so its gradient is 0 exactly
where help is needed. The relatives still say which way to go. Formulas and papers stand in
`edudet.ops.box_iou`.

    box_iou_loss_loop         pair by pair: the definition
    box_iou_loss_vectorized   all at once
"""

import math

import torch
from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, reduce_loss, widened
from edudet.ops.box_iou import iou_of_pair, iou_of_pairs

FUNCTIONS = {
    "generalized": "generalized_box_iou_loss",
    "distance": "distance_box_iou_loss",
    "complete": "complete_box_iou_loss",
}


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """Return 1 - GIoU of box i of `boxes1` and box i of `boxes2`, as torchvision's function.

    Args:
        boxes1: (..., 4) float; xyxy.
        boxes2: the same shape (nothing broadcasts) and device.
        reduction: "none", "mean" or "sum".
        eps: added to every area below a fraction bar. For boxes in [0, 1] of a width near .001 it
            is no longer small against them: pass 0 there, 0 / 0 counts as 0 anyway.

    Returns:
        (...) for "none", else (): float64 where an argument is, else float32. The mean of nothing
        is 0. Two equal boxes without area have no overlap: 1 here, 0 + 1 for the others.

    Gradient:
        Flows to both arguments and is finite, for empty and for distant boxes, too. Where boxes
        only touch or their sides lie on each other, see `edudet.ops.box_iou`.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; an unknown reduction; a negative `eps`; a
            box that is not finite or has x2 < x1 or y2 < y1 (on CUDA and under torch.compile: NaN).
    """
    return _checked(boxes1, boxes2, reduction, eps, "generalized")


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """Return 1 - DIoU, box by box, in [0, 2]. See `generalized_box_iou_loss`.

    The penalty falls as the centres approach, so that a box inside another is still moved, where
    the enclosing box and so GIoU's penalty are silent. `eps` is added to the squared diagonal, too.
    """
    return _checked(boxes1, boxes2, reduction, eps, "distance")


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """Return 1 - CIoU, box by box. See `generalized_box_iou_loss`.

    As in the paper, no gradient flows through alpha, the weight of the shapes' difference; `eps` is
    added to its denominator, too. torchvision's function hands its `eps` to that one only.
    """
    return _checked(boxes1, boxes2, reduction, eps, "complete")


def _checked(boxes1: Tensor, boxes2: Tensor, reduction: str, eps: float, kind: str) -> Tensor:
    function = FUNCTIONS[kind]
    check_pair(function, reduction, boxes1=boxes1, boxes2=boxes2)
    if boxes1.ndim == 0 or boxes1.shape[-1] != 4:
        raise ValueError(
            f"{function}: boxes1 must have shape (..., 4), got {tuple(boxes1.shape)}"
        )
    check.not_negative(function, eps=eps)
    return box_iou_loss_vectorized(boxes1, boxes2, reduction, eps, kind)


def box_iou_loss_loop(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7,
    kind: str = "generalized",
) -> Tensor:
    boxes1, boxes2 = widened(boxes1, boxes2)
    check.box_values(FUNCTIONS[kind], boxes1=boxes1, boxes2=boxes2)
    pairs = zip(boxes1.reshape(-1, 4), boxes2.reshape(-1, 4), strict=True)
    losses = [1 - iou_of_pair(a, b, kind, eps, area_eps=eps) for a, b in pairs]
    return reduce_loss(gathered(losses, (boxes1 + boxes2).sum(-1)), reduction)


def box_iou_loss_vectorized(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7,
    kind: str = "generalized",
) -> Tensor:
    boxes1, boxes2 = widened(boxes1, boxes2)
    looked = check.can_look(boxes1, boxes2)
    if looked:
        check.box_values(FUNCTIONS[kind], boxes1=boxes1, boxes2=boxes2)
    losses = 1 - iou_of_pairs(boxes1, boxes2, kind, eps, area_eps=eps)
    if not looked:
        valid = check.valid_boxes(boxes1) & check.valid_boxes(boxes2)
        losses = torch.where(valid, losses, math.nan)
    return reduce_loss(losses, reduction)


IMPLEMENTATIONS = {"loop": box_iou_loss_loop, "vectorized": box_iou_loss_vectorized}
