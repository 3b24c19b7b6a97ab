"""COCO's average precision and recall, of boxes, masks and keypoints: twelve numbers (or ten).

An average of an average of an average: over 101 levels of recall, ten IoU thresholds (.50 to .95)
and all classes. For every image and class, detections are matched to objects, best score first
(`match_detections`, rule "coco"); then the detections of all images are sorted by score and walked
through. Lin et al., 2014. The rules that surprise:

    areas       an object outside the range is ignored, and so is an unmatched detection outside it;
                both limits belong to the range: 32^2 is small *and* medium
    crowds      need not be found; every detection that mostly lies in one is ignored
    AR_10       the recall if each image may show its 10 best detections *of each class*
    ties        of equal scores, the smaller image id comes first, then the order of the input
    undefined   -1 where there is no object, and such classes are left out of the mean

The same numbers as pycocotools to 1e-12, but for two of its errors: there an object whose id is 0
counts as never found, and AP is -1 if none of the limits of detections is 100 (keypoints: 20).

    evaluate_loop     one detection at a time: the definition
    evaluate_native   C++
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from edudet import check, native
from edudet.metrics.coco_overlaps import SIGMAS, Pairs, Regions, overlaps_vectorized
from edudet.metrics.coco_records import CocoData, Source, read_coco

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_LEVELS = np.linspace(0, 1, 101)
AREAS = {
    "all": (0.0, 1e5**2), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e5**2),
}


def coco_metrics(
    ground_truth: Source, detections: Source, kind: str = "box", progress: bool = False
) -> dict[str, float]:
    """Return COCO's numbers for a set of detections.

    Args:
        ground_truth: a dictionary in COCO's annotation format, or the path of one (JSON):
            {"images": [{"id"}], "categories": [{"id"}], "annotations": [...]}, and "height" and
            "width" of the images for masks. An annotation has image_id, category_id, bbox (x, y,
            width, height), and optionally area (default: that of its box or mask) and iscrowd; for
            masks a segmentation (polygons, or run lengths, compressed or not) in place of the
            bbox; for keypoints also keypoints (x, y, visibility each), area and, optionally,
            num_keypoints.
        detections: a list in COCO's result format, or the path of one: {"image_id", "category_id",
            "score"} and bbox, segmentation or keypoints.
        kind: "box", "mask" or "keypoints".
        progress: show how far it is.

    Returns:
        {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100",
        "AR_small", "AR_medium", "AR_large"}, each in [0, 1], or -1 where nothing is to be found.
        Keypoints: {"AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75",
        "AR_medium", "AR_large"}, of the 20 best detections.

    As in COCO's tools, an "ignore" of an annotation is not looked at, ids of annotations neither;
    and if the first detection has a bbox, the area of a detection is that of its bbox, whatever
    the kind.

    Raises:
        TypeError, ValueError: an argument or a record does not fit; the message names the record.
        OSError: a path cannot be read.
    """
    return _evaluate("coco_metrics", ground_truth, detections, kind, progress=progress).metrics


def coco_evaluate(
    ground_truth: Source, detections: Source, kind: str = "box", *,
    max_detections: Sequence[int] | None = None, sigmas: Sequence[float] | None = None,
    progress: bool = False,
) -> "CocoEvaluation":
    """Return all that lies behind COCO's numbers: precision, recall, and the numbers by class.

    Args:
        ground_truth, detections, kind, progress: as for `coco_metrics`.
        max_detections: how many detections of each class an image may show, rising. Default: 1, 10
            and 100; 20 for keypoints. The last is that of AP; the others are those of AR.
        sigmas: for each keypoint how precisely people mark it. Default: those of COCO's persons.
    """
    return _evaluate(
        "coco_evaluate", ground_truth, detections, kind, max_detections, sigmas, progress
    )


@dataclass
class CocoEvaluation:
    """T thresholds, R levels, K categories, A ranges of areas, M limits of detections."""

    kind: str
    category_ids: list[Hashable]       # (K)
    areas: list[str]                   # (A)
    max_detections: list[int]          # (M)
    precision: np.ndarray              # (T, R, K, A, M) float64, -1: nothing to find
    recall: np.ndarray                 # (T, K, A, M) float64, -1: nothing to find
    iou_thresholds: np.ndarray = field(default_factory=IOU_THRESHOLDS.copy)  # (T)
    recall_levels: np.ndarray = field(default_factory=RECALL_LEVELS.copy)    # (R)

    @property
    def metrics(self) -> dict[str, float]:
        return self._metrics(slice(None))

    @property
    def per_class(self) -> dict[Hashable, dict[str, float]]:
        """Category id -> its numbers."""
        return {
            id_: self._metrics(slice(k, k + 1)) for k, id_ in enumerate(self.category_ids)
        }

    def _metrics(self, classes: slice) -> dict[str, float]:
        def mean(values: np.ndarray, iou: int | None, area: str, limit: int) -> float:
            values = values if iou is None else values[iou : iou + 1]
            values = values[..., classes, self.areas.index(area), limit]
            values = values[values > -1]
            return float(np.mean(values)) if values.size else -1.0

        def three(values: np.ndarray, name: str) -> dict[str, float]:
            return {
                name: mean(values, None, "all", -1), f"{name}50": mean(values, 0, "all", -1),
                f"{name}75": mean(values, 5, "all", -1),
            }

        def by_area(values: np.ndarray, name: str) -> dict[str, float]:
            return {f"{name}_{area}": mean(values, None, area, -1) for area in self.areas[1:]}

        if self.kind == "keypoints":
            at_all_recalls = three(self.recall, "AR")
        else:
            at_all_recalls = {
                f"AR_{limit}": mean(self.recall, None, "all", m)
                for m, limit in enumerate(self.max_detections)
            }
        return {
            **three(self.precision, "AP"), **by_area(self.precision, "AP"),
            **at_all_recalls, **by_area(self.recall, "AR"),
        }


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


def _evaluate(
    function: str, ground_truth: Source, detections: Source, kind: str,
    max_detections: Sequence[int] | None = None, sigmas: Sequence[float] | None = None,
    progress: bool = False,
) -> CocoEvaluation:
    check.is_bool(function, progress=progress)
    limits = _limits(function, max_detections, kind)
    sigmas_ = SIGMAS if sigmas is None else np.asarray(sigmas, dtype=np.float64)
    if sigmas_.ndim != 1 or not (np.isfinite(sigmas_) & (sigmas_ > 0)).all() or not len(sigmas_):
        raise ValueError(f"{function}: sigmas must be positive numbers, got {sigmas!r}")
    areas = [name for name in AREAS if kind != "keypoints" or name != "small"]
    with _bar(progress) as step:
        step("reading", 0, 1)
        data = read_coco(function, ground_truth, detections, kind, len(sigmas_))
        step("comparing", 0, 1)
        problem = coco_problem(data, kind, limits, areas, sigmas_)
        form = evaluate_loop if native.missing("cpu") else evaluate_native
        precision, recall = form(problem, step)
    return CocoEvaluation(kind, data.category_ids, areas, limits, precision, recall)


def _limits(function: str, max_detections: Sequence[int] | None, kind: str) -> list[int]:
    if max_detections is None:
        return [20] if kind == "keypoints" else [1, 10, 100]
    limits = list(max_detections)
    check.is_int(function, **{f"max_detections[{m}]": limit for m, limit in enumerate(limits)})
    if not limits or limits[0] < 1 or any(a >= b for a, b in pairwise(limits)):
        raise ValueError(
            f"{function}: max_detections must be positive and rising, got {max_detections!r}"
        )
    return limits


Step = Callable[[str, int, int], Any]  # what is being done, how many are done, of how many


def _bar(progress: bool) -> Any:
    return _ProgressBar() if progress else nullcontext(lambda *_: None)


class _ProgressBar:
    def __enter__(self) -> Step:
        from rich.progress import Progress

        self.bar = Progress(transient=True)
        task = self.bar.add_task("")
        self.bar.start()

        def step(what: str, done: int, total: int) -> None:
            self.bar.update(task, description=what, completed=done, total=total)

        return step

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()


def coco_problem(
    data: CocoData, kind: str, max_detections: Sequence[int], areas: Sequence[str],
    sigmas: np.ndarray = SIGMAS, overlaps: Callable = overlaps_vectorized,
) -> CocoProblem:
    """Sort, drop what no limit admits, and compare what shares image and class."""
    found, truth = data.detections, data.objects
    num_images, num_classes = max(len(data.image_ids), 1), len(data.category_ids)
    group = found.category * num_images + found.image
    order = np.argsort(-found.score, kind="stable")
    order = order[np.argsort(group[order], kind="stable")]
    group = group[order]
    rank = np.arange(len(order)) - np.searchsorted(group, group)
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
        kind, Regions(found.regions[order]),
        Regions(truth.regions[objects], crowd, object_areas, boxes), pairs, sigmas,
    )
    classes = np.arange(num_classes + 1) * num_images
    return CocoProblem(
        values, *pairs, rank, found.score[order], found.area[order], object_areas,
        truth.ignore[objects], crowd, np.searchsorted(group, classes),
        np.searchsorted(object_group, classes), IOU_THRESHOLDS, RECALL_LEVELS,
        np.array([AREAS[name] for name in areas]).reshape(-1), np.array(max_detections),
    )


def evaluate_loop(
    problem: CocoProblem, step: Step = lambda *_: None
) -> tuple[np.ndarray, np.ndarray]:
    """Precision (T, R, K, A, M) and recall (T, K, A, M)."""
    p, num_classes = problem, len(problem.class_begin) - 1
    limits = p.area_limits.reshape(-1, 2)
    shape = (len(p.iou_thresholds), num_classes, len(limits), len(p.max_detections))
    recall = -np.ones(shape)
    precision = -np.ones((shape[0], len(p.recall_levels), *shape[1:]))
    for k in range(num_classes):
        step("matching", k, num_classes)
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
    problem: CocoProblem, step: Step = lambda *_: None
) -> tuple[np.ndarray, np.ndarray]:
    num_classes = len(problem.class_begin) - 1
    native.require("coco", torch.empty(0))
    parts = []
    ends = np.linspace(0, num_classes, min(num_classes, PARTS) + 1).astype(int).tolist()
    for begin, end in pairwise(ends):
        step("matching", begin, num_classes)
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


PARTS = 20  # classes are worked off in so many steps, for the progress bar

IMPLEMENTATIONS = {
    "loop": evaluate_loop,
    "native": evaluate_native,
}
