"""Soft-NMS: of boxes that overlap, keep all, but trust them less.

Where objects stand in front of each other, NMS drops a right box because a better one is near.
Soft-NMS lowers its score instead: take the best box; multiply the score of every other by a weight
that falls with its IoU with that box; repeat with what is left, so that a lowered box is taken
later, or not at all once its score is below `score_threshold`.

    linear     1 - IoU where IoU > iou_threshold, else 1
    gaussian   exp(-IoU^2 / sigma)

Bodla, Singh, Chellappa and Davis, "Soft-NMS: improving object detection with one line of code",
2017. The same function three times:
    soft_nms_loop         one pair at a time: the definition. `soft_nms_steps` shows it box by box
    soft_nms_vectorized   one taken box against all others at a time
    soft_nms_native       C++: only the blocks of boxes that the taken box touches
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from edudet import check, native
from edudet.dtypes import widen
from edudet.ops.box_iou import iou_of_pairs
from edudet.ops.nms import check_detections, iou_of_pair

METHODS = ("linear", "gaussian")


def soft_nms(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the indices of the boxes that keep a score, best first, and their new scores.

    Args:
        boxes: (N, 4) float; xyxy, pixels.
        scores: (N,) float, same dtype and device. Of equal scores the lower index is taken first.
        method: "linear" or "gaussian".
        iou_threshold: of the linear method, in [0, 1]; IoU must be *greater* to lower a score.
        sigma: of the Gaussian method, greater than 0; the larger, the milder.
        score_threshold: at least 0; a box is dropped once its score is *less*.
        idxs: (N,) integer, or None; only boxes of equal idxs (classes) lower each other's scores.

    Returns:
        keep (number kept,) int64; scores of that shape, never rising, in the dtype of `scores`.
        Computed in float32 (float64 for float64 boxes), to which the thresholds are rounded; the
        Gaussian weight is computed in float64. IoU with an empty box is 0.

    Gradient:
        Of the new scores, to `scores` and `boxes`; in what order boxes are taken counts as given.
        Of boxes that touch or share a side: see `box_iou`. The kernel has none: with a gradient,
        the vectorised form runs.

    Raises:
        TypeError: an argument is not a tensor, or a number is none.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite or is inverted; a
            score is not finite; a number lies outside its range; another method.
    """
    boxes, scores = check_detections("soft_nms", boxes, scores, idxs)
    check_decay("soft_nms", method, sigma, score_threshold)
    check.unit_interval("soft_nms", iou_threshold=iou_threshold)
    form = soft_nms_vectorized if native.obstacle("soft_nms", boxes, scores) else soft_nms_native
    return form(boxes, scores, method, iou_threshold, sigma, score_threshold, idxs)


def check_decay(function: str, method: str, sigma: float, score_threshold: float) -> None:
    """The arguments that soft_nms and matrix_nms share."""
    if method not in METHODS:
        raise ValueError(f'{function}: method must be "linear" or "gaussian", got {method!r}')
    check.positive(function, sigma=sigma)
    check.not_negative(function, score_threshold=score_threshold)


def prepared(function: str, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Checked values in the dtype of the arithmetic."""
    check.box_values(function, boxes=boxes)
    check.finite(function, scores=scores)
    return widen(boxes), widen(scores)


def soft_nms_steps(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> Iterator[tuple[int, Tensor, dict[int, Tensor]]]:
    """Yield each kept box, best first: (index, its score, {other box: score lowered to})."""
    boxes, scores = prepared("soft_nms", boxes, scores)
    threshold, least = scores.new_tensor(iou_threshold), scores.new_tensor(score_threshold)
    waiting = {i: score for i, score in enumerate(scores) if score >= least}
    while waiting:
        best = max(waiting, key=lambda i: waiting[i])  # the first of equal ones
        score = waiting.pop(best)
        lowered = {}
        for i in waiting:
            if idxs is None or idxs[i] == idxs[best]:
                iou = iou_of_pair(boxes[best], boxes[i])
                if method == "gaussian":
                    lowered[i] = waiting[i] * torch.exp(-(iou.double() ** 2) / sigma).to(iou.dtype)
                elif iou > threshold:
                    lowered[i] = waiting[i] * (1 - iou)
        yield best, score, lowered
        waiting = {i: score for i, score in (waiting | lowered).items() if score >= least}


def soft_nms_loop(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    steps = soft_nms_steps(boxes, scores, method, iou_threshold, sigma, score_threshold, idxs)
    # Of nothing, 0: none kept or none lowered, a gradient all the same.
    keep, kept_scores = [], [scores[:0].sum() + boxes[:0].sum()]
    for best, score, _ in steps:
        keep.append(best)
        kept_scores.append(score)
    new_scores = torch.stack(kept_scores).to(scores.dtype)[1:]
    return torch.tensor(keep, dtype=torch.int64, device=boxes.device), new_scores


def soft_nms_vectorized(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    dtype = scores.dtype
    boxes, scores = prepared("soft_nms", boxes, scores)
    threshold, least = scores.new_tensor(iou_threshold), scores.new_tensor(score_threshold)
    waiting = (scores >= least).nonzero()[:, 0]                          # (number waiting,)
    keep, kept_scores = [waiting[:0]], [scores[:0] + boxes[:0].sum()]  # 0: a gradient all the same
    scores = scores[waiting]                                             # of those that wait
    while len(waiting):
        first = scores.argmax()                                          # of equal ones the first
        best = waiting[first]
        keep.append(best[None])
        kept_scores.append(scores[first][None])
        iou = iou_of_pairs(boxes[best], boxes[waiting])
        if method == "gaussian":
            weight = torch.exp(-(iou.double() ** 2) / sigma).to(iou.dtype)
        else:
            weight = torch.where(iou > threshold, 1 - iou, 1)
        if idxs is not None:
            weight = torch.where(idxs[waiting] == idxs[best], weight, 1)
        scores = scores * weight
        stays = (scores >= least) & (waiting != best)
        waiting, scores = waiting[stays], scores[stays]
    return torch.cat(keep), torch.cat(kept_scores).to(dtype)


def soft_nms_native(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, idxs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    native.require("soft_nms", boxes, scores)
    classes = None if idxs is None else idxs.to(torch.int64)
    numbers = float(iou_threshold), float(sigma), float(score_threshold)
    return native.call(
        "soft_nms", "soft_nms", boxes, scores, classes, method == "gaussian", *numbers
    )


def _fake(boxes, scores, idxs, gaussian, iou_threshold, sigma, score_threshold):
    kept = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(kept, dtype=torch.int64), scores.new_empty(kept)


native.register("soft_nms", fake=_fake, autocast=torch.float32)

IMPLEMENTATIONS = {
    "loop": soft_nms_loop,
    "vectorized": soft_nms_vectorized,
    "native": soft_nms_native,
}
