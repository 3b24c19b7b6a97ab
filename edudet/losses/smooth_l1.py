"""Smooth L1: a parabola near 0, a straight line further out.

    d = |input - target|         loss = d^2 / (2 beta)   where d < beta
                                        d - beta / 2     elsewhere

The two pieces meet with equal value and equal slope. Far off, the slope stays 1, so that one wild
box does not outweigh all others, as with squares; near 0 it fades, so that steps become small.
Fast R-CNN (Girshick, 2015) has beta = 1; Faster R-CNN's code, for normalised boxes, 1 / 9.

    smooth_l1_loss_loop         element by element: the definition
    smooth_l1_loss_vectorized   all at once
"""

from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, reduce_loss, widened


def smooth_l1_loss(
    input: Tensor, target: Tensor, beta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Return the smooth L1 loss, as torch.nn.functional.smooth_l1_loss.

    Args:
        input: any shape, float.
        target: the same shape (nothing broadcasts) and device.
        beta: where the parabola ends; 0 makes it plain L1.
        reduction: "none", "mean" or "sum".

    Returns:
        The shape of `input` for "none", else (): float64 where an argument is, else float32. The
        mean of nothing is 0 (in torch NaN).

    Gradient:
        Flows to both arguments: (input - target) / beta, cut off at -1 and 1; 0 where they agree.

    Raises:
        TypeError: an argument is not a tensor, or `beta` not a number.
        ValueError: shapes, dtypes or devices do not fit; a negative `beta`; an unknown reduction.
    """
    check_pair("smooth_l1_loss", reduction, input=input, target=target)
    check.not_negative("smooth_l1_loss", beta=beta)
    return smooth_l1_loss_vectorized(input, target, beta, reduction)


def smooth_l1_loss_loop(
    input: Tensor, target: Tensor, beta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    input, target = widened(input, target)
    losses = []
    for a, b in zip(input.flatten(), target.flatten(), strict=True):
        distance = abs(a - b)
        if distance < beta:
            losses.append(distance**2 / (2 * beta))
        else:
            losses.append(distance - beta / 2)
    return reduce_loss(gathered(losses, input - target), reduction)


def smooth_l1_loss_vectorized(
    input: Tensor, target: Tensor, beta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    input, target = widened(input, target)
    distance = (input - target).abs()
    if beta == 0:
        return reduce_loss(distance, reduction)
    # Both pieces in one product: near = distance gives the parabola, near = beta the line.
    near = distance.clamp(max=beta)  # where the pieces meet, its slope does not matter
    return reduce_loss(near * (distance - near / 2) / beta, reduction)


IMPLEMENTATIONS = {"loop": smooth_l1_loss_loop, "vectorized": smooth_l1_loss_vectorized}
