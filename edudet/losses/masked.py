"""A loss in which only some entries count: the sum of M_i L(prediction_i, target_i).

An anchor on background has no true box: its four numbers in the target are not 0 but undefined. So
the mask is 0 there, and undefined (often NaN) times 0 must be 0: numbers are left out before the
loss sees them, since 0 * NaN is NaN, in the loss and in the gradient.

    masked_loss_loop         entry by entry: the definition
    masked_loss_vectorized   all at once
"""

from collections.abc import Callable

import torch
from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, reduce_loss, widened
from edudet.losses.smooth_l1 import smooth_l1_loss


def smooth_l1_each(input: Tensor, target: Tensor) -> Tensor:
    return smooth_l1_loss(input, target, reduction="none")


def masked_loss(
    input: Tensor, target: Tensor, mask: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = smooth_l1_each, reduction: str = "sum",
) -> Tensor:
    """Return the sum of mask * loss(input, target), whatever stands where the mask is 0.

    Args:
        input, target: any shape, float; the same.
        mask: that shape, bool or float: 0 is left out, another number is a weight.
        loss: (input, target) -> a loss for each element; smooth L1 by default.
        reduction: "sum", "none" or "mean" (over the sum of the mask).

    Returns:
        The shape of `input` for "none", else (): float64 where an argument is, else float32. 0 if
        nothing counts.

    Gradient:
        Flows to `input` and `target`, exactly 0 where the mask is.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; an unknown reduction.
    """
    check_pair("masked_loss", reduction, input=input, target=target)
    check.is_tensor("masked_loss", mask=mask)
    check.dtype("masked_loss", (*check.FLOATS, torch.bool), mask=mask)
    check.same_shape("masked_loss", input=input, mask=mask)
    check.same_device("masked_loss", input=input, mask=mask)
    return masked_loss_vectorized(input, target, mask, loss, reduction)


def masked_loss_loop(
    input: Tensor, target: Tensor, mask: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = smooth_l1_each, reduction: str = "sum",
) -> Tensor:
    input, target = widened(input, target)
    losses = []
    for y_hat, y, m in zip(input.flatten(), target.flatten(), mask.flatten(), strict=True):
        # Not 0 * y_hat: that is NaN for infinity.
        losses.append(m * loss(y_hat, y) if m != 0 else torch.where(m != 0, y_hat, 0))
    return _over_mask(gathered(losses, input + target), mask, reduction)


def masked_loss_vectorized(
    input: Tensor, target: Tensor, mask: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = smooth_l1_each, reduction: str = "sum",
) -> Tensor:
    input, target = widened(input, target)
    counts = mask != 0
    input, target = torch.where(counts, input, 0), torch.where(counts, target, 0)
    return _over_mask(torch.where(counts, mask * loss(input, target), 0), mask, reduction)


def _over_mask(losses: Tensor, mask: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        weight = mask.to(losses.dtype).sum()
        return losses.sum() / torch.where(weight == 0, 1, weight)
    return reduce_loss(losses, reduction)


IMPLEMENTATIONS = {"loop": masked_loss_loop, "vectorized": masked_loss_vectorized}
