"""COCO's matching and its curves: from overlaps to precision and recall, class by class.

For every range of areas and every IoU threshold, each detection of a class, image by image and best
score first, claims the best object that is still free (the rule "coco" of match_detections). Then
the detections of all images are walked through by score; at each of 101 levels of recall, the best
precision there or beyond is noted. coco_metrics.py averages; Lin et al., 2014.

    evaluate_loop     one detection at a time: the definition
    evaluate_native   C++
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from edudet import native
from edudet.metrics.coco_overlaps import SIGMAS, Pairs, Regions, overlaps_vectorized
from edudet.metrics.coco_records import CocoData
from edudet.progress import Progress

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_LEVELS = np.linspace(0, 1, 101)
AREAS = {
    "all": (0.0, 1e5**2), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e5**2),
}
PARTS = 20  # classes are worked off in so many steps, for the progress bar

SILENT = Progress("", shown=False)


class CocoProblem(NamedTuple):
    """What is evaluated. Detections lie sorted by class, then image, then falling score; objects by
    class, then image. See csrc/coco.h."""

    overlaps: np.ndarray        # (pairs,) float64: see coco_overlaps.py
    row_begin: np.ndarray       # (N + 1,) int64
    first_object: np.ndarray    # (N,) int64
    rank: np.ndarray            # (N,) int64: place in its image and class
    scores: np.ndarray          # (N,) float64
    areas: np.ndarray           # (N,) float64
    object_areas: np.ndarray    # (M,) float64
    ignore: np.ndarray          # (M,) bool
    crowd: np.ndarray           # (M,) bool
    class_begin: np.ndarray     # (K + 1,) int64: the detections of each class
    object_begin: np.ndarray    # (K + 1,) int64: its objects
    iou_thresholds: np.ndarray  # (T,)
    recall_levels: np.ndarray   # (R,)
    area_limits: np.ndarray     # (2 * A,)
    max_detections: np.ndarray  # (limits,) int64

    def of_classes(self, begin: int, end: int) -> "CocoProblem":
        d = slice(int(self.class_begin[begin]), int(self.class_begin[end]))
        o = slice(int(self.object_begin[begin]), int(self.object_begin[end]))
        rows = self.row_begin[d.start : d.stop + 1]
        return CocoProblem(
            self.overlaps[rows[0] : rows[-1]], rows - rows[0], self.first_object[d] - o.start,
            self.rank[d], self.scores[d], self.areas[d], self.object_areas[o], self.ignore[o],
            self.crowd[o], self.class_begin[begin : end + 1] - d.start,
            self.object_begin[begin : end + 1] - o.start, *self[11:],
        )


def coco_problem(
    data: CocoData, kind: str, max_detections: Sequence[int], areas: Sequence[str],
    sigmas: np.ndarray = SIGMAS, overlaps: Callable = overlaps_vectorized,
) -> CocoProblem:
    """Sort, drop what no limit admits, and compare what shares image and class."""
    found, truth = data.detections, data.objects
    num_images, num_classes = max(len(data.image_ids), 1), len(data.category_ids)
    order = np.argsort(-found.score, kind="stable")
    for key, size in ((found.image, num_images), (found.category, num_classes)):
        key = key.astype(np.min_scalar_type(size))  # numpy sorts 16 bits by counting
        order = order[np.argsort(key[order], kind="stable")]
    group = found.category[order] * num_images + found.image[order]
    places = np.arange(len(order))
    starts = np.concatenate([[True], group[1:] != group[:-1]])[: len(order)]
    rank = places - np.maximum.accumulate(np.where(starts, places, 0))
    kept = rank < max_detections[-1]
    order, group, rank = order[kept], group[kept], rank[kept]

    object_group = truth.category * num_images + truth.image
    objects = np.argsort(object_group, kind="stable")
    object_group = object_group[objects]
    first = np.searchsorted(object_group, group)
    lengths = np.searchsorted(object_group, group, side="right") - first
    pairs = Pairs(np.concatenate([[0], np.cumsum(lengths)]), first)

    crowd, object_areas = truth.crowd[objects], truth.area[objects]
    boxes = truth.boxes[objects] if len(truth.boxes) else truth.boxes
    values = overlaps(
        kind, Regions(truth.regions[objects], crowd, object_areas, boxes),
        Regions(found.regions[order]), pairs, sigmas,
    )
    classes = np.arange(num_classes + 1) * num_images
    return CocoProblem(
        values, *pairs, rank, found.score[order], found.area[order], object_areas,
        truth.ignore[objects], crowd, np.searchsorted(group, classes),
        np.searchsorted(object_group, classes), IOU_THRESHOLDS, RECALL_LEVELS,
        np.array([AREAS[name] for name in areas]).reshape(-1), np.array(max_detections),
    )


def evaluate_loop(
    problem: CocoProblem, progress: Progress = SILENT
) -> tuple[np.ndarray, np.ndarray]:
    """Precision (T, R, K, A, M) and recall (T, K, A, M)."""
    p, num_classes = problem, len(problem.class_begin) - 1
    limits = p.area_limits.reshape(-1, 2)
    shape = (len(p.iou_thresholds), num_classes, len(limits), len(p.max_detections))
    recall = -np.ones(shape)
    precision = -np.ones((shape[0], len(p.recall_levels), *shape[1:]))
    for k in range(num_classes):
        progress.at(k, title="matching", total=num_classes)
        objects = range(p.object_begin[k], p.object_begin[k + 1])
        for a, (low, high) in enumerate(limits):
            outside = {
                j: bool(p.ignore[j] or not low <= p.object_areas[j] <= high) for j in objects
            }
            wanted = list(outside.values()).count(False)
            if not wanted:
                continue
            for t, threshold in enumerate(p.iou_thresholds):
                verdicts = match_class(p, k, min(threshold, 1 - 1e-10), low, high, outside)
                for m, limit in enumerate(p.max_detections):
                    shown = [(s, right) for s, rank, right in verdicts if rank < limit]
                    precision[t, :, k, a, m], recall[t, k, a, m] = class_curve(
                        shown, wanted, p.recall_levels
                    )
    return precision, recall


def match_class(
    p: CocoProblem, k: int, threshold: float, low: float, high: float, outside: dict[int, bool]
) -> list[tuple[float, int, bool]]:
    """(score, rank, whether right) of each detection of class k that is not ignored."""
    verdicts, taken = [], set()
    for i in range(p.class_begin[k], p.class_begin[k + 1]):
        row = p.overlaps[p.row_begin[i] : p.row_begin[i + 1]]
        chosen = None
        for ignored in (False, True):  # an object to ignore only if no other is good enough
            best = threshold
            for j, overlap in enumerate(row, p.first_object[i]):
                if outside[j] != ignored or (j in taken and not p.crowd[j]) or overlap < best:
                    continue
                best, chosen = overlap, j
            if chosen is not None:
                break
        if chosen is not None:
            taken.add(chosen)
            if not outside[chosen]:
                verdicts.append((p.scores[i], p.rank[i], True))
        elif low <= p.areas[i] <= high:
            verdicts.append((p.scores[i], p.rank[i], False))
    return verdicts


def class_curve(
    shown: list[tuple[float, bool]], wanted: int, levels: np.ndarray
) -> tuple[list[float], float]:
    """The best precision at each level of recall or beyond; and the recall at the end."""
    tp, curve = 0, []
    shown = sorted(shown, key=lambda pair: -pair[0])  # stable
    for answers, (_, right) in enumerate(shown, 1):
        tp += right
        curve.append((tp / wanted, tp / answers))
    precision = [max((p for r, p in curve if r >= level), default=0.0) for level in levels]
    return precision, tp / wanted


def evaluate_native(
    problem: CocoProblem, progress: Progress = SILENT
) -> tuple[np.ndarray, np.ndarray]:
    num_classes = len(problem.class_begin) - 1
    native.require("coco", torch.empty(0))
    parts = []
    ends = np.linspace(0, num_classes, min(num_classes, PARTS) + 1).astype(int).tolist()
    for begin, end in pairwise(ends):
        progress.at(begin, title="matching", total=num_classes)
        arrays = [torch.from_numpy(np.ascontiguousarray(a)) for a in problem.of_classes(begin, end)]
        parts.append(native.call("coco", "coco_metrics", *arrays))
    limits = (len(problem.area_limits) // 2, len(problem.max_detections))
    shape = (0, *limits, len(problem.iou_thresholds), len(problem.recall_levels))
    precision = np.concatenate([np.empty(shape), *(part[0].numpy() for part in parts)])
    recall = np.concatenate([np.empty(shape[:-1]), *(part[1].numpy() for part in parts)])
    return (
        np.ascontiguousarray(precision.transpose(3, 4, 0, 1, 2)),
        np.ascontiguousarray(recall.transpose(3, 0, 1, 2)),
    )


IMPLEMENTATIONS = {
    "loop": evaluate_loop,
    "native": evaluate_native,
}
