"""Matching detections to ground truth: which detection is right?

A detection is right if it overlaps an object well enough (IoU >= threshold) and no better detection
has claimed the object before: of two on one object, the second is wrong. The rules differ in who
may choose first, and what happens to those who come late:

    "voc"     the most confident detection first; it may claim only the object that it overlaps
              most. If that one is taken, it is wrong. Everingham et al., 2010.
    "coco"    the most confident first; it claims the best of the objects that are still free; of
              objects with equal IoU the later one. Lin et al., 2014.
    "pairs"   no confidence: of all pairs, the one of the largest IoU is matched first; then the
              next whose two members are both free, and so on.

Objects to ignore ("difficult" in VOC, "crowd" in COCO) need not be found. A detection that would be
matched to one is itself ignored, neither right nor wrong; such an object is never used up.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.area import parts_inside
from edudet.metrics.confusion import Confusion
from edudet.ops import box_iou

RULES = ("voc", "coco", "pairs")


@dataclass(frozen=True)
class Matches:
    """Who belongs to whom; -1 is nobody."""

    detections: Tensor     # (N,) int64: index of the object that each detection claims
    ground_truths: Tensor  # (M,) int64: index of the detection that claims each object
    ignored: Tensor        # (N,) bool: neither right nor wrong
    gt_ignore: Tensor      # (M,) bool: need not be found

    @property
    def counts(self) -> Confusion:
        """Add those of all images before you divide: `sum((m.counts for m in all), Confusion())`.

        There are no true negatives: nobody can count the boxes that were rightly not drawn."""
        judged = ~self.ignored
        tp = int((judged & (self.detections >= 0)).sum())
        return Confusion(tp, int(judged.sum()) - tp, int((~self.gt_ignore).sum()) - tp)


def match_detections(
    gt_boxes: Tensor, boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5,
    rule: str = "coco", gt_ignore: Tensor | None = None,
) -> Matches:
    """Match the detections of one class in one image to its objects.

    Args:
        gt_boxes: (M, 4) float; xyxy, pixels: the objects.
        boxes: (N, 4) float; xyxy, pixels: the detections.
        scores: (N,) float; of equal scores the lower index comes first. "pairs" looks at none.
        iou_threshold: in [0, 1]; an IoU of exactly this much is enough.
        rule: "voc", "coco" or "pairs", see above.
        gt_ignore: (M,) bool; difficult objects, or crowds. With the rule "coco" the overlap with a
            crowd is the part of the *detection* that it covers, and one whose best free object is
            not good enough may fall back to a crowd; "pairs" falls back alike, by IoU.

    Returns:
        `Matches`, with the counts tp, fp and fn. An ignored object is in `detections` of each
        that claims it, and has -1 in `ground_truths`.

    Raises:
        TypeError: an argument is not a tensor, or the threshold is not a number.
        ValueError: shapes, dtypes or devices do not fit; a box is not finite or is inverted; a
            score is NaN; the threshold lies outside [0, 1]; the rule is none of the three.
    """
    gt_ignore = _checked(gt_boxes, boxes, scores, iou_threshold, rule, gt_ignore)
    gt_boxes, boxes = gt_boxes.detach().double(), boxes.detach().double()
    overlap = box_iou(boxes, gt_boxes)                                           # (N, M)
    if rule == "coco":
        overlap = torch.where(gt_ignore, parts_inside(boxes, gt_boxes), overlap)
    order = scores.argsort(descending=True, stable=True).tolist()
    rules = {"voc": _match_voc, "coco": _match_coco, "pairs": _match_pairs}
    claims = rules[rule](overlap.tolist(), order, gt_ignore.tolist(), float(iou_threshold))
    detections = torch.tensor(claims, dtype=torch.int64, device=boxes.device).reshape(-1)
    matched = detections.clamp(min=0)
    ignored = torch.zeros_like(detections, dtype=torch.bool)
    ground_truths = torch.full_like(gt_ignore, -1, dtype=torch.int64)
    if len(gt_ignore):
        ignored = (detections >= 0) & gt_ignore[matched]
        right = (detections >= 0) & ~ignored
        ground_truths[detections[right]] = right.nonzero().flatten()
    return Matches(detections, ground_truths, ignored, gt_ignore)


def _checked(gt_boxes, boxes, scores, iou_threshold, rule, gt_ignore) -> Tensor:
    function = "match_detections"
    check.boxes(function, gt_boxes=gt_boxes, boxes=boxes)
    check.is_tensor(function, scores=scores)
    gt_ignore = gt_boxes.new_zeros(len(gt_boxes), dtype=torch.bool) if gt_ignore is None else (
        gt_ignore
    )
    check.is_tensor(function, gt_ignore=gt_ignore)
    for name, tensor, other, length in (
        ("scores", scores, "boxes", len(boxes)), ("gt_ignore", gt_ignore, "gt_boxes", len(gt_boxes))
    ):
        if tensor.shape != (length,):
            raise ValueError(
                f"{function}: {name} must have shape ({length},), one for each of {other}, "
                f"got {tuple(tensor.shape)}"
            )
    check.same_device(
        function, gt_boxes=gt_boxes, boxes=boxes, scores=scores, gt_ignore=gt_ignore
    )
    check.dtype(function, check.FLOATS, gt_boxes=gt_boxes, boxes=boxes, scores=scores)
    check.box_values(function, gt_boxes=gt_boxes, boxes=boxes)
    for i in scores.isnan().nonzero().flatten().tolist()[:1]:
        raise ValueError(f"{function}: scores[{i}] must be a number, got nan")
    check.unit_interval(function, iou_threshold=iou_threshold)
    if rule not in RULES:
        raise ValueError(f"{function}: rule must be one of {', '.join(RULES)}, got {rule!r}")
    return gt_ignore.to(torch.bool)


def _match_voc(overlap, order, ignore, threshold) -> list[int]:
    claims, taken = [-1] * len(order), set()
    for i in order:
        best = max(range(len(ignore)), key=lambda j: overlap[i][j], default=-1)
        if best < 0 or overlap[i][best] < threshold or best in taken:
            continue
        claims[i] = best
        if not ignore[best]:
            taken.add(best)
    return claims


def _match_coco(overlap, order, ignore, threshold) -> list[int]:
    claims, taken = [-1] * len(order), set()
    for i in order:
        for group in (False, True):  # a crowd only if no object is good enough
            best = -1
            for j in range(len(ignore)):
                if ignore[j] != group or j in taken or overlap[i][j] < threshold:
                    continue
                if best < 0 or overlap[i][j] >= overlap[i][best]:
                    best = j
            if best >= 0:
                claims[i] = best
                if not ignore[best]:
                    taken.add(best)
                break
    return claims


def _match_pairs(overlap, order, ignore, threshold) -> list[int]:
    pairs = [
        (j, i) for j in range(len(ignore)) for i in range(len(order))
        if overlap[i][j] >= threshold
    ]
    pairs.sort(key=lambda pair: (ignore[pair[0]], -overlap[pair[1]][pair[0]]))
    claims, taken = [-1] * len(order), set()
    for j, i in pairs:
        if claims[i] < 0 and j not in taken:
            claims[i] = j
            if not ignore[j]:
                taken.add(j)
    return claims
