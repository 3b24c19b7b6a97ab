"""CornerNet's pull and push: numbers that say which two corners belong to one object.

    pull   mean over objects of (t - e)^2 + (b - e)^2, e = (t + b) / 2: both corners alike
    push   mean over pairs of objects of max(0, margin - |e - e'|): different objects apart

A corner has no features of its object's inside, so the network also gives it a number, the
embedding: t at the top-left corner, b at the bottom-right one. Which numbers does not matter, only
who is near whom. Without push, one number for all would be perfect. Law and Deng, 2018; the idea:
Newell et al., 2017 (associative embedding). One image a call: other images' objects never meet.

    pull_loss_loop, push_loss_loop               the definition
    pull_loss_vectorized, push_loss_vectorized   all at once
"""

import torch
from torch import Tensor

from edudet import check
from edudet.losses.reduction import check_pair, gathered, reduce_loss, widened


def pull_loss(top_left: Tensor, bottom_right: Tensor, reduction: str = "mean") -> Tensor:
    """Return how far the two corners of each object are apart.

    Args:
        top_left, bottom_right: (N,) float; the embeddings at the corners of object i.
        reduction: "mean" (the paper), "none" or "sum".

    Returns:
        (N,) for "none", else (): float64 where an argument is, else float32. No objects: 0.

    Gradient:
        Flows to both arguments.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; an unknown reduction.
    """
    _check("pull_loss", top_left, bottom_right, reduction)
    return pull_loss_vectorized(top_left, bottom_right, reduction)


def push_loss(
    top_left: Tensor, bottom_right: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Return how much too near the embeddings of different objects are.

    Args:
        top_left, bottom_right: see `pull_loss`.
        margin: the distance from which on a pair costs nothing, and gets no gradient.
        reduction: "mean" over the N (N - 1) ordered pairs (the paper), "none" or "sum".

    Returns:
        (N, N) for "none", 0 on the diagonal; else (). Fewer than two objects: 0.

    Gradient:
        Flows to both arguments. Equal embeddings get 0: no side is the better one.

    Raises:
        TypeError, ValueError: as `pull_loss`; also for a negative `margin`.
    """
    _check("push_loss", top_left, bottom_right, reduction)
    check.not_negative("push_loss", margin=margin)
    return push_loss_vectorized(top_left, bottom_right, margin, reduction)


def _check(function: str, top_left: Tensor, bottom_right: Tensor, reduction: str) -> None:
    check_pair(function, reduction, top_left=top_left, bottom_right=bottom_right)
    if top_left.ndim != 1:
        raise ValueError(f"{function}: top_left must have shape (N,), got {tuple(top_left.shape)}")


def pull_loss_loop(top_left: Tensor, bottom_right: Tensor, reduction: str = "mean") -> Tensor:
    top_left, bottom_right = widened(top_left, bottom_right)
    losses = []
    for t, b in zip(top_left, bottom_right, strict=True):
        centre = (t + b) / 2
        losses.append((t - centre) ** 2 + (b - centre) ** 2)
    return reduce_loss(gathered(losses, top_left + bottom_right), reduction)


def pull_loss_vectorized(
    top_left: Tensor, bottom_right: Tensor, reduction: str = "mean"
) -> Tensor:
    top_left, bottom_right = widened(top_left, bottom_right)
    centre = (top_left + bottom_right) / 2
    return reduce_loss((top_left - centre) ** 2 + (bottom_right - centre) ** 2, reduction)


def push_loss_loop(
    top_left: Tensor, bottom_right: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    top_left, bottom_right = widened(top_left, bottom_right)
    centres = (top_left + bottom_right) / 2
    n = len(centres)
    losses = []
    for i in range(n):
        for j in range(n):
            distance = abs(centres[i] - centres[j])
            near = i != j and distance < margin
            losses.append(margin - distance if near else 0 * distance)
    return _over_pairs(gathered(losses, centres[:, None] + centres), reduction)


def push_loss_vectorized(
    top_left: Tensor, bottom_right: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    top_left, bottom_right = widened(top_left, bottom_right)
    centres = (top_left + bottom_right) / 2
    distances = (centres[:, None] - centres).abs()                      # (N, N)
    itself = torch.eye(len(centres), dtype=torch.bool, device=centres.device)
    losses = (margin - distances).relu().masked_fill(itself, 0)
    return _over_pairs(losses, reduction)


def _over_pairs(losses: Tensor, reduction: str) -> Tensor:
    """An object makes no pair with itself: the mean is over N (N - 1), not N^2."""
    if reduction == "mean":
        return losses.sum() / max(len(losses) * (len(losses) - 1), 1)
    return reduce_loss(losses, reduction)


IMPLEMENTATIONS = {"loop": pull_loss_loop, "vectorized": pull_loss_vectorized}
IMPLEMENTATIONS_OF_PUSH_LOSS = {"loop": push_loss_loop, "vectorized": push_loss_vectorized}
