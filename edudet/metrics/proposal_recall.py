"""Recall of proposals: how many objects the first n boxes of each image find.

An object is found if some proposal has an IoU with it of at least the threshold:

    recall(n) = objects found by the first n proposals / all objects

Objects of all images are pooled. What no proposal covers, no later stage of a detector can find, so
recall is an upper bound; precision is left to that stage. `average_recall` is the mean over IoU
thresholds from .5 to .95, because a box that barely touches the object at .5 is of little use.
Hosang, Benenson, Dollar and Schiele, 2015.

    proposal_recall_loop         box by box: the definition
    proposal_recall_vectorized   the best IoU among the first n, for all n at once
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from edudet import check
from edudet.ops.box_iou import box_iou, box_iou_loop

COUNTS = (500, 1000, 2000)
IOU_THRESHOLDS = tuple(t / 100 for t in range(50, 100, 5))


def proposal_recall(
    gt_boxes: Sequence[Tensor], proposals: Sequence[Tensor], counts: Sequence[int] = COUNTS,
    iou_threshold: float = 0.5,
) -> Tensor:
    """Return the share of objects that the first n proposals of their image find, for each n.

    Args:
        gt_boxes: for each image (M, 4) float xyxy boxes, the objects.
        proposals: for each image (N, 4), best first, of the same dtype and device.
        counts: numbers n of proposals; where an image has fewer, all of its proposals.
        iou_threshold: in [0, 1]; found means an IoU of at least this, rounded to the boxes' dtype.

    Returns:
        (len(counts),) float64. -1 where there are no objects at all, as in COCO's evaluation.

    Gradient:
        None: a count has no derivative.

    Raises:
        TypeError: not lists of tensors; a count is not an int, the threshold not a number.
        ValueError: not as many images in both lists; shapes, dtypes or devices do not fit; a count
            is negative, the threshold outside [0, 1].
    """
    _check("proposal_recall", gt_boxes, proposals, counts)
    check.unit_interval("proposal_recall", iou_threshold=iou_threshold)
    return proposal_recall_vectorized(gt_boxes, proposals, counts, iou_threshold)


def average_recall(
    gt_boxes: Sequence[Tensor], proposals: Sequence[Tensor], counts: Sequence[int] = COUNTS,
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
) -> Tensor:
    """Return the mean of `proposal_recall` over several thresholds, for each number of proposals.

    Other arguments, errors: as there. By default .5, .55, ... .95. -1 where there are no objects.
    """
    _check("average_recall", gt_boxes, proposals, counts)
    if not iou_thresholds:
        raise ValueError("average_recall: iou_thresholds must hold at least one, got none")
    for threshold in iou_thresholds:
        check.unit_interval("average_recall", iou_thresholds=threshold)
    best = _best_overlaps(gt_boxes, proposals, counts)
    return torch.stack([_share(best, threshold) for threshold in iou_thresholds]).mean(0)


def _check(function: str, gt_boxes, proposals, counts) -> None:
    for name, boxes in (("gt_boxes", gt_boxes), ("proposals", proposals)):
        if not isinstance(boxes, (list, tuple)):
            raise TypeError(
                f"{function}: {name} must be a list of Tensors, one for each image, "
                f"got {type(boxes).__name__}"
            )
    if len(proposals) != len(gt_boxes):
        raise ValueError(
            f"{function}: proposals must be as many as gt_boxes, {len(gt_boxes)}, "
            f"got {len(proposals)}"
        )
    for i, (objects, boxes) in enumerate(zip(gt_boxes, proposals, strict=True)):
        named = {f"gt_boxes[{i}]": objects, f"proposals[{i}]": boxes}
        check.boxes(function, **named)
        check.same_device(function, **named)
        check.dtype(function, check.FLOATS, **named)
        check.same_dtype(function, **named)
    if not isinstance(counts, (list, tuple, range)):
        raise TypeError(f"{function}: counts must be a list of ints, got {counts!r}")
    for count in counts:
        check.is_int(function, counts=count)
        check.not_negative(function, counts=count)


def proposal_recall_loop(gt_boxes, proposals, counts=COUNTS, iou_threshold=0.5) -> Tensor:
    recall = []
    for count in counts:
        found = total = 0
        for objects, boxes in zip(gt_boxes, proposals, strict=True):
            for overlaps in box_iou_loop(objects, boxes[:count]):
                total += 1
                if any(iou >= overlaps.new_tensor(iou_threshold) for iou in overlaps):
                    found += 1
        recall.append(found / total if total else -1)
    return torch.tensor(recall, dtype=torch.float64)


def proposal_recall_vectorized(gt_boxes, proposals, counts=COUNTS, iou_threshold=0.5) -> Tensor:
    return _share(_best_overlaps(gt_boxes, proposals, counts), iou_threshold)


def _best_overlaps(gt_boxes, proposals, counts) -> Tensor:
    """(objects of all images, len(counts)): the best IoU among the first n; -1 among none."""
    best = []
    for objects, boxes in zip(gt_boxes, proposals, strict=True):
        iou = box_iou(objects.detach(), boxes.detach())                     # (M, N)
        none = iou.new_full((len(objects), 1), -1)
        so_far = torch.cat([none, iou], 1).cummax(1).values                 # (M, N + 1)
        best.append(so_far[:, [min(count, len(boxes)) for count in counts]].cpu())
    return torch.cat(best) if best else torch.empty(0, len(counts))


def _share(best: Tensor, iou_threshold: float) -> Tensor:
    if len(best) == 0:
        return torch.full((best.shape[1],), -1, dtype=torch.float64)
    return (best >= best.new_tensor(iou_threshold)).double().mean(0)


IMPLEMENTATIONS = {"loop": proposal_recall_loop, "vectorized": proposal_recall_vectorized}
