"""What the second stage should say about the proposals of one image: class and box of a sample.

A proposal that overlaps an object by half is to become that object; one that overlaps none so far
is background. There are far more of the second kind, so a sample is drawn, a quarter positive at
most. Fast R-CNN (Girshick, 2015) decides:

    positive     best IoU >= 0.5: the class of that object, and the deltas that lead to its box
    background   best IoU in [background_from, 0.5): class 0 and no deltas
    left out     best IoU < background_from, and background inside a crowd

Fast R-CNN had background_from = 0.1: background that touches an object is hard to tell from it, and
taught more than empty sky. Faster R-CNN has 0: its proposals are hard examples already.

The ground truth itself is added to the proposals: early in training no proposal is good, and a head
that never meets an object learns nothing.

The same function twice: roi_targets_loop (the definition) and roi_targets_vectorized. With the same
generator they draw the same proposals.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.deltas import Weights, encode_deltas_loop, encode_deltas_vectorized
from edudet.ops import box_iou
from edudet.targets.matching import IGNORED, NEGATIVE, match_anchors_loop, match_anchors_vectorized
from edudet.targets.rpn_targets import check_boxes, check_draw
from edudet.targets.sampling import sample_balanced_loop, sample_balanced_vectorized

BACKGROUND = 0
WEIGHTS = (10.0, 10.0, 5.0, 5.0)


class RoiTargets(NamedTuple):
    rois: Tensor  # (R, 4): the sample, positive ones first, each part in the order of the proposals
    labels: Tensor  # (R,) int64: the class; 0 background
    deltas: Tensor  # (R, 4): from the RoI to its object, times the weights; 0 for background
    gt_indices: Tensor  # (R,) int64: the object; -1 for background


def roi_targets(
    proposals: Tensor, gt_boxes: Tensor, gt_labels: Tensor, size: int = 512,
    positive_fraction: float = 0.25, threshold: float = 0.5, background_from: float = 0.0,
    append_gt: bool = True, weights: Weights = WEIGHTS, crowd_boxes: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> RoiTargets:
    """Draw a sample of the proposals, and give each its class, its deltas and its object.

    Args:
        proposals: (P, 4) float; xyxy, pixels; P may be 0.
        gt_boxes: (G, 4), same dtype and device; G may be 0: the best IoU is 0 then, and all is
            background (or left out, with a `background_from` above 0).
        gt_labels: (G,) integer, same device; classes, 1 or more: 0 is background.
        size, positive_fraction: as in `sample_balanced`.
        threshold: in (0, 1]; the IoU from which a proposal is positive.
        background_from: in [0, threshold]; the IoU from which another is background.
        append_gt: whether the ground truth joins the proposals, behind them.
        weights: of the deltas, as in `encode_deltas`.
        crowd_boxes: (K, 4), same dtype and device; background inside them is left out.
        generator: fixes the draw.

    Returns:
        RoiTargets(rois, labels, deltas, gt_indices): R <= size rows, the positive ones first.
        Of equally good objects a RoI has the first.

    Gradient:
        None: neither a target has one nor a box as a place to look at.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a number is out of range; a box is not
            finite or is inverted, or one of `gt_boxes` has no width or no height: no deltas lead
            to it. (On CUDA the values are not looked at.)
    """
    named = {"proposals": proposals, "gt_boxes": gt_boxes}
    if crowd_boxes is not None:
        named["crowd_boxes"] = crowd_boxes
    check_boxes("roi_targets", **named)
    _check_labels(gt_labels, gt_boxes)
    check.unit_interval(
        "roi_targets", positive_fraction=positive_fraction, threshold=threshold,
        background_from=background_from,
    )
    check.positive("roi_targets", threshold=threshold)
    if background_from > threshold:
        raise ValueError(
            f"roi_targets: background_from must be at most threshold, {threshold}, "
            f"got {background_from}"
        )
    check.is_bool("roi_targets", append_gt=append_gt)
    if not isinstance(weights, (tuple, list)) or len(weights) != 4:
        raise TypeError(f"roi_targets: weights must be four numbers, got {weights!r}")
    for weight in weights:
        check.positive("roi_targets", weights=weight)
    check_draw("roi_targets", size, generator)
    return roi_targets_vectorized(
        proposals, gt_boxes, gt_labels, size, positive_fraction, threshold, background_from,
        append_gt, weights, crowd_boxes, generator,
    )


def _check_labels(gt_labels: Tensor, gt_boxes: Tensor) -> None:
    check.is_tensor("roi_targets", gt_labels=gt_labels)
    if gt_labels.shape != gt_boxes.shape[:1]:
        raise ValueError(
            f"roi_targets: gt_labels must have shape (G,) with the G of gt_boxes, "
            f"{len(gt_boxes)}, got {tuple(gt_labels.shape)}"
        )
    check.dtype("roi_targets", check.INTEGERS, gt_labels=gt_labels)
    check.same_device("roi_targets", gt_boxes=gt_boxes, gt_labels=gt_labels)
    if check.can_look(gt_labels):
        for i in (gt_labels < 1).nonzero().flatten().tolist()[:1]:
            raise ValueError(
                f"roi_targets: gt_labels[{i}] must be at least 1, got {gt_labels[i].item()}: "
                "0 is background"
            )


def roi_targets_loop(
    proposals: Tensor, gt_boxes: Tensor, gt_labels: Tensor, size: int = 512,
    positive_fraction: float = 0.25, threshold: float = 0.5, background_from: float = 0.0,
    append_gt: bool = True, weights: Weights = WEIGHTS, crowd_boxes: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> RoiTargets:
    proposals, gt_boxes = proposals.detach(), gt_boxes.detach()
    if append_gt:
        proposals = torch.cat([proposals, gt_boxes])
    matches = match_anchors_loop(proposals, gt_boxes, threshold, threshold, False, crowd_boxes)
    iou = box_iou(proposals, gt_boxes)
    lowest = iou.new_tensor(background_from)
    for i in range(len(proposals)):
        best_iou = max([iou.new_tensor(0), *iou[i]])
        if matches.labels[i] == NEGATIVE and best_iou < lowest:
            matches.labels[i] = IGNORED
    sample = sample_balanced_loop(matches.labels, size, positive_fraction, generator)
    chosen = [*sample.positive.tolist(), *sample.negative.tolist()]
    rois = proposals.new_zeros(len(chosen), 4)
    deltas = torch.zeros_like(rois)
    labels = torch.full_like(matches.labels[: len(chosen)], BACKGROUND)
    gt_indices = torch.full_like(labels, -1)
    for r, i in enumerate(chosen):
        rois[r] = proposals[i]
        gt_indices[r] = matches.gt_indices[i]
        if gt_indices[r] >= 0:
            labels[r] = gt_labels[gt_indices[r]]
            deltas[r] = encode_deltas_loop(gt_boxes[gt_indices[r]], proposals[i], weights)
    return RoiTargets(rois, labels, deltas, gt_indices)


def roi_targets_vectorized(
    proposals: Tensor, gt_boxes: Tensor, gt_labels: Tensor, size: int = 512,
    positive_fraction: float = 0.25, threshold: float = 0.5, background_from: float = 0.0,
    append_gt: bool = True, weights: Weights = WEIGHTS, crowd_boxes: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> RoiTargets:
    proposals, gt_boxes = proposals.detach(), gt_boxes.detach()
    if append_gt:
        proposals = torch.cat([proposals, gt_boxes])
    matches = match_anchors_vectorized(
        proposals, gt_boxes, threshold, threshold, False, crowd_boxes
    )
    labels = matches.labels
    if background_from > 0:  # what is negative at this threshold too is too far from any object
        far = match_anchors_vectorized(proposals, gt_boxes, background_from, background_from, False)
        labels = labels.masked_fill(far.labels == NEGATIVE, IGNORED)
    positive, negative = sample_balanced_vectorized(labels, size, positive_fraction, generator)
    chosen, num_positive = torch.cat([positive, negative]), len(positive)
    rois, gt_indices = proposals[chosen], matches.gt_indices[chosen]
    of_positive = gt_indices[:num_positive]
    labels = torch.full_like(gt_indices, BACKGROUND)
    labels[:num_positive] = gt_labels[of_positive].long()
    deltas = torch.zeros_like(rois)
    deltas[:num_positive] = encode_deltas_vectorized(
        gt_boxes[of_positive], rois[:num_positive], weights
    )
    return RoiTargets(rois, labels, deltas, gt_indices)


IMPLEMENTATIONS = {"loop": roi_targets_loop, "vectorized": roi_targets_vectorized}
