"""Intersection over union (IoU) of every pair from two sets of boxes, and its relatives.

    box_iou              IoU = area(A and B) / area(A or B): 1 for equal boxes, 0 for disjoint ones
    generalized_box_iou  IoU - |C minus (A or B)| / |C|, C the smallest box around both
    distance_box_iou     IoU - (distance of the centres / diagonal of C)^2
    complete_box_iou     distance IoU - alpha v, v = (4 / pi^2) (angle A - angle B)^2, where
                         angle = atan(width / height) and alpha = v / (1 - IoU + v)

IoU: Jaccard, 1901; the matching score of PASCAL VOC (Everingham et al., 2010). GIoU: Rezatofighi et
al., 2019. DIoU, CIoU: Zheng et al., 2020. The relatives tell far from near where IoU is 0 for both.

The same function three times, plainest first; `kind` says which relative:
    box_iou_loop         two loops over pairs: the definition
    box_iou_vectorized   broadcasting in place of the loops
    box_iou_native       the loops in C++; a tile of pairs per block of threads in CUDA
"""

import math

import torch
from torch import Tensor

from edudet import check, native
from edudet.boxes.convert import box_convert, check_format
from edudet.dtypes import widen

FUNCTIONS = {
    "iou": "box_iou",
    "generalized": "generalized_box_iou",
    "distance": "distance_box_iou",
    "complete": "complete_box_iou",
}
KINDS = tuple(FUNCTIONS)  # in the order of IouKind in csrc/common/box.h


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Return the IoU of every box of `boxes1` with every box of `boxes2`.

    Args:
        boxes1: (..., N, 4) float or integer; pixels.
        boxes2: (..., M, 4), same dtype and device; leading dimensions broadcast.
        fmt: "xyxy", "xywh" or "cxcywh".

    Returns:
        (..., N, M) in [0, 1]: float64 for float64 boxes, else float32. 0 where both boxes are
        empty. Integer boxes are computed in float64, so nothing wraps around.

    Gradient:
        Flows to both arguments, by the vectorised form (the kernels have no backward). An overlap
        of boxes that only touch gives none, as for boxes apart, nor does 0 / 0. Where two sides lie
        on each other, each box gets half of what the side counts; so equal boxes, a maximum, get 0.
        (torchvision agrees, but has NaN for 0 / 0, and before torch 2.14 more for touching boxes.)

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; an unknown `fmt`; a box that is not
            finite or has x2 < x1 or y2 < y1 (on CUDA and under torch.compile with a gradient: NaN
            instead, as a look at the values would make the CPU wait).
    """
    return _best_form(boxes1, boxes2, fmt, "iou", 0.0)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Return the generalized IoU of every pair, in [-1, 1]. Arguments and errors: see `box_iou`."""
    return _best_form(boxes1, boxes2, "xyxy", "generalized", 0.0)


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """Return the distance IoU of every pair, in [-1, 1]. Arguments and errors: see `box_iou`.

    `eps` is added to the squared diagonal.
    """
    return _best_form(boxes1, boxes2, "xyxy", "distance", eps)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """Return the complete IoU of every pair. Arguments and errors: see `box_iou`.

    `eps` is added to the denominators. As in the paper, no gradient flows through alpha.
    """
    return _best_form(boxes1, boxes2, "xyxy", "complete", eps)


def _best_form(boxes1: Tensor, boxes2: Tensor, fmt: str, kind: str, eps: float) -> Tensor:
    boxes1, boxes2 = _checked(boxes1, boxes2, fmt, kind)
    plain = native.obstacle("box_iou", boxes1, boxes2)
    form = box_iou_vectorized if plain else box_iou_native
    return form(boxes1, boxes2, fmt, kind, eps)


def _checked(boxes1: Tensor, boxes2: Tensor, fmt: str, kind: str) -> tuple[Tensor, Tensor]:
    function = FUNCTIONS[kind]
    check.is_tensor(function, boxes1=boxes1, boxes2=boxes2)
    check_format(function, fmt=fmt)
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if boxes.ndim < 2 or boxes.shape[-1] != 4:
            raise ValueError(
                f"{function}: {name} must have shape (..., N, 4), got {tuple(boxes.shape)}"
            )
    check.same_device(function, boxes1=boxes1, boxes2=boxes2)
    if check.under_autocast(boxes1):  # a network's boxes beside the truth's
        boxes1, boxes2 = widen(boxes1), widen(boxes2)
    check.dtype(function, check.FLOATS + check.INTEGERS, boxes1=boxes1, boxes2=boxes2)
    check.same_dtype(function, boxes1=boxes1, boxes2=boxes2)
    try:
        torch.broadcast_shapes(boxes1.shape[:-2], boxes2.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"{function}: boxes2 must have leading dimensions that broadcast with those of boxes1, "
            f"{tuple(boxes1.shape)}, got {tuple(boxes2.shape)}"
        ) from None
    return boxes1, boxes2


def _widened_xyxy(boxes: Tensor, fmt: str) -> Tensor:
    """To xyxy, in the dtype of the arithmetic: float64 holds every int32, float32 does not."""
    boxes = widen(boxes) if boxes.is_floating_point() else boxes.double()
    return boxes if fmt == "xyxy" else box_convert(boxes, fmt, "xyxy")


def _result_dtype(boxes: Tensor) -> torch.dtype:
    return torch.float64 if boxes.dtype == torch.float64 else torch.float32


def box_iou_loop(
    boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy", kind: str = "iou", eps: float = 1e-7
) -> Tensor:
    dtype = _result_dtype(boxes1)
    boxes1, boxes2 = _widened_xyxy(boxes1, fmt), _widened_xyxy(boxes2, fmt)
    check.box_values(FUNCTIONS[kind], boxes1=boxes1, boxes2=boxes2)
    batch = torch.broadcast_shapes(boxes1.shape[:-2], boxes2.shape[:-2])
    n, m = boxes1.shape[-2], boxes2.shape[-2]
    images1 = boxes1.expand(*batch, n, 4).reshape(math.prod(batch), n, 4)
    images2 = boxes2.expand(*batch, m, 4).reshape(math.prod(batch), m, 4)
    # The sum is 0: it keeps `out` in the graph, so that no pairs give a zero gradient, not None.
    out = images1.new_zeros(len(images1), n, m) + 0 * (boxes1.sum() + boxes2.sum())
    for image in range(len(images1)):
        for i in range(n):
            for j in range(m):
                out[image, i, j] = iou_of_pair(images1[image, i], images2[image, j], kind, eps)
    return out.reshape(*batch, n, m).to(dtype)


def iou_of_pair(
    a: Tensor, b: Tensor, kind: str, eps: float, area_eps: float = 0.0
) -> Tensor:
    """Of two (4,) boxes. `area_eps` is added to areas below a fraction bar: the losses do so."""
    ax1, ay1, ax2, ay2 = a
    bx1, by1, bx2, by2 = b
    # Not Python's min and max: of equal sides, they would give the whole gradient to the first.
    width = torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)
    height = torch.minimum(ay2, by2) - torch.maximum(ay1, by1)
    # Two negative sides would make a positive area. Not 0 * width: it may be infinite.
    inter = width * height if width > 0 and height > 0 else 0 * ax1
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
    iou = _ratio(inter, union + area_eps)
    if kind == "iou":
        return iou
    width = torch.maximum(ax2, bx2) - torch.minimum(ax1, bx1)  # of the smallest box around both
    height = torch.maximum(ay2, by2) - torch.minimum(ay1, by1)
    if kind == "generalized":
        return iou - _ratio(width * height - union, width * height + area_eps)
    dx = (ax1 + ax2) / 2 - (bx1 + bx2) / 2
    dy = (ay1 + ay2) / 2 - (by1 + by2) / 2
    distance = iou - _ratio(dx**2 + dy**2, width**2 + height**2 + eps)
    if kind == "distance":
        return distance
    v = 4 / math.pi**2 * (_angle(ax2 - ax1, ay2 - ay1) - _angle(bx2 - bx1, by2 - by1)) ** 2
    alpha = _ratio(v, 1 - iou + v + eps).detach()
    return distance - alpha * v


def _angle(width: Tensor, height: Tensor) -> Tensor:
    return torch.atan2(width, height) if width > 0 or height > 0 else 0 * width


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole if whole > 0 else 0 * part  # 0 / 0 counts as none


def box_iou_vectorized(
    boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy", kind: str = "iou", eps: float = 1e-7
) -> Tensor:
    dtype = _result_dtype(boxes1)
    boxes1, boxes2 = _widened_xyxy(boxes1, fmt), _widened_xyxy(boxes2, fmt)
    looked = check.can_look(boxes1, boxes2)
    if looked:
        check.box_values(FUNCTIONS[kind], boxes1=boxes1, boxes2=boxes2)
    a, b = boxes1[..., :, None, :], boxes2[..., None, :, :]         # (..., N, 1, 4), (..., 1, M, 4)
    out = iou_of_pairs(a, b, kind, eps).to(dtype)                   # (..., N, M)
    if not looked:
        valid = check.valid_boxes(a) & check.valid_boxes(b)
        out = out.masked_fill(~valid, math.nan)
    return out


def iou_of_pairs(
    a: Tensor, b: Tensor, kind: str = "iou", eps: float = 1e-7, area_eps: float = 0.0
) -> Tensor:
    ax1, ay1, ax2, ay2 = a.unbind(-1)                               # (..., N, 1)
    bx1, by1, bx2, by2 = b.unbind(-1)                               # (..., 1, M)
    width = torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)       # (..., N, M)
    height = torch.minimum(ay2, by2) - torch.maximum(ay1, by1)
    # Each side before multiplying: two negative sides make a positive area. Not clamp, whose
    # gradient at its bound is 1 in torch 2.13 and 0 in 2.14.
    inter = width.relu() * height.relu()
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
    iou = _ratios(inter, union, area_eps)
    if kind == "iou":
        return iou
    width = torch.maximum(ax2, bx2) - torch.minimum(ax1, bx1)
    height = torch.maximum(ay2, by2) - torch.minimum(ay1, by1)
    if kind == "generalized":
        enclosing = width * height
        return iou - _ratios(enclosing - union, enclosing, area_eps)
    dx = (ax1 + ax2) / 2 - (bx1 + bx2) / 2
    dy = (ay1 + ay2) / 2 - (by1 + by2) / 2
    distance = iou - _ratios(dx**2 + dy**2, width**2 + height**2, eps)
    if kind == "distance":
        return distance
    v = 4 / math.pi**2 * (_angles(ax2 - ax1, ay2 - ay1) - _angles(bx2 - bx1, by2 - by1)) ** 2
    alpha = _ratios(v.detach(), (1 - iou + v).detach(), eps)
    return distance - alpha * v


def _angles(width: Tensor, height: Tensor) -> Tensor:
    point = (width == 0) & (height == 0)  # its angle is 0, and constant: there atan2 has no slope
    return torch.atan2(width.masked_fill(point, 0), height.masked_fill(point, 1))


def _ratios(part: Tensor, whole: Tensor, eps: float) -> Tensor:
    if eps > 0:
        return part / (whole + eps)
    return part / whole.masked_fill(whole == 0, math.inf)  # 0 / 0 counts as 0, without a gradient


def box_iou_native(
    boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy", kind: str = "iou", eps: float = 1e-7,
    kernel: int = 0,
) -> Tensor:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/box_iou.cuh (the CPU has one)."""
    check.kernel("box_iou_native", kernel, 2)
    native.require("box_iou", boxes1, boxes2)
    narrow = not boxes1.is_floating_point()
    if narrow or fmt != "xyxy":
        boxes1, boxes2 = _widened_xyxy(boxes1, fmt), _widened_xyxy(boxes2, fmt)
    batch = torch.broadcast_shapes(boxes1.shape[:-2], boxes2.shape[:-2])
    n, m = boxes1.shape[-2], boxes2.shape[-2]
    images1 = boxes1.expand(*batch, n, 4).reshape(math.prod(batch), n, 4)
    images2 = boxes2.expand(*batch, m, 4).reshape(math.prod(batch), m, 4)
    out = native.call(
        "box_iou", FUNCTIONS[kind], images1, images2, KINDS.index(kind), eps, narrow, kernel
    )
    return out.reshape(*batch, n, m)


def _fake(boxes1, boxes2, kind, eps, narrow, kernel):
    dtype = torch.float32 if narrow else _result_dtype(boxes1)
    return boxes1.new_empty(len(boxes1), boxes1.shape[1], boxes2.shape[1], dtype=dtype)


native.register("box_iou", fake=_fake, autocast=torch.float32)

IMPLEMENTATIONS = {
    "loop": box_iou_loop,
    "vectorized": box_iou_vectorized,
    "native": box_iou_native,
}
