"""Dice loss: 1 - 2 |A and B| / (|A| + |B|), with probabilities in place of a yes or no.

    loss = 1 - (2 sum(p y) + eps) / (sum(p) + sum(y) + eps)

Cross-entropy counts pixels, so a small object hardly counts; Dice compares areas, and background
that is found right never enters. It is 1 - F1 of the pixels (`edudet.metrics.segmentation`). The
coefficient: Dice, 1945. As a loss: Milletari et al., 2016 (V-Net, with squares below the bar); this
form is DETR's for its masks.

    dice_loss_loop         mask by mask, pixel by pixel: the definition
    dice_loss_vectorized   all at once
"""

import torch
from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, reduce_loss, widened


def dice_loss(
    inputs: Tensor, targets: Tensor, eps: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Return the Dice loss of each mask.

    Args:
        inputs: (N, ...) float; logits of N masks.
        targets: the same shape, float; 1 inside and 0 outside (between: partly inside).
        eps: added above and below the fraction bar, so that small masks do not jump. For 0, no
            pixels against no pixels is 0 / 0: there is nothing to find, and the loss is 0.
        reduction: "mean", "none" or "sum", over masks.

    Returns:
        (N,) for "none", else (): float64 where an argument is, else float32. In [0, 1]; the mean
        of no masks is 0.

    Gradient:
        Flows to both arguments.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; `eps` negative; an unknown reduction.
    """
    check_pair("dice_loss", reduction, inputs=inputs, targets=targets)
    if inputs.ndim < 2:
        raise ValueError(f"dice_loss: inputs must have shape (N, ...), got {tuple(inputs.shape)}")
    check.not_negative("dice_loss", eps=eps)
    return dice_loss_vectorized(inputs, targets, eps, reduction)


def dice_loss_loop(
    inputs: Tensor, targets: Tensor, eps: float = 1.0, reduction: str = "mean"
) -> Tensor:
    inputs, targets = widened(inputs, targets)
    losses = []
    for mask, target in zip(inputs, targets, strict=True):
        both = total = mask.flatten()[:0].sum()  # 0, in the graph: a mask may have no pixels
        for z, y in zip(mask.flatten(), target.flatten(), strict=True):
            p = torch.sigmoid(z)
            both = both + p * y
            total = total + p + y
        empty = total + eps == 0
        losses.append(0 * total if empty else 1 - (2 * both + eps) / (total + eps))
    return reduce_loss(gathered(losses, inputs.flatten(1).sum(1)), reduction)


def dice_loss_vectorized(
    inputs: Tensor, targets: Tensor, eps: float = 1.0, reduction: str = "mean"
) -> Tensor:
    inputs, targets = widened(inputs, targets)
    p, y = torch.sigmoid(inputs).flatten(1), targets.flatten(1)         # (N, pixels)
    above, below = 2 * (p * y).sum(1) + eps, p.sum(1) + y.sum(1) + eps
    empty = below == 0
    # 0 / 0 counts as 1; the fill comes before the division, or the gradient would be NaN.
    dice = above.masked_fill(empty, 1) / below.masked_fill(empty, 1)
    return reduce_loss(1 - dice, reduction)


IMPLEMENTATIONS = {"loop": dice_loss_loop, "vectorized": dice_loss_vectorized}
