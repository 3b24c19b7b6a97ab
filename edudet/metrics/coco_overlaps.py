"""How well each detection fits each object, in COCO's three senses.

    boxes       IoU of (x, y, width, height)
    masks       IoU of run-length encoded masks
    keypoints   object keypoint similarity (OKS), the mean over the visible keypoints of
                exp(-d^2 / (2 * area * (2 sigma)^2)), d the distance, sigma the precision with which
                people mark this keypoint: an eye to .025, a hip to .107 of the object's size

A crowd is many objects under one outline: what counts is which part of the *detection* it covers.
Only pairs of one image and class are looked at. They are stored row by row: detection i against the
objects first[i], first[i] + 1, ... in overlaps[begin[i]:begin[i + 1]].

    overlaps_loop         one pair at a time: the definition
    overlaps_vectorized   all pairs at once (masks: C++)

The formulas are those of `box_iou` and `oks`, written out again in COCO's own order of operations,
from x, y, width and height: thresholds decide by the last bit, and pycocotools' is asked for.
"""

from typing import Any, NamedTuple

import numpy as np

from edudet.metrics.oks import COCO_SIGMAS
from edudet.metrics.run_lengths import rle_overlaps, rle_overlaps_loop

SIGMAS = np.array(COCO_SIGMAS)
PAIRS_AT_ONCE = 1 << 18  # what is in use at a time should fit into a cache


class Pairs(NamedTuple):
    begin: np.ndarray   # (N + 1,) int64
    first: np.ndarray   # (N,) int64

    def indices(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Detection and object of each pair in the rows [start, stop)."""
        lengths = np.diff(self.begin[start : stop + 1])
        rows = np.repeat(np.arange(start, stop), lengths)
        place = np.arange(self.begin[start], self.begin[stop]) - self.begin[rows]
        return rows, self.first[rows] + place


class Regions(NamedTuple):
    """What is compared. Objects have more to say: `crowd`; for keypoints their area and box."""

    regions: Any
    crowd: np.ndarray = np.zeros(0, dtype=bool)
    area: np.ndarray = np.zeros(0)
    boxes: np.ndarray = np.zeros((0, 4))


def overlaps_loop(
    kind: str, truth: Regions, found: Regions, pairs: Pairs, sigmas: np.ndarray = SIGMAS
) -> np.ndarray:
    if kind == "mask":
        return rle_overlaps_loop(truth.regions, found.regions, truth.crowd, *pairs)
    out = np.zeros(int(pairs.begin[-1]))
    for i in range(len(pairs.first)):
        for place in range(int(pairs.begin[i]), int(pairs.begin[i + 1])):
            j = int(pairs.first[i] + place - pairs.begin[i])
            if kind == "box":
                out[place] = box_overlap(truth.regions[j], found.regions[i], truth.crowd[j])
            else:
                out[place] = keypoint_similarity(
                    truth.regions[j], found.regions[i], truth.area[j], truth.boxes[j], sigmas
                )
    return out


def box_overlap(truth: np.ndarray, found: np.ndarray, crowd: bool) -> float:
    """IoU of two boxes (x, y, width, height); the part of `found` in `truth` if that is a crowd."""
    width = min(found[0] + found[2], truth[0] + truth[2]) - max(found[0], truth[0])
    height = min(found[1] + found[3], truth[1] + truth[3]) - max(found[1], truth[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter, area = width * height, found[2] * found[3]
    return inter / (area if crowd else area + truth[2] * truth[3] - inter)


def keypoint_similarity(
    truth: np.ndarray, found: np.ndarray, area: float, box: np.ndarray, sigmas: np.ndarray
) -> float:
    """OKS. Of an object without visible keypoints: how near its box, doubled, all of them lie."""
    visible = truth[:, 2] > 0
    if visible.any():
        dx, dy = found[:, 0] - truth[:, 0], found[:, 1] - truth[:, 1]
    else:
        visible = ~visible
        dx = _distance_to(box[0] - box[2], box[0] + box[2] * 2, found[:, 0])
        dy = _distance_to(box[1] - box[3], box[1] + box[3] * 2, found[:, 1])
    error = (dx**2 + dy**2) / (sigmas * 2) ** 2 / (area + np.spacing(1)) / 2
    return np.sum(np.exp(-error[visible])) / visible.sum()


def _distance_to(low: Any, high: Any, x: np.ndarray) -> np.ndarray:
    return np.maximum(0, low - x) + np.maximum(0, x - high)


def overlaps_vectorized(
    kind: str, truth: Regions, found: Regions, pairs: Pairs, sigmas: np.ndarray = SIGMAS
) -> np.ndarray:
    if kind == "mask":
        return rle_overlaps(truth.regions, found.regions, truth.crowd, *pairs)
    compare = _box_overlaps if kind == "box" else _keypoint_similarities
    out = np.empty(int(pairs.begin[-1]))
    start, count = 0, len(pairs.first)
    while start < count:  # whole rows, about PAIRS_AT_ONCE pairs
        end = np.searchsorted(pairs.begin, pairs.begin[start] + PAIRS_AT_ONCE, side="right") - 1
        stop = min(max(int(end), start + 1), count)
        i, j = pairs.indices(start, stop)
        out[pairs.begin[start] : pairs.begin[stop]] = compare(truth, found, i, j, sigmas)
        start = stop
    return out


def _box_overlaps(truth, found, i, j, sigmas) -> np.ndarray:
    a, b = found.regions[i], truth.regions[j]                                    # (pairs, 4)
    sides = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    inter = sides[:, 0] * sides[:, 1]
    area = a[:, 2] * a[:, 3]
    union = np.where(truth.crowd[j], area, area + b[:, 2] * b[:, 3] - inter)
    out = np.zeros(len(i))
    np.divide(inter, union, out=out, where=(sides > 0).all(1))
    return out


def _keypoint_similarities(truth, found, i, j, sigmas) -> np.ndarray:
    a, b, box = found.regions[i], truth.regions[j], truth.boxes[j]
    visible = b[:, :, 2] > 0                                                     # (pairs, K)
    hidden = ~visible.any(1)
    distance = a[:, :, :2] - b[:, :, :2]
    low, high = box[:, None, :2] - box[:, None, 2:], box[:, None, :2] + box[:, None, 2:] * 2
    distance[hidden] = _distance_to(low[hidden], high[hidden], a[hidden, :, :2])
    visible[hidden] = True
    squared = distance[:, :, 0] ** 2 + distance[:, :, 1] ** 2
    error = squared / (sigmas * 2) ** 2 / (truth.area[j] + np.spacing(1))[:, None] / 2
    similarity, counts = np.exp(-error), visible.sum(1)
    out = np.empty(len(i))
    for count in np.unique(counts):  # sums of equally many: numpy adds them as it adds one
        rows = counts == count
        out[rows] = similarity[rows][visible[rows]].reshape(-1, count).sum(1) / count
    return out


IMPLEMENTATIONS = {
    "loop": overlaps_loop,
    "vectorized": overlaps_vectorized,
}
