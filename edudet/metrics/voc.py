"""The mean average precision (mAP) of PASCAL VOC: the AP of each class, and their mean.

Detections of all images are sorted together by score, class by class, and matched by the rule "voc"
of match_detections. Difficult objects need not be found and do not count. AP is read off at 11
recalls (until 2009) or taken as the whole area (since 2010). Everingham et al., 2010 and 2015.

VOC's own boxes include their last pixel: its scripts compute widths as x2 - x1 + 1. Add 1 to x2 and
y2 of such boxes; here a width is x2 - x1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edudet import check
from edudet.metrics.average_precision import average_precision
from edudet.metrics.match_detections import match_detections
from edudet.metrics.precision_recall import PrecisionRecall, precision_recall_curve

POINTS: dict[int, int | str] = {2007: 11, 2010: "all"}


@dataclass(frozen=True)
class VocResult:
    mean: float                          # mAP over the classes that have objects; nan if none has
    per_class: dict[int, float]          # label -> AP; nan for a class without objects
    curves: dict[int, PrecisionRecall]   # label -> curve, one point a detection


def voc_map(
    ground_truth: Sequence[Mapping[str, Tensor]], detections: Sequence[Mapping[str, Tensor]],
    iou_threshold: float = 0.5, year: int = 2010,
) -> VocResult:
    """Return the AP of each class and their mean, by the rules of VOC.

    Args:
        ground_truth: one a picture: {"boxes": (M, 4) float xyxy, "labels": (M,) integer} and
            optionally "difficult": (M,) bool.
        detections: one a picture, in the same order, as torchvision's detectors return them:
            {"boxes": (N, 4), "scores": (N,) float, "labels": (N,)}.
        iou_threshold: in [0, 1]; an IoU of exactly this much is enough.
        year: 2007 for 11 points, 2010 for the whole area.

    Raises:
        TypeError, ValueError: an argument does not fit; the message names the image.
    """
    _check("ground_truth", ground_truth, ("boxes", "labels"))
    _check("detections", detections, ("boxes", "scores", "labels"))
    if len(detections) != len(ground_truth):
        raise ValueError(
            "voc_map: detections must have as many images as ground_truth, "
            f"{len(ground_truth)}, got {len(detections)}"
        )
    if year not in POINTS:
        raise ValueError(f"voc_map: year must be 2007 or 2010, got {year!r}")
    check.unit_interval("voc_map", iou_threshold=iou_threshold)
    labels = {int(v) for image in (*ground_truth, *detections) for v in image["labels"]}
    curves, per_class = {}, {}
    for label in sorted(labels):
        positives, curve = _curve_of_class(ground_truth, detections, label, iou_threshold)
        curves[label] = curve
        ap = average_precision(curve.recall, curve.precision, POINTS[year])
        per_class[label] = ap if positives else math.nan
    defined = [ap for ap in per_class.values() if not math.isnan(ap)]
    return VocResult(sum(defined) / len(defined) if defined else math.nan, per_class, curves)


def _curve_of_class(
    ground_truth, detections, label: int, iou_threshold: float
) -> tuple[int, PrecisionRecall]:
    right, scores, positives = [torch.empty(0, dtype=torch.bool)], [torch.empty(0)], 0
    for truth, found in zip(ground_truth, detections, strict=True):
        mine, wanted = found["labels"] == label, truth["labels"] == label
        difficult = truth.get("difficult", torch.zeros_like(truth["labels"])).to(torch.bool)
        matches = match_detections(
            truth["boxes"][wanted], found["boxes"][mine], found["scores"][mine], iou_threshold,
            "voc", difficult[wanted],
        )
        judged = ~matches.ignored
        right.append((matches.detections >= 0)[judged].cpu())
        scores.append(found["scores"][mine][judged].cpu())
        positives += int((~difficult[wanted]).sum())
    return positives, precision_recall_curve(
        torch.cat(right), torch.cat(scores), positives, split_ties=True
    )


def _check(name: str, images, keys: tuple[str, ...]) -> None:
    if not isinstance(images, Sequence):
        raise TypeError(
            f"voc_map: {name} must be a list, one dictionary a picture, "
            f"got {type(images).__name__}"
        )
    for i, image in enumerate(images):
        if not isinstance(image, Mapping):
            raise TypeError(
                f"voc_map: {name}[{i}] must be a dictionary, got {type(image).__name__}"
            )
        for key in keys:
            if key not in image:
                raise ValueError(f"voc_map: {name}[{i}] must have the key {key!r}, got {[*image]}")
            check.is_tensor("voc_map", **{f"{name}[{i}][{key!r}]": image[key]})
            if len(image[key].shape) == 0 or len(image[key]) != len(image["boxes"]):
                raise ValueError(
                    f"voc_map: {name}[{i}][{key!r}] must have one entry for each box, "
                    f"got shape {tuple(image[key].shape)}"
                )
