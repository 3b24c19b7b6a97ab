"""From one loss per element to one number: what every loss of this folder does at its end.

    "none"   the losses as they are
    "sum"    their sum: 0 for no losses
    "mean"   the sum divided by how many there are: 0 for no losses

torch answers NaN for the mean of nothing, and one image without objects then spoils the weights for
good: NaN plus anything is NaN. Here such an image weighs nothing.

Below `reduce_loss` stand the checks and the widening that all losses share.
"""

from functools import reduce

from torch import Tensor, finfo, promote_types, stack
from torch.nn.functional import threshold

from edudet import check
from edudet.dtypes import widen

REDUCTIONS = ("none", "mean", "sum")


def reduce_loss(losses: Tensor, reduction: str = "mean") -> Tensor:
    """Return `losses` itself, or its mean or sum.

    Args:
        losses: any shape, float.
        reduction: "none", "mean" or "sum".

    Returns:
        For "none" the same tensor, else (): float64 where `losses` is, else float32.

    Gradient:
        Flows to `losses`.

    Raises:
        TypeError: `losses` is not a tensor.
        ValueError: `losses` is not float; an unknown reduction.
    """
    check.is_tensor("reduce_loss", losses=losses)
    check.dtype("reduce_loss", check.FLOATS, losses=losses)
    check_reduction("reduce_loss", reduction)
    if reduction == "none":
        return losses
    (losses,) = widened(losses)
    total = losses.sum()
    return total if reduction == "sum" else total / max(losses.numel(), 1)


def check_reduction(
    function: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS
) -> None:
    if reduction not in allowed:
        raise ValueError(
            f"{function}: reduction must be one of {', '.join(allowed)}, got {reduction!r}"
        )


def check_pair(function: str, reduction: str, **named: Tensor) -> None:
    """What every loss demands: floats of equal shape on one device, and a known reduction.

    Shapes do not broadcast: (N,) beside (N, 1) would silently become N x N losses.
    """
    check.is_tensor(function, **named)
    check.dtype(function, check.FLOATS, **named)
    check.same_device(function, **named)
    check.same_shape(function, **named)
    check_reduction(function, reduction)


def widened(*tensors: Tensor) -> list[Tensor]:
    """Widened, and to one dtype: a sum of losses soon exceeds what float16 can hold."""
    wide = [widen(tensor) for tensor in tensors]
    dtype = reduce(promote_types, (tensor.dtype for tensor in wide))
    return [tensor.to(dtype) for tensor in wide]


def gathered(losses: list[Tensor], like: Tensor) -> Tensor:
    """The losses that a loop has collected, in the shape of `like`, whose graph no losses join."""
    return stack(losses).reshape(like.shape) if losses else 0 * like


def safe_power(base: Tensor, exponent: float) -> Tensor:
    """base^exponent for base in [0, 1]: the slope at 0, infinite for exponents below 1, becomes 0,
    since infinity times the zero slope of a saturated sigmoid is NaN."""
    tiny = finfo(base.dtype).tiny
    return threshold(base, tiny, tiny) ** exponent  # tiny where base is not above it
