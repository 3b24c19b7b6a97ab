"""Box coding: what a head regresses is not a box, but how an anchor must move to become it.

    dx = (center x of the box - center x of the anchor) / width of the anchor
    dy = (center y of the box - center y of the anchor) / height of the anchor
    dw = log(width of the box / width of the anchor)
    dh = log(height of the box / height of the anchor)

Always in this order, as R-CNN has it (Girshick et al., 2014); some slides write dh before dw.
(0, 0, 0, 0) leaves the anchor as it is; dx = 1/4 means that it lies a quarter of its width too far
left. Divided by the anchor's size, a far and a near object give the same numbers; a size through
its logarithm stays positive whatever is predicted, and half and double are equally far.

`weights` (w_x, w_y, w_w, w_h) multiply the four deltas, so that they come out of similar size for
the loss: detectors use (10, 10, 5, 5) in the second stage.

Both functions twice, the definition first: encode_deltas_loop, encode_deltas_vectorized,
decode_deltas_loop, decode_deltas_vectorized.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.clip import clamped

Weights = Sequence[float]
ONES = (1.0, 1.0, 1.0, 1.0)
CLAMP = math.log(1000 / 16)


def encode_deltas(boxes: Tensor, anchors: Tensor, weights: Weights = ONES) -> Tensor:
    """Return the deltas that turn each anchor into its box.

    Args:
        boxes: (..., 4) float; xyxy, pixels: the ground truth of each anchor.
        anchors: (..., 4) float, same device; anchors or proposals. Leading dimensions broadcast.
        weights: four positive numbers.

    Returns:
        (..., 4): dx, dy, dw, dh, in the wider of the two dtypes (16-bit computed in float32).

    Gradient:
        Flows to both.

    Raises:
        TypeError: an argument is not a tensor; a weight is not a number.
        ValueError: shapes, dtypes or devices do not fit; a weight is not positive; a box or an
            anchor has no width or no height: dividing by it, or its logarithm, has no value (on
            CUDA and under torch.compile: infinite or NaN deltas instead).
    """
    check.ends_in_4("encode_deltas", boxes=boxes, anchors=anchors)
    _check_pair("encode_deltas", weights, boxes=boxes, anchors=anchors)
    return encode_deltas_vectorized(boxes, anchors, weights)


def decode_deltas(
    deltas: Tensor, anchors: Tensor, weights: Weights = ONES, clamp: float = CLAMP
) -> Tensor:
    """Return the boxes that the deltas make of the anchors. Undoes `encode_deltas`.

    Args:
        deltas: (..., 4 K) float; dx, dy, dw, dh for each of K classes, class by class.
        anchors: (..., 4) float; xyxy, pixels, same device. Leading dimensions broadcast.
        weights: those of `encode_deltas`.
        clamp: largest dw and dh (after division by the weights). An untrained head may say 50, and
            e^50 pixels spoil a loss; log(1000 / 16) lets an anchor of 16 px grow to 1000.

    Returns:
        (..., 4 K) xyxy, in the wider of the two dtypes (16-bit computed in float32);
        `.unflatten(-1, (-1, 4))` is (..., K, 4). Not clipped to the image; NaN for NaN.

    Gradient:
        Flows to both; none to a dw or dh beyond the clamp. One exactly on it is not beyond.

    Raises:
        As `encode_deltas`; the last dimension of `deltas` must be a multiple of 4.
    """
    check.is_tensor("decode_deltas", deltas=deltas)
    check.ends_in_4("decode_deltas", anchors=anchors)
    if deltas.ndim == 0 or deltas.shape[-1] == 0 or deltas.shape[-1] % 4:
        raise ValueError(
            f"decode_deltas: deltas must have shape (..., 4 K), got {tuple(deltas.shape)}"
        )
    _check_pair("decode_deltas", weights, deltas=deltas, anchors=anchors)
    check.number("decode_deltas", clamp=clamp)
    if clamp != clamp:
        raise ValueError(f"decode_deltas: clamp must be a number, got {clamp}")
    return decode_deltas_vectorized(deltas, anchors, weights, clamp)


def _check_pair(function: str, weights: Weights, **named: Tensor) -> None:
    (name, first), (_, anchors) = named.items()
    check.same_device(function, **named)
    check.dtype(function, check.FLOATS, **named)
    try:
        torch.broadcast_shapes(first.shape[:-1], anchors.shape[:-1])
    except RuntimeError:
        raise ValueError(
            f"{function}: anchors must have leading dimensions that broadcast with those of "
            f"{name}, {tuple(first.shape)}, got {tuple(anchors.shape)}"
        ) from None
    if not isinstance(weights, (tuple, list)) or len(weights) != 4:
        raise TypeError(f"{function}: weights must be four numbers, got {weights!r}")
    for weight in weights:
        check.positive(function, weights=weight)


def _dtypes(first: Tensor, anchors: Tensor) -> tuple[torch.dtype, torch.dtype]:
    """Of the arithmetic, and of the result."""
    result = torch.promote_types(first.dtype, anchors.dtype)
    return torch.promote_types(result, torch.float32), result


def encode_deltas_loop(boxes: Tensor, anchors: Tensor, weights: Weights = ONES) -> Tensor:
    wide, dtype = _dtypes(boxes, anchors)
    boxes, anchors = torch.broadcast_tensors(boxes.to(wide), anchors.to(wide))
    check.positive_sides("encode_deltas", boxes=boxes, anchors=anchors)
    deltas = []
    for box, anchor in zip(boxes.reshape(-1, 4), anchors.reshape(-1, 4), strict=True):
        cx, cy, width, height = _center_and_size(box)
        anchor_cx, anchor_cy, anchor_width, anchor_height = _center_and_size(anchor)
        deltas += [
            weights[0] * (cx - anchor_cx) / anchor_width,
            weights[1] * (cy - anchor_cy) / anchor_height,
            weights[2] * torch.log(width / anchor_width),
            weights[3] * torch.log(height / anchor_height),
        ]
    if not deltas:
        return (0 * boxes + 0 * anchors).to(dtype)  # in the graph: a gradient of no numbers
    return torch.stack(deltas).reshape(boxes.shape).to(dtype)


def _center_and_size(box: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def decode_deltas_loop(
    deltas: Tensor, anchors: Tensor, weights: Weights = ONES, clamp: float = CLAMP
) -> Tensor:
    wide, dtype = _dtypes(deltas, anchors)
    check.positive_sides("decode_deltas", anchors=anchors)
    lead = torch.broadcast_shapes(deltas.shape[:-1], anchors.shape[:-1])
    deltas, anchors = deltas.to(wide).expand(*lead, -1), anchors.to(wide).expand(*lead, 4)
    boxes = []
    for row, anchor in zip(
        deltas.reshape(-1, deltas.shape[-1]), anchors.reshape(-1, 4), strict=True
    ):
        anchor_cx, anchor_cy, anchor_width, anchor_height = _center_and_size(anchor)
        for k in range(0, len(row), 4):
            dx, dy, dw, dh = (row[k + i] / weights[i] for i in range(4))
            cx = anchor_cx + dx * anchor_width
            cy = anchor_cy + dy * anchor_height
            width = anchor_width * torch.exp(_at_most(dw, clamp))
            height = anchor_height * torch.exp(_at_most(dh, clamp))
            boxes += [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]
    if not boxes:
        return (0 * deltas + 0 * anchors.sum()).to(dtype)
    return torch.stack(boxes).reshape(deltas.shape).to(dtype)


def _at_most(value: Tensor, bound: float) -> Tensor:
    return torch.full_like(value, bound) if value > bound else value  # NaN stays


def _centers_and_sizes(function: str, **named: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 4) -> (..., 2), (..., 2): x and y, width and height."""
    (boxes,) = named.values()
    sizes = boxes[..., 2:] - boxes[..., :2]
    # One pass where all is well; the slower search only for the message. NaN is not above 0 either.
    if check.can_look(boxes) and sizes.numel() > 0 and not sizes.min() > 0:
        check.positive_sides(function, **named)
    return (boxes[..., :2] + boxes[..., 2:]) / 2, sizes


def encode_deltas_vectorized(boxes: Tensor, anchors: Tensor, weights: Weights = ONES) -> Tensor:
    wide, dtype = _dtypes(boxes, anchors)
    centers, sizes = _centers_and_sizes("encode_deltas", boxes=boxes.to(wide))
    anchor_centers, anchor_sizes = _centers_and_sizes("encode_deltas", anchors=anchors.to(wide))
    moves = (centers - anchor_centers) / anchor_sizes                    # (..., 2): dx, dy
    growths = torch.log(sizes / anchor_sizes)                            # (..., 2): dw, dh
    deltas = torch.cat([moves, growths], -1)
    if tuple(weights) != ONES:
        deltas = deltas * deltas.new_tensor(weights)
    return deltas.to(dtype)


def decode_deltas_vectorized(
    deltas: Tensor, anchors: Tensor, weights: Weights = ONES, clamp: float = CLAMP
) -> Tensor:
    wide, dtype = _dtypes(deltas, anchors)
    deltas = deltas.to(wide).unflatten(-1, (-1, 4))                      # (..., K, 4)
    if tuple(weights) != ONES:
        deltas = deltas / deltas.new_tensor(weights)
    anchor_centers, anchor_sizes = _centers_and_sizes("decode_deltas", anchors=anchors.to(wide))
    anchor_centers, anchor_sizes = anchor_centers[..., None, :], anchor_sizes[..., None, :]
    # addcmul(a, b, c) is a + b * c in one pass.
    centers = torch.addcmul(anchor_centers, deltas[..., :2], anchor_sizes)  # (..., K, 2)
    growths = clamped(deltas[..., 2:], None, clamp)                      # (..., K, 2): dw, dh
    halves = growths.exp() * (anchor_sizes / 2)                          # (..., K, 2)
    boxes = torch.cat([centers - halves, centers + halves], -1)          # (..., K, 4)
    return boxes.flatten(-2).to(dtype)


IMPLEMENTATIONS = {"loop": decode_deltas_loop, "vectorized": decode_deltas_vectorized}
IMPLEMENTATIONS_OF_ENCODE_DELTAS = {
    "loop": encode_deltas_loop,
    "vectorized": encode_deltas_vectorized,
}
