"""Matrix NMS: Soft-NMS for all boxes (or masks) at once.

Soft-NMS is sequential: what a box loses depends on what others had lost before. Matrix NMS asks
once. Sort by score; every region i that is better than j takes from j the factor f(IoU_ij), but a
region that is itself covered should not count in full: its factor is divided by f(c_i), where c_i
is its largest IoU with a better one, the most that it loses itself. The strongest factor holds:

    new score_j = score_j min(1, min over better i of f(IoU_ij) / f(c_i))

    linear     f(x) = 1 - x         a region with c_i = 1 takes nothing from others
    gaussian   f(x) = exp(-x^2 / sigma)

Wang, Zhang, Kong, Li and Shen, "SOLOv2: dynamic and fast instance segmentation", 2020; their sigma
multiplies the square: their 2 is our 0.5. The same function three times:
    matrix_nms_loop         one pair at a time: the definition
    matrix_nms_vectorized   all pairs in a matrix
    matrix_nms_native       C++: boxes in the order of their scores, without the matrix
"""

import torch
from torch import Tensor

from edudet import check, native
from edudet.ops.box_iou import box_iou_vectorized
from edudet.ops.nms import check_detections, iou_of_pair
from edudet.ops.soft_nms import check_decay, prepared


def matrix_nms(
    boxes: Tensor, scores: Tensor, method: str = "gaussian", sigma: float = 0.5,
    score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the indices of the regions that keep a score, best first, and their new scores.

    Args:
        boxes: (N, 4) float; xyxy, pixels. Or masks: (N, H, W) bool.
        scores: (N,) float, same device; for boxes the same dtype. Of equal scores the lower index
            counts as better.
        method: "gaussian" or "linear".
        sigma: of the Gaussian method, greater than 0; the larger, the milder.
        score_threshold: at least 0; regions whose new score is *less* are left out.
        idxs: (N,) integer, or None; only regions of equal idxs (classes) lower each other's scores.

    Returns:
        keep (number kept,) int64; scores of that shape, never rising, in the dtype of `scores`;
        of equal ones the lower index first. Computed in float32 (float64 for float64 scores), the
        Gaussian in float64. IoU with an empty region is 0.

    Gradient:
        Of the new scores, to `scores` and boxes. Of equal factors (and of equal IoUs in c_i) the
        first has it, the 1 before all; of boxes that touch or share a side: see `box_iou`. The
        kernel has none: with a gradient, the vectorised form runs.

    Raises:
        TypeError: an argument is not a tensor, or a number is none.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite or is inverted; a
            score is not finite; a number lies outside its range; another method.
    """
    boxes, scores = _checked(boxes, scores, idxs)
    check_decay("matrix_nms", method, sigma, score_threshold)
    masks = boxes.dtype == torch.bool
    slow = masks or native.obstacle("matrix_nms", boxes, scores)
    form = matrix_nms_vectorized if slow else matrix_nms_native
    return form(boxes, scores, method, sigma, score_threshold, idxs)


def _checked(boxes: Tensor, scores: Tensor, idxs: Tensor | None) -> tuple[Tensor, Tensor]:
    check.is_tensor("matrix_nms", boxes=boxes, scores=scores)
    if boxes.dtype != torch.bool:
        return check_detections("matrix_nms", boxes, scores, idxs)
    if boxes.ndim != 3:
        raise ValueError(
            f"matrix_nms: boxes, if masks, must have shape (N, H, W), got {tuple(boxes.shape)}"
        )
    check.dtype("matrix_nms", check.FLOATS, scores=scores)
    check.same_device("matrix_nms", boxes=boxes, scores=scores)
    stand_ins = scores.new_zeros(len(boxes), 4)
    return boxes, check_detections("matrix_nms", stand_ins, scores, idxs)[1]


def _prepared(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    if boxes.dtype != torch.bool:
        return prepared("matrix_nms", boxes, scores)
    return boxes, prepared("matrix_nms", scores.new_zeros(0, 4), scores)[1]


def matrix_nms_loop(
    boxes: Tensor, scores: Tensor, method: str = "gaussian", sigma: float = 0.5,
    score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    dtype = scores.dtype
    boxes, scores = _prepared(boxes, scores)
    least = scores.new_tensor(score_threshold)
    order = [i for i in scores.argsort(descending=True, stable=True).tolist() if scores[i] >= least]
    largest: dict[int, Tensor] = {}  # IoU with a better one
    new_scores: dict[int, Tensor] = {}
    for place, j in enumerate(order):
        largest[j], factor = 0 * scores[j], 1 + 0 * scores[j]
        for i in order[:place]:
            if idxs is not None and idxs[i] != idxs[j]:
                continue
            iou = _iou_of(boxes[i], boxes[j], scores.dtype)
            largest[j] = max(largest[j], iou)
            if method == "gaussian":
                difference = largest[i].double() ** 2 - iou.double() ** 2
                factor = min(factor, torch.exp(difference / sigma).to(iou.dtype))
            elif largest[i] < 1:
                factor = min(factor, (1 - iou) / (1 - largest[i]))
        new_scores[j] = scores[j] * factor
    keep = sorted(i for i, score in new_scores.items() if score >= least)
    keep.sort(key=lambda i: new_scores[i].item(), reverse=True)
    # Of nothing, 0: none kept or none lowered, a gradient all the same.
    kept_scores = [scores[:0].sum() + boxes[:0].sum(), *(new_scores[i] for i in keep)]
    return (
        torch.tensor(keep, dtype=torch.int64, device=scores.device),
        torch.stack(kept_scores).to(dtype)[1:],
    )


def _iou_of(a: Tensor, b: Tensor, dtype: torch.dtype) -> Tensor:
    if a.dtype != torch.bool:
        return iou_of_pair(a, b)
    union = (a | b).sum()
    return (a & b).sum().to(dtype) / union.clamp(min=1).to(dtype)


def matrix_nms_vectorized(
    boxes: Tensor, scores: Tensor, method: str = "gaussian", sigma: float = 0.5,
    score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    dtype = scores.dtype
    boxes, scores = _prepared(boxes, scores)
    least = scores.new_tensor(score_threshold)
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] >= least]                                # (n,), best first
    iou = _iou_matrix(boxes[order], scores.dtype)                      # (n, n)
    counts = torch.ones_like(iou, dtype=torch.bool).triu(1)              # i is better than j
    if idxs is not None:
        counts &= idxs[order][:, None] == idxs[order]
    iou = iou.where(counts, 0)
    if len(order) == 0:
        return order, (scores[order] + boxes[:0].sum()).to(dtype)  # 0: a gradient all the same
    largest = iou.max(0).values[:, None]                                 # (n, 1), of every i
    if method == "gaussian":
        factors = torch.exp((largest.double() ** 2 - iou.double() ** 2) / sigma).to(iou.dtype)
    else:
        counts = counts & (largest < 1)
        factors = (1 - iou) / (1 - largest).where(largest < 1, 1)
    factor = factors.where(counts, 1).min(0).values                      # (n,), of every j
    factor = factor.where(factor < 1, 1)
    new_scores = scores[order] * factor
    by_index = order.argsort()
    keep, new_scores = order[by_index], new_scores[by_index]
    best_first = new_scores.argsort(descending=True, stable=True)
    best_first = best_first[new_scores[best_first] >= least]
    return keep[best_first], new_scores[best_first].to(dtype)


def _iou_matrix(boxes: Tensor, dtype: torch.dtype) -> Tensor:
    if boxes.dtype != torch.bool:
        return box_iou_vectorized(boxes, boxes)
    flat = boxes.flatten(1).to(torch.float32 if boxes[0:1].numel() < 2**24 else torch.float64)
    inter, area = flat @ flat.T, flat.sum(1)                             # whole numbers, exact
    union = area[:, None] + area - inter
    return inter.to(dtype) / union.clamp(min=1).to(dtype)


def matrix_nms_native(
    boxes: Tensor, scores: Tensor, method: str = "gaussian", sigma: float = 0.5,
    score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """For boxes: of masks, the sums over pixels are the work, and those are a matrix product."""
    if boxes.dtype == torch.bool:
        raise ValueError("matrix_nms_native: boxes must be boxes, got masks")
    native.require("matrix_nms", boxes, scores)
    classes = None if idxs is None else idxs.to(torch.int64)
    numbers = float(sigma), float(score_threshold)
    return native.call(
        "matrix_nms", "matrix_nms", boxes, scores, classes, method == "gaussian", *numbers
    )


def _fake(boxes, scores, idxs, gaussian, sigma, score_threshold):
    kept = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(kept, dtype=torch.int64), scores.new_empty(kept)


native.register("matrix_nms", fake=_fake, autocast=torch.float32)

IMPLEMENTATIONS = {
    "loop": matrix_nms_loop,
    "vectorized": matrix_nms_vectorized,
    "native": matrix_nms_native,
}
