"""The focal loss of heatmaps, whose targets y are Gaussians around peaks.

    at a peak (y = 1)   -(1 - p)^alpha log p
    elsewhere           -(1 - y)^beta p^alpha log(1 - p)

A corner one pixel off still makes a good box: (1 - y)^beta forgives high answers near a peak, where
y is close to 1. It is written for CornerNet (Law and Deng, 2018), and CenterNet took it over.

    heatmap_focal_loss_loop         cell by cell: the definition
    heatmap_focal_loss_vectorized   all at once
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from edudet import check
from edudet.losses.focal import log_sigmoid
from edudet.losses.reduction import (
    REDUCTIONS,
    check_pair,
    check_reduction,
    gathered,
    reduce_loss,
    safe_power,
    widened,
)


def heatmap_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 2, beta: float = 4,
    reduction: str = "positives",
) -> Tensor:
    """Return CornerNet's focal loss of heatmaps whose targets are Gaussians around the peaks.

    Args:
        inputs: any shape, float; logits.
        targets: the same shape, in [0, 1]; exactly 1 at a peak and only there.
        alpha: gamma of the other focal losses. beta: how much is forgiven near a peak.
        reduction: "positives" (the paper: the sum over the number of peaks, over 1 if there is
            none), "none", "mean" or "sum".

    Returns:
        The shape of `inputs` for "none", else (); dtypes and empty input as `sigmoid_focal_loss`.

    Gradient:
        Flows to `inputs`.

    Raises:
        TypeError, ValueError: as there.
    """
    name = "heatmap_focal_loss"
    check_reduction(name, reduction, ("positives", *REDUCTIONS))
    check_pair(name, "none", inputs=inputs, targets=targets)
    check.not_negative(name, alpha=alpha, beta=beta)
    return heatmap_focal_loss_vectorized(inputs, targets, alpha, beta, reduction)


def heatmap_focal_loss_loop(
    inputs: Tensor, targets: Tensor, alpha: float = 2, beta: float = 4,
    reduction: str = "positives",
) -> Tensor:
    inputs, targets = widened(inputs, targets)
    losses = []
    peaks = 0
    for z, y in zip(inputs.flatten(), targets.flatten().tolist(), strict=True):
        if y == 1:
            peaks += 1
            losses.append(-safe_power(torch.sigmoid(-z), alpha) * log_sigmoid(z))
        else:
            forgiving = (1 - y) ** beta
            losses.append(-forgiving * safe_power(torch.sigmoid(z), alpha) * log_sigmoid(-z))
    if reduction == "positives":
        return gathered(losses, inputs).sum() / max(peaks, 1)
    return reduce_loss(gathered(losses, inputs), reduction)


def heatmap_focal_loss_vectorized(
    inputs: Tensor, targets: Tensor, alpha: float = 2, beta: float = 4,
    reduction: str = "positives",
) -> Tensor:
    inputs, targets = widened(inputs, targets.detach())
    peak = targets == 1
    right = torch.where(peak, inputs, -inputs)  # its sigmoid: the probability of the right answer
    losses = -safe_power(torch.sigmoid(-right), alpha) * logsigmoid(right)
    losses = torch.where(peak, losses, (1 - targets) ** beta * losses)
    if reduction == "positives":
        return losses.sum() / peak.sum().clamp(min=1)
    return reduce_loss(losses, reduction)


IMPLEMENTATIONS = {"loop": heatmap_focal_loss_loop, "vectorized": heatmap_focal_loss_vectorized}
