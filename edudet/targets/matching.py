"""Which anchor is to find which object: labels for the anchors, by IoU.

    positive   IoU > 0.7 with some ground truth; or the best anchor that a ground truth has
    negative   IoU < 0.3 with every ground truth
    ignored    between: neither a good example nor a clear counterexample; no loss

Faster R-CNN (Ren et al., 2015). Without the second rule for positives, an object that no anchor
covers by 0.7 would teach nothing. What the paper leaves open is decided so:

  - "Higher than 0.7" and "lower than 0.3" are meant strictly: > and <. (torchvision and detectron2
    take >= 0.7.) An IoU of exactly 0.3 or 0.7 is between. The thresholds are rounded to the dtype
    of the IoU, as in `nms`, so that every backend decides alike.
  - An anchor belongs to the ground truth with which its own IoU is largest; of equal ones, the
    first. Also an anchor that is positive only because another ground truth has none better.
  - A ground truth's best anchors are all that share its largest IoU, if that is above 0. One that
    no anchor touches has none (torchvision would make every such anchor positive).
  - No ground truth: every anchor is negative. An image of background is an example, not an error.

The same function twice: match_anchors_loop (the definition) and match_anchors_vectorized.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.area import parts_inside
from edudet.dtypes import widen
from edudet.ops import box_iou

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class Matches(NamedTuple):
    labels: Tensor  # (N,) int64: 1 positive, 0 negative, -1 ignored
    gt_indices: Tensor  # (N,) int64: the ground truth of a positive anchor; -1 for the others


def match_anchors(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, best_for_each: bool = True,
    crowd_boxes: Tensor | None = None, crowd_threshold: float = 0.5,
) -> Matches:
    """Label every anchor and name its ground truth.

    Args:
        anchors: (N, 4) float; xyxy, pixels. Or the proposals of a second stage.
        gt_boxes: (M, 4), same dtype and device; M may be 0.
        positive_threshold, negative_threshold: in [0, 1], the first not below the second. If both
            are equal nothing lies between, and the threshold itself is positive: Fast R-CNN wants
            "at least 0.5" in its second stage.
        best_for_each: give every ground truth its best anchor, below the threshold too.
        crowd_boxes: (K, 4), same dtype and device; regions in which objects are not told apart
            (COCO's "iscrowd"). A negative anchor that lies in one by more than `crowd_threshold`
            of its own area may well show an object: it is ignored.

    Returns:
        Matches(labels, gt_indices): (N,) int64 each.

    Gradient:
        None: a label has no derivative.

    Raises:
        TypeError: an argument is not a tensor, a number or a bool.
        ValueError: shapes, dtypes or devices do not fit; a threshold is out of range; a box is not
            finite or is inverted.
    """
    named = {"anchors": anchors, "gt_boxes": gt_boxes}
    if crowd_boxes is not None:
        named["crowd_boxes"] = crowd_boxes
    check.boxes("match_anchors", **named)
    check.dtype("match_anchors", check.FLOATS, anchors=anchors)
    check.same_device("match_anchors", **named)
    check.same_dtype("match_anchors", **named)
    check.unit_interval(
        "match_anchors", positive_threshold=positive_threshold,
        negative_threshold=negative_threshold, crowd_threshold=crowd_threshold,
    )
    if positive_threshold < negative_threshold:
        raise ValueError(
            f"match_anchors: positive_threshold must be at least negative_threshold, "
            f"{negative_threshold}, got {positive_threshold}"
        )
    check.is_bool("match_anchors", best_for_each=best_for_each)
    for name, boxes in named.items():
        if check.can_look(boxes):  # in float32: the area of 300 x 300 is too large for float16
            check.box_values("match_anchors", **{name: widen(boxes)})
    return match_anchors_vectorized(
        anchors, gt_boxes, positive_threshold, negative_threshold, best_for_each, crowd_boxes,
        crowd_threshold,
    )


def match_anchors_loop(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, best_for_each: bool = True,
    crowd_boxes: Tensor | None = None, crowd_threshold: float = 0.5,
) -> Matches:
    iou = box_iou(anchors.detach(), gt_boxes.detach())                   # (N, M)
    high, low = iou.new_tensor(positive_threshold), iou.new_tensor(negative_threshold)
    best_of_gt = [max([0, *iou[:, j]]) for j in range(len(gt_boxes))]
    labels, gt_indices = [], []
    for i in range(len(anchors)):
        best, best_iou = -1, iou.new_tensor(0)
        for j in range(len(gt_boxes)):
            if best == -1 or iou[i, j] > best_iou:
                best, best_iou = j, iou[i, j]
        label = IGNORED
        if best == -1 or best_iou < low:
            label = NEGATIVE
        elif best_iou > high or best_iou == high == low:
            label = POSITIVE
        for j in range(len(gt_boxes)):
            if best_for_each and iou[i, j] > 0 and iou[i, j] == best_of_gt[j]:
                label = POSITIVE
        if label == NEGATIVE and crowd_boxes is not None:
            for crowd in crowd_boxes:
                if _part_inside(anchors[i], crowd) > crowd_threshold:
                    label = IGNORED
        labels.append(label)
        gt_indices.append(best if label == POSITIVE else -1)
    return Matches(
        torch.tensor(labels, dtype=torch.int64, device=anchors.device),
        torch.tensor(gt_indices, dtype=torch.int64, device=anchors.device),
    )


def _part_inside(anchor: Tensor, crowd: Tensor) -> float:
    ax1, ay1, ax2, ay2 = anchor.tolist()
    bx1, by1, bx2, by2 = crowd.tolist()
    width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
    area = (ax2 - ax1) * (ay2 - ay1)
    return max(width, 0) * max(height, 0) / area if area > 0 else 0


def match_anchors_vectorized(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, best_for_each: bool = True,
    crowd_boxes: Tensor | None = None, crowd_threshold: float = 0.5,
) -> Matches:
    anchors, gt_boxes = anchors.detach(), gt_boxes.detach()
    labels = torch.zeros(len(anchors), dtype=torch.int64, device=anchors.device)
    best = torch.full_like(labels, -1)
    if len(anchors) > 0 and len(gt_boxes) > 0:
        iou = box_iou(gt_boxes, anchors)                                 # (M, N)
        high, low = iou.new_tensor(positive_threshold), iou.new_tensor(negative_threshold)
        best_iou, best = iou.max(0)                                      # (N,), of equal: the first
        labels[best_iou >= low] = IGNORED
        labels[(best_iou > high) | ((best_iou == high) & (high == low))] = POSITIVE
        if best_for_each:
            best_of_gt = iou.amax(1, keepdim=True)                       # (M, 1)
            labels[((iou == best_of_gt) & (best_of_gt > 0)).any(0)] = POSITIVE
    if crowd_boxes is not None and len(crowd_boxes) > 0:
        inside = parts_inside(anchors, crowd_boxes.detach()).amax(1) > crowd_threshold
        labels[inside & (labels == NEGATIVE)] = IGNORED
    return Matches(labels, torch.where(labels == POSITIVE, best, -1))


IMPLEMENTATIONS = {"loop": match_anchors_loop, "vectorized": match_anchors_vectorized}
