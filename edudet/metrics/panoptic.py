"""Panoptic quality: one score for things (cars, people) and stuff (sky, road) in one map.

Every pixel belongs to one segment at most, in the truth and in the prediction. Segments of one
class match if their IoU exceeds 1/2: as segments do not overlap, none can match twice, so nothing
is sorted and no score is needed. Then, for each class,

    PQ = sum of the matches' IoU / (TP + FP / 2 + FN / 2) = SQ * RQ
    SQ = sum of the matches' IoU / TP       segmentation quality: how well are the found ones drawn?
    RQ = TP / (TP + FP / 2 + FN / 2)        recognition quality: the F1 score of finding them

and the means over the classes (the mean PQ is *not* the product of the mean SQ and RQ).

Void pixels (id 0 in the truth: nobody knows) belong to no union. A crowd ("iscrowd": a region of
many, not told apart) is never matched nor missed. A prediction without a match that lies by more
than half in void and in crowds of its class is no false positive.

Kirillov et al., 2019; the rules are those of their program, panopticapi.

    panoptic_quality_loop         pixel by pixel: the definition
    panoptic_quality_vectorized   the pixels of all pairs of segments counted at once
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edudet import check

Image = tuple[Tensor, Sequence[dict]]
Pairs = dict[tuple[int, int], int]  # (true id, predicted id) -> pixels in both
VOID = 0


@dataclass
class _Tally:
    """What has been counted of one class."""

    iou: float = 0.0
    tp: int = 0
    fp: int = 0
    fn: int = 0


def panoptic_quality(
    ground_truth: Sequence[Image], predictions: Sequence[Image], things: Iterable | None = None
) -> dict[str, Any]:
    """Return PQ, SQ and RQ over all images.

    Args:
        ground_truth: one pair (segment_map, segments) an image: (H, W) integer ids, 0 is void, and
            a list of {"id": ..., "category_id": ..., "iscrowd": 0 or 1 (0 if left out)}, the
            "segments_info" of COCO's panoptic files.
        predictions: the same, in the same order; pixels of id 0 are predicted to be nothing.
        things: categories that are things. With it, means over things and over stuff are given.

    Returns:
        "PQ", "SQ", "RQ": means over the classes with a segment that counts, NaN if there is none;
        with `things` also "PQ_things", ..., "RQ_stuff". "per_class": category -> its "PQ", "SQ",
        "RQ", "TP", "FP", "FN". SQ is 0 where nothing matches.

    Raises:
        TypeError: a map is not a tensor.
        ValueError: maps are not (H, W) integer or differ in shape; the numbers of images differ; an
            id in a map has no segment, a predicted segment no pixels; an id twice, or 0.
    """
    return panoptic_quality_vectorized(ground_truth, predictions, things)


def panoptic_quality_loop(
    ground_truth: Sequence[Image], predictions: Sequence[Image], things: Iterable | None = None
) -> dict[str, Any]:
    return _quality(ground_truth, predictions, things, _pairs_loop)


def panoptic_quality_vectorized(
    ground_truth: Sequence[Image], predictions: Sequence[Image], things: Iterable | None = None
) -> dict[str, Any]:
    return _quality(ground_truth, predictions, things, _pairs_vectorized)


def _pairs_loop(gt_map: Tensor, segment_map: Tensor) -> Pairs:
    pairs: Pairs = {}
    for pair in zip(gt_map.flatten().tolist(), segment_map.flatten().tolist(), strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
    return pairs


def _pairs_vectorized(gt_map: Tensor, segment_map: Tensor) -> Pairs:
    # Ids may be any colours: they are numbered first, so that a pair fits into one small number.
    gt_ids, truth = gt_map.flatten().unique(return_inverse=True)
    ids, found = segment_map.flatten().unique(return_inverse=True)
    counts = torch.bincount(truth * len(ids) + found, minlength=len(gt_ids) * len(ids)).tolist()
    names = ((i, j) for i in gt_ids.tolist() for j in ids.tolist())
    return {pair: count for pair, count in zip(names, counts, strict=True) if count}


def _quality(
    ground_truth: Sequence[Image], predictions: Sequence[Image], things: Iterable | None,
    count: Callable[[Tensor, Tensor], Pairs],
) -> dict[str, Any]:
    if len(ground_truth) != len(predictions):
        raise ValueError(
            f"panoptic_quality: predictions must be as many images as ground_truth, "
            f"{len(ground_truth)}, got {len(predictions)}"
        )
    tallies: dict[Any, _Tally] = {}
    for i, (truth, found) in enumerate(zip(ground_truth, predictions, strict=True)):
        _check_maps(i, truth[0], found[0])
        pairs = count(truth[0], found[0])
        gt_segments = _by_id(f"ground_truth[{i}]", truth[1], {g for g, _ in pairs})
        segments = _by_id(f"predictions[{i}]", found[1], {p for _, p in pairs}, drawn=True)
        _tally(gt_segments, segments, pairs, tallies)
    return _report(tallies, things)


def _tally(
    gt_segments: dict[int, dict], segments: dict[int, dict], pairs: Pairs,
    tallies: dict[Any, _Tally],
) -> None:
    """Match the segments of one image and add what was found to the counts of their classes."""
    gt_areas, areas = dict.fromkeys(gt_segments, 0), dict.fromkeys(segments, 0)
    for (g, p), pixels in pairs.items():
        if g != VOID:
            gt_areas[g] += pixels
        if p != VOID:
            areas[p] += pixels
    ignored = {p: pairs.get((VOID, p), 0) for p in segments}
    gt_matched, matched = set(), set()
    for (g, p), pixels in sorted(pairs.items()):  # one order of additions in every form
        if VOID in (g, p) or gt_segments[g].get("iscrowd", 0):
            continue
        category = segments[p]["category_id"]
        if gt_segments[g]["category_id"] != category:
            continue
        union = gt_areas[g] + areas[p] - pixels - ignored[p]
        if 2 * pixels > union:
            tally = tallies.setdefault(category, _Tally())
            tally.tp, tally.iou = tally.tp + 1, tally.iou + pixels / union
            gt_matched.add(g)
            matched.add(p)
    for g, segment in gt_segments.items():
        if segment.get("iscrowd", 0):
            for p in segments:
                if segments[p]["category_id"] == segment["category_id"]:
                    ignored[p] += pairs.get((g, p), 0)
        elif g not in gt_matched:
            tallies.setdefault(segment["category_id"], _Tally()).fn += 1
    for p, segment in segments.items():
        if p not in matched and 2 * ignored[p] <= areas[p]:
            tallies.setdefault(segment["category_id"], _Tally()).fp += 1


def _report(tallies: dict[Any, _Tally], things: Iterable | None) -> dict[str, Any]:
    per_class = {}
    for category, tally in tallies.items():
        found = tally.tp + tally.fp / 2 + tally.fn / 2
        per_class[category] = {
            "PQ": tally.iou / found,
            "SQ": tally.iou / tally.tp if tally.tp else 0.0,
            "RQ": tally.tp / found,
            "TP": tally.tp, "FP": tally.fp, "FN": tally.fn,
        }
    groups = {"": set(per_class)}
    if things is not None:
        known = set(things)
        groups |= {"_things": set(per_class) & known, "_stuff": set(per_class) - known}
    report: dict[str, Any] = {}
    for suffix, group in groups.items():
        for name in ("PQ", "SQ", "RQ"):
            values = [scores[name] for category, scores in per_class.items() if category in group]
            report[name + suffix] = sum(values) / len(values) if values else math.nan
    return {**report, "per_class": per_class}


def _check_maps(i: int, gt_map: Tensor, segment_map: Tensor) -> None:
    names = {f"ground_truth[{i}][0]": gt_map, f"predictions[{i}][0]": segment_map}
    check.is_tensor("panoptic_quality", **names)
    check.dtype("panoptic_quality", check.INTEGERS, **names)
    check.same_shape("panoptic_quality", **names)
    check.same_device("panoptic_quality", **names)
    if gt_map.ndim != 2:
        raise ValueError(
            f"panoptic_quality: ground_truth[{i}][0] must have shape (H, W), "
            f"got {tuple(gt_map.shape)}"
        )


def _by_id(
    name: str, segments: Sequence[dict], ids: set[int], drawn: bool = False
) -> dict[int, dict]:
    """The segments of one image; those of a prediction must be `drawn`, have pixels."""
    named = {segment["id"]: segment for segment in segments}
    listed = [segment["id"] for segment in segments]
    problems = {
        "must name each id once": [s for s in named if listed.count(s) > 1],
        "must not name id 0, which is void": [s for s in named if s == VOID],
        "must name every id of the map": sorted(ids - set(named) - {VOID}),
        "must name only ids of the map": [s for s in named if drawn and s not in ids],
    }
    for rule, guilty in problems.items():
        if guilty:
            raise ValueError(f"panoptic_quality: {name}[1] {rule}, got {guilty[0]}")
    return named


IMPLEMENTATIONS = {"loop": panoptic_quality_loop, "vectorized": panoptic_quality_vectorized}
