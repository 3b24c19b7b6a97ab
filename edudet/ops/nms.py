"""Non-maximum suppression (NMS): of boxes that overlap, keep the best.

Sort by score; keep the best box; drop every box whose IoU with it exceeds the threshold; repeat
with what is left. Greedy, so a dropped box suppresses nobody. In detection since Rosenfeld and
Thurston, 1971 (for edges); in this form Felzenszwalb et al., 2010, and Girshick et al., 2014.

The same function three times, plainest first; `idxs`, if given, holds classes, and only boxes of
one class suppress each other:
    nms_loop         one pair at a time: the definition. `nms_steps` shows it box by box
    nms_vectorized   one kept box against all others at a time
    nms_native       C++: each candidate against the boxes kept so far. CUDA: a bit for each pair
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from edudet import check, native
from edudet.dtypes import widen
from edudet.ops.box_iou import iou_of_pairs


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the indices of the boxes that survive, best score first.

    Args:
        boxes: (N, 4) float; xyxy, pixels.
        scores: (N,) float, same dtype and device. Of equal scores the lower index wins.
        iou_threshold: in [0, 1]; a box is dropped if its IoU with a kept one is *greater*. It is
            rounded to the dtype of the IoU: float64 for float64 boxes, else float32.

    Returns:
        (number kept,) int64; the same on every device. IoU with an empty box is 0.

    Gradient:
        None: an index has no derivative.

    Raises:
        TypeError: an argument is not a tensor, or the threshold is not a number.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite or is inverted; a
            score is not finite; the threshold lies outside [0, 1].
    """
    return _best_form("nms", boxes, scores, None, iou_threshold)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Return the indices of the boxes that survive NMS among their own class, best score first.

    Args:
        idxs: (N,) integer; the class (or image, or level) of each box. Any numbers.
        boxes, scores, iou_threshold: as for `nms`.

    Returns:
        (number kept,) int64. No box is shifted to keep classes apart, so nothing is rounded.
        Empty for empty `boxes`, whatever the other arguments are.
    """
    if isinstance(boxes, Tensor) and boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64, device=boxes.device)
    check.is_tensor("batched_nms", idxs=idxs)
    return _best_form("batched_nms", boxes, scores, idxs, iou_threshold)


def _best_form(function, boxes, scores, idxs, iou_threshold) -> Tensor:
    boxes, scores = _checked(function, boxes, scores, idxs, iou_threshold)
    form = nms_vectorized if native.obstacle("nms", boxes, scores) else nms_native
    return form(boxes, scores, iou_threshold, idxs)


def _checked(function, boxes, scores, idxs, iou_threshold) -> tuple[Tensor, Tensor]:
    boxes, scores = check_detections(function, boxes, scores, idxs)
    check.unit_interval(function, iou_threshold=iou_threshold)
    return boxes.detach(), scores.detach()


def check_detections(function, boxes, scores, idxs) -> tuple[Tensor, Tensor]:
    """Check types, shapes, devices and dtypes; return boxes and scores, of one dtype."""
    check.boxes(function, boxes=boxes)
    others = {"scores": scores} if idxs is None else {"scores": scores, "idxs": idxs}
    check.is_tensor(function, **others)
    for name, tensor in others.items():
        if tensor.ndim != 1 or len(tensor) != len(boxes):
            raise ValueError(
                f"{function}: {name} must have shape (N,) with the N of boxes, {len(boxes)}, "
                f"got {tuple(tensor.shape)}"
            )
    check.same_device(function, boxes=boxes, **others)
    if check.under_autocast(boxes):  # a network's boxes beside scores of a softmax
        boxes, scores = widen(boxes), widen(scores)
    check.dtype(function, check.FLOATS, boxes=boxes)
    check.same_dtype(function, boxes=boxes, scores=scores)
    if idxs is not None:
        check.dtype(function, check.INTEGERS, idxs=idxs)
    return boxes, scores


def _prepared(boxes, scores, iou_threshold, idxs) -> tuple[Tensor, Tensor, Tensor]:
    """Checked values in the dtype of the arithmetic; the threshold rounded to it."""
    boxes, scores = widen(boxes.detach()), widen(scores.detach())
    function = "nms" if idxs is None else "batched_nms"
    check.box_values(function, boxes=boxes)
    check.finite(function, scores=scores)
    return boxes, scores, boxes.new_tensor(iou_threshold)


def _by_score(scores: Tensor) -> list[int]:
    return scores.argsort(descending=True, stable=True).tolist()


def nms_steps(
    boxes: Tensor, scores: Tensor, iou_threshold: float, idxs: Tensor | None = None
) -> Iterator[tuple[int, list[int]]]:
    """Yield each kept box, best first, with the boxes that it suppresses: (index, [index, ...])."""
    boxes, scores, threshold = _prepared(boxes, scores, iou_threshold, idxs)
    waiting = _by_score(scores)
    while waiting:
        best, *waiting = waiting
        suppressed = []
        for i in waiting:
            same_class = idxs is None or idxs[i] == idxs[best]
            if same_class and iou_of_pair(boxes[best], boxes[i]) > threshold:
                suppressed.append(i)
        yield best, suppressed
        waiting = [i for i in waiting if i not in suppressed]


# The formula stands in box_iou.py, too, among its relatives. Here it is alone, so that the loop can
# be read without another file: it is what the first lesson shows.
def iou_of_pair(a: Tensor, b: Tensor) -> Tensor:
    """IoU of two boxes, (4,) each: 0 for 0 / 0."""
    width = torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])
    height = torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0 * a[0]
    inter = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if union > 0 else 0 * inter


def nms_loop(
    boxes: Tensor, scores: Tensor, iou_threshold: float, idxs: Tensor | None = None
) -> Tensor:
    keep = [best for best, _ in nms_steps(boxes, scores, iou_threshold, idxs)]
    return torch.tensor(keep, dtype=torch.int64, device=boxes.device)


def nms_vectorized(
    boxes: Tensor, scores: Tensor, iou_threshold: float, idxs: Tensor | None = None
) -> Tensor:
    boxes, scores, threshold = _prepared(boxes, scores, iou_threshold, idxs)
    waiting = scores.argsort(descending=True, stable=True)               # (number waiting,)
    keep = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        keep.append(best)
        suppressed = iou_of_pairs(boxes[best], boxes[waiting]) > threshold
        if idxs is not None:
            suppressed &= idxs[waiting] == idxs[best]
        waiting = waiting[~suppressed]
    return torch.stack(keep) if keep else scores.new_empty(0, dtype=torch.int64)


def nms_native(
    boxes: Tensor, scores: Tensor, iou_threshold: float, idxs: Tensor | None = None,
    kernel: int = 0,
) -> Tensor:
    """`kernel`: 0 is the best; 1 and 2 are those of csrc/cuda/nms.cuh (the CPU has one)."""
    check.kernel("nms_native", kernel, 2)
    boxes, scores = boxes.detach(), scores.detach()
    native.require("nms", boxes, scores)
    function = "nms" if idxs is None else "batched_nms"
    classes = None if idxs is None else idxs.to(torch.int64)
    return native.call("nms", function, boxes, scores, classes, float(iou_threshold), kernel)


def _fake(boxes, scores, idxs, iou_threshold, kernel):
    kept = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(kept, dtype=torch.int64)


native.register("nms", fake=_fake, returns_indices=True, autocast=torch.float32)

IMPLEMENTATIONS = {
    "loop": nms_loop,
    "vectorized": nms_vectorized,
    "native": nms_native,
}
