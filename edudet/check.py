"""Argument checks, worded once: `<function>: <argument> must <rule>, got <value>`.

Structure (type, shape, dtype, device) is checked on every call. Values (NaN, inverted boxes) are
found by the CPU kernels in their first pass over the data; the plain Python forms look with
`box_values`, where a look is possible and costs no synchronisation.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def is_tensor(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}: {name} must be a Tensor, got {type(value).__name__}")


def dtype(function: str, allowed: tuple[torch.dtype, ...], **named: Tensor) -> None:
    for name, tensor in named.items():
        if tensor.dtype not in allowed:
            words = [str(dtype).removeprefix("torch.") for dtype in allowed]
            raise ValueError(
                f"{function}: {name} must have dtype {', '.join(words[:-1])} or {words[-1]}, "
                f"got {str(tensor.dtype).removeprefix('torch.')}"
            )


def same_dtype(function: str, **named: Tensor) -> None:
    (first_name, first), *others = named.items()
    for name, tensor in others:
        if tensor.dtype != first.dtype:
            raise ValueError(
                f"{function}: {name} must have the dtype of {first_name}, {first.dtype}, "
                f"got {tensor.dtype}"
            )


def same_device(function: str, **named: Tensor) -> None:
    (first_name, first), *others = named.items()
    for name, tensor in others:
        if tensor.device != first.device:
            raise ValueError(
                f"{function}: {name} must be on the device of {first_name}, {first.device}, "
                f"got {tensor.device}"
            )


def boxes(function: str, **named: Tensor) -> None:
    """Every argument must be a tensor of shape (N, 4)."""
    is_tensor(function, **named)
    for name, tensor in named.items():
        if tensor.ndim != 2 or tensor.shape[1] != 4:
            raise ValueError(
                f"{function}: {name} must have shape (N, 4), got {tuple(tensor.shape)}"
            )


def unit_interval(function: str, **named: float) -> None:
    for name, value in named.items():
        if not isinstance(value, (int, float, Tensor)):
            raise TypeError(f"{function}: {name} must be a number, got {type(value).__name__}")
        if not 0 <= value <= 1:
            raise ValueError(f"{function}: {name} must lie in [0, 1], got {value}")


def finite(function: str, **named: Tensor) -> None:
    """Every number of the (N,) arguments must be finite."""
    for name, tensor in named.items():
        for i in (~tensor.isfinite()).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{function}: {name}[{i}] must be finite, got {tensor[i].item():g}")


def scores_and_labels(function: str, scores: Any, labels: Any) -> None:
    """(N,) numbers without NaN, and (N,) answers: bool, or the integers 0 and 1."""
    is_tensor(function, scores=scores, labels=labels)
    dtype(function, FLOATS, scores=scores)
    dtype(function, (torch.bool, *INTEGERS), labels=labels)
    if scores.ndim != 1:
        raise ValueError(f"{function}: scores must have shape (N,), got {tuple(scores.shape)}")
    if labels.shape != scores.shape:
        raise ValueError(
            f"{function}: labels must have the shape of scores, {tuple(scores.shape)}, "
            f"got {tuple(labels.shape)}"
        )
    same_device(function, scores=scores, labels=labels)
    for i in scores.isnan().nonzero().flatten().tolist()[:1]:
        raise ValueError(f"{function}: scores[{i}] must be a number, got nan")
    for i in ((labels != 0) & (labels != 1)).nonzero().flatten().tolist()[:1]:
        raise ValueError(f"{function}: labels[{i}] must be 0 or 1, got {labels[i].item()}")


def is_int(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, (int, torch.SymInt)) or isinstance(value, bool):
            raise TypeError(f"{function}: {name} must be an int, got {value!r}")


def is_bool(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, bool):
            raise TypeError(f"{function}: {name} must be a bool, got {value!r}")


def positive(function: str, **named: Any) -> None:
    """Every argument must be a finite number above 0."""
    for name, value in named.items():
        if not isinstance(value, (int, float, torch.SymInt, torch.SymFloat)):
            raise TypeError(f"{function}: {name} must be a number, got {type(value).__name__}")
        if not 0 < value < math.inf:
            raise ValueError(f"{function}: {name} must be positive and finite, got {value}")


def size(function: str, **named: Any) -> None:
    """Every argument must be a size: an int or a pair (height, width), 1 at least."""
    for name, value in named.items():
        pair = value if isinstance(value, (tuple, list)) else (value, value)
        if len(pair) != 2 or not all(
            isinstance(side, (int, torch.SymInt)) and not isinstance(side, bool) for side in pair
        ):
            raise TypeError(
                f"{function}: {name} must be an int or a pair (height, width), got {value!r}"
            )
        if pair[0] < 1 or pair[1] < 1:
            raise ValueError(f"{function}: {name} must be at least 1, got {value}")


def can_look(*tensors: Tensor) -> bool:
    """Whether the numbers in `tensors` exist already and can be read without waiting for a GPU."""
    return not torch.compiler.is_compiling() and all(
        type(tensor) in (Tensor, torch.nn.Parameter)
        and tensor.device.type == "cpu"
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        for tensor in tensors
    )


def valid_boxes(boxes: Tensor) -> Tensor:
    """(..., 4) -> (...) bool: finite, not inverted, and of an area that the dtype can hold."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return (sides >= 0).all(-1) & sides.prod(-1).isfinite() & boxes.isfinite().all(-1)


def box_values(function: str, **named: Tensor) -> None:
    """Every box of the (..., 4) arguments must be finite and not inverted. In words of the kernels:
    csrc/bind/boxes.h."""
    for name, boxes in named.items():
        boxes = boxes.detach()
        bad = (~valid_boxes(boxes)).nonzero()
        if len(bad) == 0:
            continue
        index = bad[0].tolist()
        box = boxes[tuple(index)]
        question = ""
        if not box.isfinite().all():
            rule = "be finite"
        elif (box[2:] < box[:2]).any():
            rule, question = "have x1 <= x2 and y1 <= y2", ": is this one (x, y, w, h)?"
        else:
            rule = "have an area that its dtype can hold"
        place = ", ".join(map(str, index))
        numbers = ", ".join(f"{value:g}" for value in box.tolist())
        raise ValueError(f"{function}: {name}[{place}] must {rule}, got [{numbers}]{question}")


def requires_grad(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def has_tangent(*tensors: Tensor) -> bool:
    """Whether forward-mode differentiation passes through: torch asks a kernel without a rule for
    none, and answers with a derivative of zero."""
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return False
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors)


def under_autocast(tensor: Tensor) -> bool:
    device = tensor.device.type
    return device in ("cpu", "cuda") and torch.is_autocast_enabled(device)


def autocast_to_float32(*tensors: Tensor) -> list[Tensor]:
    """What autocast does for an operator that wants precision: 16-bit numbers become float32."""
    return [t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for t in tensors]
