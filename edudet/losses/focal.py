"""Focal losses: cross-entropy that looks away from what is easy.

    sigmoid_focal_loss   -alpha_t (1 - p_t)^gamma log p_t, one yes or no per anchor and class
    softmax_focal_loss   -alpha_y (1 - p_y)^gamma log p_y, one of C classes

p_t is the probability given to the right answer. Why they are needed: a dense detector sees about
10 000 negatives for 10 positives. At p_t = .9 each easy negative costs .105 and at p_t = .1 each
hard positive 2.303 in cross-entropy: together the easy ones outweigh the hard ones 46 to 1. And
the gradient of cross-entropy by the *logits* z is p - onehot(y) (by p itself it is -1 / p_y; slides
like to confuse the two), so that every negative pulls with its p, however right it already is;
their sum drives the network to "always negative". With (1 - p_t)^2 the sums are .57 to 1.

Lin et al., 2017 (RetinaNet). Both take logits: log(sigmoid(z)) computed in two steps is log(0) at
z = -200. Each has two forms:
    _loop         element by element: the definition
    _vectorized   all at once
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from edudet import check
from edudet.losses.reduction import (
    check_pair,
    check_reduction,
    gathered,
    reduce_loss,
    safe_power,
    widened,
)


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    """Return the focal loss of independent yes-or-no answers, as torchvision's function.

    Args:
        inputs: any shape, float; logits.
        targets: the same shape; 1 for yes, 0 for no (between: p_t and alpha_t are mixed).
        alpha: the weight of a yes; a no weighs 1 - alpha. -1 leaves both at 1.
        gamma: how far easy examples are turned down; 0 gives cross-entropy.
        reduction: "none", "mean" or "sum". RetinaNet takes the sum over the number of positives.

    Returns:
        The shape of `inputs` for "none", else (): float64 where an argument is, else float32.
        Finite for logits of any size; the mean of nothing is 0.

    Gradient:
        Flows to both arguments. By a logit, gamma = 0, alpha = -1: sigmoid(inputs) - targets.

    Raises:
        TypeError: an argument is not a tensor, or `alpha` or `gamma` not a number.
        ValueError: shapes, dtypes or devices do not fit; `alpha` outside [0, 1] and not -1;
            `gamma` negative; an unknown reduction.
    """
    check_pair("sigmoid_focal_loss", reduction, inputs=inputs, targets=targets)
    if alpha != -1:
        check.unit_interval("sigmoid_focal_loss", alpha=alpha)
    check.not_negative("sigmoid_focal_loss", gamma=gamma)
    return sigmoid_focal_loss_vectorized(inputs, targets, alpha, gamma, reduction)


def sigmoid_focal_loss_loop(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    inputs, targets = widened(inputs, targets)
    losses = []
    for z, y in zip(inputs.flatten(), targets.flatten(), strict=True):
        cross_entropy = -y * log_sigmoid(z) - (1 - y) * log_sigmoid(-z)
        wrong = y * torch.sigmoid(-z) + (1 - y) * torch.sigmoid(z)  # 1 - p_t, without cancelling
        alpha_t = 1 if alpha == -1 else alpha * y + (1 - alpha) * (1 - y)
        losses.append(alpha_t * safe_power(wrong, gamma) * cross_entropy)
    return reduce_loss(gathered(losses, inputs + targets), reduction)


def log_sigmoid(z: Tensor) -> Tensor:
    """log(1 / (1 + e^-z)), with an exponent that is never positive: e^1000 is infinite."""
    return -torch.log1p(torch.exp(-z)) if z >= 0 else z - torch.log1p(torch.exp(z))


def sigmoid_focal_loss_vectorized(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    inputs, targets = widened(inputs, targets)
    cross_entropy = binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    wrong = torch.lerp(torch.sigmoid(inputs), torch.sigmoid(-inputs), targets)  # 1 - p_t
    losses = safe_power(wrong, gamma) * cross_entropy
    if alpha != -1:
        losses = losses * ((2 * alpha - 1) * targets + (1 - alpha))
    return reduce_loss(losses, reduction)


def focal_prior_bias(pi: float = 0.01) -> float:
    """Return the bias of the last layer with which a new network answers yes with probability `pi`.

    It is -log((1 - pi) / pi). Without it, every anchor starts at 1/2, and the loss of 100 000
    negatives shakes the first steps.
    """
    check.unit_interval("focal_prior_bias", pi=pi)
    if pi in (0, 1):
        raise ValueError(f"focal_prior_bias: pi must lie between 0 and 1, got {pi}")
    return -math.log((1 - pi) / pi)


def softmax_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: Tensor | None = None, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    """Return the focal loss of choosing one class of C; cross-entropy for gamma = 0.

    Args:
        inputs: (N, C) float; logits.
        targets: (N,) int64; the right class, 0 to C - 1.
        alpha: (C,) weights of the classes, or None for 1. "mean" divides by N, not by the weights.
        gamma, reduction: see `sigmoid_focal_loss`.

    Returns:
        (N,) for "none", else (); dtypes and empty input as there.

    Gradient:
        Flows to `inputs`. For gamma = 0 it is softmax(inputs) - onehot(targets): the famous
        difference is the gradient by the logits, not by the probabilities.

    Raises:
        TypeError, ValueError: as there; also for a class outside 0 to C - 1 (on CUDA, torch's own).
    """
    name = "softmax_focal_loss"
    check.is_tensor(name, inputs=inputs, targets=targets)
    check.dtype(name, check.FLOATS, inputs=inputs)
    if inputs.ndim != 2:
        raise ValueError(f"{name}: inputs must have shape (N, C), got {tuple(inputs.shape)}")
    check_class_labels(name, inputs, targets=targets)
    if alpha is not None:
        check.is_tensor(name, alpha=alpha)
        check.same_device(name, inputs=inputs, alpha=alpha)
        if alpha.shape != inputs.shape[1:]:
            shape = tuple(alpha.shape)
            raise ValueError(f"{name}: alpha must have shape ({inputs.shape[1]},), got {shape}")
    check.not_negative(name, gamma=gamma)
    check_reduction(name, reduction)
    return softmax_focal_loss_vectorized(inputs, targets, alpha, gamma, reduction)


def check_class_labels(function: str, logits: Tensor, **named: Tensor) -> None:
    """Every argument must be (N,) int64 labels for the (N, C) logits."""
    for name, labels in named.items():
        if labels.dtype != torch.int64 or labels.shape != logits.shape[:1]:
            raise ValueError(
                f"{function}: {name} must be int64 of shape ({len(logits)},), "
                f"got {str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)}"
            )
        check.same_device(function, logits=logits, **{name: labels})
        if check.can_look(labels):
            bad = ((labels < 0) | (labels >= logits.shape[1])).nonzero().flatten().tolist()
            for i in bad[:1]:
                last = logits.shape[1] - 1
                raise ValueError(
                    f"{function}: {name}[{i}] must lie in 0 to {last}, got {labels[i].item()}"
                )


def softmax_focal_loss_loop(
    inputs: Tensor, targets: Tensor, alpha: Tensor | None = None, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    (inputs,) = widened(inputs)
    losses = []
    for z, y in zip(inputs, targets.tolist(), strict=True):
        shifted = z - max(z.detach())  # the largest exponent is 0: nothing overflows
        log_sum = torch.log(torch.exp(shifted).sum())
        log_p = shifted[y] - log_sum
        weight = 1 if alpha is None else alpha[y].to(z.dtype)
        # 1 - e^x without cancelling where x is near 0, that is, where p is near 1.
        losses.append(-weight * safe_power(-torch.expm1(log_p), gamma) * log_p)
    return reduce_loss(gathered(losses, inputs.sum(1)), reduction)


def softmax_focal_loss_vectorized(
    inputs: Tensor, targets: Tensor, alpha: Tensor | None = None, gamma: float = 2,
    reduction: str = "none",
) -> Tensor:
    (inputs,) = widened(inputs)
    log_p = inputs.log_softmax(1).gather(1, targets[:, None])[:, 0]     # (N,)
    losses = safe_power(-torch.expm1(log_p), gamma) * -log_p
    if alpha is not None:
        losses = losses * alpha.to(losses.dtype)[targets]
    return reduce_loss(losses, reduction)


IMPLEMENTATIONS = {"loop": sigmoid_focal_loss_loop, "vectorized": sigmoid_focal_loss_vectorized}
IMPLEMENTATIONS_OF_SOFTMAX_FOCAL_LOSS = {
    "loop": softmax_focal_loss_loop,
    "vectorized": softmax_focal_loss_vectorized,
}
