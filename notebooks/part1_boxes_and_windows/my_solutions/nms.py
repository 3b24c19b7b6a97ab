"""Non-maximum suppression. The task is in nms.md, beside this file."""

import torch
from given import box_iou


def nms(boxes, scores, iou_threshold):
    """Return the indices of the boxes that survive, best score first.

    Args:
        boxes: (N, 4) float; xyxy, pixels.
        scores: (N,) float, same dtype and device. Of equal scores the lower index wins.
        iou_threshold: in [0, 1]; a box is dropped if its IoU with a kept one is *greater*. It is
            rounded to the dtype of the IoU: float64 for float64 boxes, else float32.

    Returns:
        (number kept,) int64; the same on every device. IoU with an empty box is 0.

    Gradient:
        None: an index has no derivative.

    Raises:
        TypeError: an argument is not a tensor, or the threshold is not a number.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite or is inverted; a
            score is not finite; the threshold lies outside [0, 1].
    """
    raise NotImplementedError
