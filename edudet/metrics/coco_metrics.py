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

The same numbers as pycocotools to 1e-12, but for three differences: there an object whose id is 0
counts as never found, AP is -1 if none of the limits of detections is 100 (keypoints: 20), and
objects are fetched by their ids, so that of two with one id the last stands for both: each image
and class then has other objects than the file. Here each record is an object, and a repeated id is
told in a warning.
The steps: coco_records.py reads, coco_overlaps.py compares, coco.py matches and walks through.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from edudet import check, native
from edudet.metrics.coco import (
    AREAS,
    IOU_THRESHOLDS,
    RECALL_LEVELS,
    coco_problem,
    evaluate_loop,
    evaluate_native,
)
from edudet.metrics.coco_overlaps import SIGMAS
from edudet.metrics.coco_records import Source, read_coco
from edudet.progress import Progress


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
            bbox; for keypoints also area and, of those who have joints, keypoints (x, y,
            visibility each) and, optionally, num_keypoints. A polygon of fewer than three corners
            encloses nothing.
        detections: a list in COCO's result format, or the path of one: {"image_id", "category_id",
            "score"} and bbox, segmentation or keypoints. Or what `edudet detect` writes, a
            dictionary (or its path) with images, categories and annotations that have scores: its
            images and classes are those of the same file_name and name in the ground truth, if both
            have names, whatever their ids; what is found of other classes does not count.
        kind: "box", "mask" or "keypoints".
        progress: show how far it is.

    Returns:
        {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100",
        "AR_small", "AR_medium", "AR_large"}, each in [0, 1], or -1 where nothing is to be found.
        Keypoints: {"AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75",
        "AR_medium", "AR_large"}, of the 20 best detections.

    As in COCO's tools, an "ignore" of an annotation is not looked at; and if the first detection
    has a bbox, the area of a detection is that of its bbox, whatever the kind. (Not so in a
    dictionary, which COCO's tools do not take: there each kind has its own area.)

    Raises:
        TypeError, ValueError: an argument or a record does not fit, by the rules of
            `edudet.data.CocoFolder`; the message names file and line, if there are any, and the
            record's place and id. So does an annotation of an unknown image or class, which COCO's
            tools leave out.
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
    with Progress("reading", 1, shown=progress, stays=False) as told:
        data = read_coco(function, ground_truth, detections, kind, len(sigmas_))
        told.at(0, title="comparing")
        problem = coco_problem(data, kind, limits, areas, sigmas_)
        form = evaluate_loop if native.missing("cpu") else evaluate_native
        precision, recall = form(problem, told)
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
