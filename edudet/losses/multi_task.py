"""One number for two tasks: L = alpha S + (1 - alpha) R.

Gradient descent needs one number, a detector has two: S says what it is, R where. Because alpha
is part of the loss, losses of different alpha cannot be compared: an alpha near 1 wins by ignoring
a large R. Choose alpha by another measure (accuracy, IoU on held-out images).

    multi_task_loss_loop         element by element
    multi_task_loss_vectorized   all at once
"""

from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, widened


def multi_task_loss(
    classification_loss: Tensor, regression_loss: Tensor, alpha: float
) -> Tensor:
    """Return alpha * classification_loss + (1 - alpha) * regression_loss.

    Args:
        classification_loss, regression_loss: any shape, usually (), float; both the same.
        alpha: in [0, 1]; 1 trains the classes alone, 0 the boxes alone.

    Returns:
        The same shape: float64 where an argument is, else float32. A task of weight 0 is left out
        whatever its loss: not even NaN gets through, nor a gradient.

    Gradient:
        Flows to both arguments.

    Raises:
        TypeError: a loss is not a tensor, or `alpha` not a number.
        ValueError: shapes, dtypes or devices do not fit; `alpha` outside [0, 1].
    """
    check_pair(
        "multi_task_loss", "none",
        classification_loss=classification_loss, regression_loss=regression_loss,
    )
    check.unit_interval("multi_task_loss", alpha=alpha)
    return multi_task_loss_vectorized(classification_loss, regression_loss, alpha)


def multi_task_loss_loop(
    classification_loss: Tensor, regression_loss: Tensor, alpha: float
) -> Tensor:
    classes, boxes = widened(classification_loss, regression_loss)
    pairs = zip(classes.flatten(), boxes.flatten(), strict=True)
    return gathered([_mixed(s, r, alpha) for s, r in pairs], classes + boxes)


def multi_task_loss_vectorized(
    classification_loss: Tensor, regression_loss: Tensor, alpha: float
) -> Tensor:
    classes, boxes = widened(classification_loss, regression_loss)
    return _mixed(classes, boxes, alpha)


def _mixed(s: Tensor, r: Tensor, alpha: float) -> Tensor:
    if alpha in (0, 1):
        return s.clone() if alpha == 1 else r.clone()
    return alpha * s + (1 - alpha) * r


IMPLEMENTATIONS = {"loop": multi_task_loss_loop, "vectorized": multi_task_loss_vectorized}
