"""Argument checks, worded once: `<function>: <argument> must <rule>, got <value>`.

Structure (type, shape, dtype, device) is checked on every call. Values (NaN, inverted boxes) are
found by the CPU kernels in their first pass over the data; the plain Python forms look with
`box_values`, where a look is possible and costs no synchronisation.
"""

import math
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
NUMBERS = (int, float, np.integer, np.floating, torch.SymInt, torch.SymFloat)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def is_tensor(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}: {name} must be a Tensor, got {type(value).__name__}")


def dtype(function: str, allowed: tuple[torch.dtype, ...], **named: Tensor) -> None:
    for name, tensor in named.items():
        if tensor.dtype not in allowed:
            words = [str(dtype).removeprefix("torch.") for dtype in allowed]
            listed = f"{', '.join(words[:-1])} or {words[-1]}" if words[1:] else words[0]
            raise ValueError(
                f"{function}: {name} must have dtype {listed}, "
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


def same_shape(function: str, **named: Tensor) -> None:
    (first_name, first), *others = named.items()
    for name, tensor in others:
        if tensor.shape != first.shape:
            raise ValueError(
                f"{function}: {name} must have the shape of {first_name}, {tuple(first.shape)}, "
                f"got {tuple(tensor.shape)}"
            )


def boxes(function: str, **named: Tensor) -> None:
    """Every argument must be a tensor of shape (N, 4)."""
    is_tensor(function, **named)
    for name, tensor in named.items():
        if tensor.ndim != 2 or tensor.shape[1] != 4:
            raise ValueError(
                f"{function}: {name} must have shape (N, 4), got {tuple(tensor.shape)}"
            )


def ends_in_4(function: str, **named: Tensor) -> None:
    """Every argument must be a tensor of shape (..., 4)."""
    is_tensor(function, **named)
    for name, tensor in named.items():
        if tensor.ndim == 0 or tensor.shape[-1] != 4:
            raise ValueError(
                f"{function}: {name} must have shape (..., 4), got {tuple(tensor.shape)}"
            )


def unit_interval(function: str, **named: float) -> None:
    for name, value in named.items():
        if not isinstance(value, Tensor):
            number(function, **{name: value})
        if not 0 <= value <= 1:
            raise ValueError(f"{function}: {name} must lie in [0, 1], got {value}")


def finite(function: str, **named: Tensor) -> None:
    """Every number of the (N,) arguments must be finite."""
    for name, tensor in named.items():
        for i in (~tensor.isfinite()).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{function}: {name}[{i}] must be finite, got {tensor[i].item():g}")


def labels_and_scores(function: str, labels: Any, scores: Any) -> None:
    """(N,) answers, bool or the integers 0 and 1, and (N,) numbers without NaN."""
    is_tensor(function, labels=labels, scores=scores)
    if labels.is_floating_point() and not scores.is_floating_point():
        got = " and ".join(str(one.dtype).removeprefix("torch.") for one in (labels, scores))
        raise ValueError(
            f"{function}: labels must be bool or integers, and scores float, got {got}: is the "
            "truth the first argument?"
        )
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


def shown(value: Any) -> str:
    """A value as a message shows it: of a tensor or an array the shape, not all its numbers."""
    if isinstance(value, (Tensor, np.ndarray)):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    return repr(value)


def is_int(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, (int, torch.SymInt)) or isinstance(value, bool):
            raise TypeError(f"{function}: {name} must be an int, got {shown(value)}")


def is_bool(function: str, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, bool):
            raise TypeError(f"{function}: {name} must be a bool, got {shown(value)}")


def number(function: str, **named: Any) -> None:
    """Every argument must be a number: no bool, which would be 0 or 1, and no tensor."""
    for name, value in named.items():
        if not isinstance(value, NUMBERS) or isinstance(value, bool):
            got = repr(value) if isinstance(value, (bool, str)) else type(value).__name__
            raise TypeError(f"{function}: {name} must be a number, got {got}")


def kernel(function: str, kernel: Any, last: int) -> None:
    """Which of the numbered kernels of a `.cuh` runs; 0 is the best."""
    is_int(function, kernel=kernel)
    if not 0 <= kernel <= last:
        raise ValueError(f"{function}: kernel must be 0 (the best) to {last}, got {kernel}")


def classes(function: str, num_classes: Any) -> None:
    """The background and at least one class."""
    is_int(function, num_classes=num_classes)
    if num_classes < 2:
        raise ValueError(
            f"{function}: num_classes must be at least 2, the background and a class, "
            f"got {num_classes}"
        )


def positive(function: str, **named: Any) -> None:
    """Every argument must be a finite number above 0."""
    number(function, **named)
    for name, value in named.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{function}: {name} must be positive and finite, got {value}")


def not_negative(function: str, **named: Any) -> None:
    """Every argument must be a finite number, 0 at least."""
    number(function, **named)
    for name, value in named.items():
        if not 0 <= value <= sys.float_info.max:
            raise ValueError(f"{function}: {name} must be finite and at least 0, got {value}")


def image(function: str, image: Any, dtypes: tuple[torch.dtype, ...] = (torch.uint8, *FLOATS),
          gray: bool = True) -> Tensor:
    """A photo as people hold it, an array or a tensor, colours last; returned as a tensor."""
    if isinstance(image, np.ndarray):
        if image.dtype.kind not in "biufc" or image.dtype.char in "gG":
            raise TypeError(f"{function}: image must be an array of numbers, got {image.dtype}")
        # torch takes no foreign byte order, no negative strides, and warns of read-only arrays.
        image = torch.from_numpy(np.require(image, image.dtype.newbyteorder("="), ["C", "W"]))
    if not isinstance(image, Tensor):
        got = type(image).__name__
        raise TypeError(f"{function}: image must be an array or a Tensor, got {got}")
    if not ((image.ndim == 3 and image.shape[2] == 3) or (image.ndim == 2 and gray)):
        question = ": is this one (C, H, W)?" if image.ndim == 3 and image.shape[0] == 3 else ""
        raise ValueError(
            f"{function}: image must have shape {'(H, W) or ' if gray else ''}(H, W, 3), got "
            f"{tuple(image.shape)}{question}"
        )
    dtype(function, dtypes, image=image)
    if image.is_floating_point():
        bad = (~(image.detach().abs() <= 1e30)).nonzero()
        if len(bad):
            place = tuple(bad[0].tolist())
            raise ValueError(
                f"{function}: image[{', '.join(map(str, place))}] must be finite and at most "
                f"1e30, got {image[place].item():g}"
            )
    return image


def size(function: str, **named: Any) -> None:
    """Every argument must be a size: an int or a pair (height, width), 1 at least."""
    _whole_numbers(function, 1, named)


def padding(function: str, **named: Any) -> None:
    """Every argument must be an int or a pair (height, width), 0 at least."""
    _whole_numbers(function, 0, named)


def _whole_numbers(function: str, least: int, named: dict[str, Any]) -> None:
    for name, value in named.items():
        sides = value if isinstance(value, (tuple, list)) else (value, value)
        if len(sides) != 2 or not all(
            isinstance(side, (int, torch.SymInt)) and not isinstance(side, bool) for side in sides
        ):
            raise TypeError(
                f"{function}: {name} must be an int or a pair (height, width), "
                f"got {shown(value)}"
            )
        if sides[0] < least or sides[1] < least:
            raise ValueError(f"{function}: {name} must be at least {least}, got {value}")


def pair(size: Any) -> tuple[int, int]:
    """(height, width) of what `size` lets pass."""
    return (size[0], size[1]) if isinstance(size, (tuple, list)) else (size, size)


def maps(function: str, **named: Any) -> None:
    """Every argument must be a batch of maps or one image's, with an element in each."""
    is_tensor(function, **named)
    for name, tensor in named.items():
        if tensor.ndim not in (3, 4) or 0 in tensor.shape[-3:]:
            raise ValueError(
                f"{function}: {name} must have shape (N, C, H, W) or (C, H, W) with C, H, W at "
                f"least 1, got {tuple(tensor.shape)}"
            )


def per_axis(function: str, axes: int, least: int, **named: Any) -> list[int]:
    """Return one int for each axis; the argument must be that, or one int for all."""
    ((name, value),) = named.items()
    numbers = list(value) if isinstance(value, (tuple, list)) else [value] * axes
    if not all(isinstance(v, (int, torch.SymInt)) and not isinstance(v, bool) for v in numbers):
        raise TypeError(
            f"{function}: {name} must be an int or one for each axis, got {shown(value)}"
        )
    if len(numbers) != axes:
        raise ValueError(f"{function}: {name} must be an int or {axes} of them, got {value}")
    if any(v < least for v in numbers):
        raise ValueError(f"{function}: {name} must be at least {least}, got {value}")
    return numbers


def can_look(*tensors: Tensor) -> bool:
    """Whether the numbers in `tensors` exist already and can be read without waiting for a GPU."""
    return not torch.compiler.is_compiling() and all(
        # Subclasses that only add words, such as torchvision's tv_tensors, hold numbers like any
        # other; those that take over what is computed, such as a FakeTensor, may hold none.
        type(tensor).__torch_dispatch__ is Tensor.__torch_dispatch__
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


def every_box(function: str, good: Tensor, rule: str, **named: Tensor) -> None:
    """Every box of the (..., 4) argument must be `good` (...), or `rule` says what it is not."""
    ((name, boxes),) = named.items()
    for index in (~good).nonzero().tolist()[:1]:
        place = f"[{', '.join(map(str, index))}]" if index else ""
        numbers = ", ".join(f"{value:g}" for value in boxes[tuple(index)].tolist())
        raise ValueError(f"{function}: {name}{place} must {rule}, got [{numbers}]")


def positive_sides(function: str, **named: Tensor) -> None:
    """Every box of the (..., 4) arguments must have a width and a height above 0."""
    for name, boxes in named.items():
        good = (boxes[..., 2:] > boxes[..., :2]).all(-1)
        every_box(function, good, "have x1 < x2 and y1 < y2", **{name: boxes})


def requires_grad(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def has_tangent(*tensors: Tensor) -> bool:
    """Whether forward-mode differentiation passes through: torch asks a kernel without a rule for
    none, and answers with a derivative of zero."""
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return False
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors)


def in_transform(*tensors: Tensor) -> bool:
    """Whether torch.func is at work: its transforms do not see through a kernel's gradient."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    return not torch.compiler.is_compiling() and any(wrapped(tensor) for tensor in tensors)


def may_be_differentiated(*tensors: Tensor) -> bool:
    return torch.compiler.is_compiling() or any(
        asks(*tensors) for asks in (requires_grad, has_tangent, in_transform)
    )


def under_autocast(tensor: Tensor) -> bool:
    device = tensor.device.type
    return device in ("cpu", "cuda") and torch.is_autocast_enabled(device)
