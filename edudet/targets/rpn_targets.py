"""What a region proposal network should say about the anchors of one image.

Three steps, each a concept of its own, become the targets of one training step:

    match_anchors     which anchor finds which object: positive, negative, ignored
    sample_balanced   256 of them, half positive at most; the others do not count this time
    encode_deltas     how a positive anchor must move to become its object

Faster R-CNN (Ren et al., 2015). Most anchors are left out, and differently so in every step: the
classification loss runs over the labels 1 and 0, the box loss over the label 1 alone.

The same function twice: rpn_targets_loop (the definition) and rpn_targets_vectorized. With the same
generator they draw the same anchors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check
from edudet.boxes.deltas import encode_deltas_loop, encode_deltas_vectorized
from edudet.dtypes import widen
from edudet.targets.matching import match_anchors_loop, match_anchors_vectorized
from edudet.targets.sampling import sample_balanced_loop, sample_balanced_vectorized

POSITIVE, NEGATIVE, NOT_SAMPLED = 1, 0, -1


class RpnTargets(NamedTuple):
    labels: Tensor  # (A,) int64: 1 object, 0 background, -1 not sampled
    deltas: Tensor  # (A, 4): from the anchor to its object; 0 where the label is not 1
    gt_indices: Tensor  # (A,) int64: the object of the anchor; -1 where the label is not 1


def rpn_targets(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, size: int = 256, positive_fraction: float = 0.5,
    crowd_boxes: Tensor | None = None, generator: torch.Generator | None = None,
) -> RpnTargets:
    """Label a random sample of the anchors, and say how the positive ones must move.

    Args:
        anchors: (A, 4) float; xyxy, pixels; those of all maps of a pyramid, one after the other.
        gt_boxes: (G, 4), same dtype and device; G may be 0: then every label is 0 or -1.
        positive_threshold, negative_threshold: as in `match_anchors`; the first above 0.
        size, positive_fraction: as in `sample_balanced`.
        crowd_boxes: (K, 4), same dtype and device; background inside them is not sampled.
        generator: fixes the draw.

    Returns:
        RpnTargets(labels, deltas, gt_indices), deltas in the dtype of `anchors`.

    Gradient:
        None: a target has none.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes, dtypes or devices do not fit; a number is out of range; a box is not
            finite or is inverted, or one of `gt_boxes` has no width or no height: no deltas lead
            to it. (On CUDA the values are not looked at.)
    """
    named = {"anchors": anchors, "gt_boxes": gt_boxes}
    if crowd_boxes is not None:
        named["crowd_boxes"] = crowd_boxes
    check_boxes("rpn_targets", **named)
    check.unit_interval(
        "rpn_targets", positive_threshold=positive_threshold,
        negative_threshold=negative_threshold, positive_fraction=positive_fraction,
    )
    check.positive("rpn_targets", positive_threshold=positive_threshold)
    if positive_threshold < negative_threshold:
        raise ValueError(
            f"rpn_targets: positive_threshold must be at least negative_threshold, "
            f"{negative_threshold}, got {positive_threshold}"
        )
    check_draw("rpn_targets", size, generator)
    return rpn_targets_vectorized(
        anchors, gt_boxes, positive_threshold, negative_threshold, size, positive_fraction,
        crowd_boxes, generator,
    )


def check_boxes(function: str, **named: Tensor) -> None:
    """(N, 4) boxes of one kind that are valid; those named gt_boxes have a width and a height."""
    check.boxes(function, **named)
    (first, boxes), *_ = named.items()
    check.dtype(function, check.FLOATS, **{first: boxes})
    check.same_device(function, **named)
    check.same_dtype(function, **named)
    for name, boxes in named.items():
        if check.can_look(boxes):  # in float32: the area of 300 x 300 is too large for float16
            check.box_values(function, **{name: widen(boxes)})
            if name == "gt_boxes":
                check.positive_sides(function, gt_boxes=boxes)


def check_draw(function: str, size: int, generator: torch.Generator | None) -> None:
    check.is_int(function, size=size)
    if size < 0:
        raise ValueError(f"{function}: size must be at least 0, got {size}")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"{function}: generator must be a torch.Generator, got {type(generator).__name__}"
        )


def rpn_targets_loop(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, size: int = 256, positive_fraction: float = 0.5,
    crowd_boxes: Tensor | None = None, generator: torch.Generator | None = None,
) -> RpnTargets:
    anchors, gt_boxes = anchors.detach(), gt_boxes.detach()
    matches = match_anchors_loop(
        anchors, gt_boxes, positive_threshold, negative_threshold, crowd_boxes=crowd_boxes
    )
    sample = sample_balanced_loop(matches.labels, size, positive_fraction, generator)
    labels = torch.full_like(matches.labels, NOT_SAMPLED)
    gt_indices = torch.full_like(matches.labels, -1)
    deltas = torch.zeros_like(anchors)
    for i in sample.negative:
        labels[i] = NEGATIVE
    for i in sample.positive:
        labels[i] = POSITIVE
        gt_indices[i] = matches.gt_indices[i]
        deltas[i] = encode_deltas_loop(gt_boxes[gt_indices[i]], anchors[i])
    return RpnTargets(labels, deltas, gt_indices)


def rpn_targets_vectorized(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3, size: int = 256, positive_fraction: float = 0.5,
    crowd_boxes: Tensor | None = None, generator: torch.Generator | None = None,
) -> RpnTargets:
    anchors, gt_boxes = anchors.detach(), gt_boxes.detach()
    matches = match_anchors_vectorized(
        anchors, gt_boxes, positive_threshold, negative_threshold, crowd_boxes=crowd_boxes
    )
    positive, negative = sample_balanced_vectorized(
        matches.labels, size, positive_fraction, generator
    )
    labels = torch.full_like(matches.labels, NOT_SAMPLED)
    gt_indices = torch.full_like(matches.labels, -1)
    deltas = torch.zeros_like(anchors)
    labels[negative], labels[positive] = NEGATIVE, POSITIVE
    gt_indices[positive] = matches.gt_indices[positive]
    # Of the sampled ones only: the logarithm for 200 000 anchors would cost more than the matching.
    matched = gt_boxes[gt_indices[positive]]
    deltas[positive] = encode_deltas_vectorized(matched, anchors[positive])
    return RpnTargets(labels, deltas, gt_indices)


IMPLEMENTATIONS = {"loop": rpn_targets_loop, "vectorized": rpn_targets_vectorized}
