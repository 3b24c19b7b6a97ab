"""Regions of interest (RoIs): boxes that know their image.

Written as a tensor (K, 5), image index, x1, y1, x2, y2; or as a list with a tensor (L, 4) for every
image of the batch, in order.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from edudet import check
from edudet.dtypes import HALVES, widen

Rois = Tensor | Sequence[Tensor]


def check_rois(function: str, input: Tensor, boxes: Rois) -> None:
    """The structure of `boxes` beside that of a map `input` (N, C, H, W)."""
    check.is_tensor(function, input=input)
    if input.ndim != 4:
        raise ValueError(
            f"{function}: input must have shape (N, C, H, W), got {tuple(input.shape)}"
        )
    check.dtype(function, check.FLOATS, input=input)
    if isinstance(boxes, Tensor):
        _check_shape(function, 5, boxes=boxes)
        named = {"boxes": boxes}
    elif isinstance(boxes, (list, tuple)):
        if len(boxes) != len(input):
            raise ValueError(
                f"{function}: boxes must have one tensor for each of the {len(input)} images of "
                f"input, got {len(boxes)}"
            )
        named = {f"boxes[{i}]": of_image for i, of_image in enumerate(boxes)}
        check.is_tensor(function, **named)
        _check_shape(function, 4, **named)
    else:
        raise TypeError(
            f"{function}: boxes must be a Tensor or a list of Tensors, got {type(boxes).__name__}"
        )
    for name, tensor in named.items():
        check.same_device(function, input=input, **{name: tensor})
        _check_dtype(function, input, name, tensor)
    # In this order: under torch.compile nothing is asked of the number of boxes.
    if 0 in input.shape[2:] and sum(len(tensor) for tensor in named.values()) > 0:
        raise ValueError(
            f"{function}: input must have a height and a width of at least 1 where there are "
            f"boxes, got {tuple(input.shape)}"
        )


def _check_shape(function: str, width: int, **named: Tensor) -> None:
    letter = "K" if width == 5 else "L"
    question = ": boxes of a single image go into a list, [boxes]" if width == 5 else ""
    for name, tensor in named.items():
        if tensor.ndim != 2 or tensor.shape[1] != width:
            raise ValueError(
                f"{function}: {name} must have shape ({letter}, {width}), "
                f"got {tuple(tensor.shape)}{question}"
            )


def _check_dtype(function: str, input: Tensor, name: str, boxes: Tensor) -> None:
    allowed = [input.dtype]
    if input.dtype in HALVES:
        allowed.append(torch.float32)
    if input.dtype != torch.float64 and check.under_autocast(input):
        allowed += [torch.float32, *HALVES]  # a layer under autocast has rounded them
    if boxes.dtype not in allowed:
        beside = " or float32" if input.dtype in HALVES else ""
        raise ValueError(
            f"{function}: {name} must have the dtype of input, {_name(input)}{beside}, "
            f"got {_name(boxes)}"
        )


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def as_rois(function: str, input: Tensor, boxes: Rois) -> Tensor:
    """Return `boxes` as (K, 5), 16-bit numbers widened to float32. No gradient flows to them."""
    for tensor in [boxes] if isinstance(boxes, Tensor) else boxes:
        if check.requires_grad(tensor) or check.has_tangent(tensor):
            raise ValueError(
                f"{function}: boxes must not require a gradient, as none flows to them, got some "
                "that do: call boxes.detach()"
            )
    if isinstance(boxes, Tensor):
        return widen(boxes)
    rois = [widen(input.new_empty(0, 5))]
    for i, of_image in enumerate(boxes):
        of_image = widen(of_image)
        rois.append(torch.cat([torch.full_like(of_image[:, :1], i), of_image], 1))
    return torch.cat(rois) if len(rois) != 2 else rois[1]


def name_in_list(message: str, boxes: Rois) -> str:
    """Kernels number RoIs through: what they call boxes[4] is boxes[1][2] in a list of 2 and 3."""
    found = re.search(r": boxes\[(\d+)\]", message)
    if found is None or isinstance(boxes, Tensor):
        return message
    image, i = 0, int(found[1])
    while i >= len(boxes[image]):
        image, i = image + 1, i - len(boxes[image])
    return message.replace(found[0], f": boxes[{image}][{i}]", 1)


def valid_rois(rois: Tensor, num_images: int) -> Tensor:
    """(K, 5) -> (K,) bool: a valid box in an image that exists."""
    image = rois[:, 0]
    exists = (image >= 0) & (image < num_images) & (image == image.floor())
    return exists & check.valid_boxes(rois[:, 1:])


def check_roi_values(function: str, rois: Tensor, num_images: int) -> None:
    """In words of the kernels: csrc/bind/rois.h."""
    for k in (~valid_rois(rois, num_images)).nonzero().flatten().tolist()[:1]:
        image = rois[k, 0].item()
        if not (0 <= image < num_images and image == int(image)):
            raise ValueError(
                f"{function}: boxes[{k}] must have an image index in 0, ..., {num_images - 1}, "
                f"got {image:g}"
            )
        check.box_values(function, boxes=rois[: k + 1, 1:])
