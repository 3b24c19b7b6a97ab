"""Worked examples of Soft-NMS: (boxes, scores, method, IoU threshold, sigma, score threshold) ->
(kept indices, their new scores). Those of the Gaussian are rounded to 7 digits."""

from math import exp

from edudet.cases.case import Case

# Each is half of the one before: IoU of neighbours 1/2, of the first and the last 1/4.
NESTED = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 2, 2]]
TWICE = [[0, 0, 4, 4]] * 2

CASES = [
    Case("none", ([], [], "linear", 0.3, 0.5, 0.001), ([], [])),
    Case("one", ([[0, 0, 4, 4]], [0.5], "linear", 0.3, 0.5, 0.001), ([0], [0.5])),
    Case(
        "apart", ([[0, 0, 4, 4], [8, 0, 9, 4]], [0.25, 0.5], "linear", 0.3, 0.5, 0.001),
        ([1, 0], [0.5, 0.25]), "best first",
    ),
    Case(
        "duplicate", (TWICE, [0.5, 0.75], "linear", 0.3, 0.5, 0.001), ([1], [0.75]),
        "1 - IoU is 0, and a score of 0 is less than the threshold",
    ),
    Case(
        "nothing is less than 0", (TWICE, [0.5, 0.5], "linear", 0.3, 0.5, 0.0),
        ([0, 1], [0.5, 0.0]), "of equal scores the lower index is taken first",
    ),
    Case(
        "by hand", (NESTED, [1.0, 0.5, 0.25], "linear", 0.125, 0.5, 0.001),
        ([0, 1, 2], [1.0, 0.25, 0.09375]), "the last: 0.25 (1 - 1/4) (1 - 1/2)",
    ),
    Case(
        "taken in the order of new scores", (NESTED, [1.0, 0.5, 0.75], "linear", 0.125, 0.5, 0.001),
        ([0, 2, 1], [1.0, 0.5625, 0.125]),
        "0.75 (1 - 1/4) beats 0.5 (1 - 1/2), which the third box halves again",
    ),
    Case(
        "a lowered box falls behind one that stands alone",
        (
            [[0, 0, 4, 4], [0, 0, 4, 3], [8, 8, 9, 9]], [0.875, 0.75, 0.5], "linear", 0.3, 0.5,
            0.001,
        ),
        ([0, 2, 1], [0.875, 0.5, 0.1875]),
    ),
    Case(
        "exactly on the IoU threshold", (NESTED, [1.0, 0.5, 0.25], "linear", 0.5, 0.5, 0.001),
        ([0, 1, 2], [1.0, 0.5, 0.25]), "only more than 1/2 is lowered",
    ),
    Case(
        "exactly on the score threshold", (NESTED[:2], [1.0, 0.5], "linear", 0.3, 0.5, 0.25),
        ([0, 1], [1.0, 0.25]), "only less than 1/4 is dropped",
    ),
    Case(
        "below the score threshold", (NESTED[:2], [1.0, 0.5], "linear", 0.3, 0.5, 0.375),
        ([0], [1.0]),
    ),
    Case(
        "weak from the start", (NESTED[:2], [0.25, 0.125], "linear", 0.3, 0.5, 0.375), ([], []),
    ),
    Case(
        "negative scores", (TWICE, [-1.0, -2.0], "linear", 0.3, 0.5, 0.0), ([], []),
        "less than any threshold",
    ),
    Case(
        "Gaussian", (NESTED[:2], [1.0, 0.5], "gaussian", 0.3, 0.5, 0.001),
        ([0, 1], [1.0, 0.3032653]), "0.5 exp(-(1/2)^2 / 0.5) = 0.5 exp(-1/2)",
    ),
    Case(
        "Gaussian, IoU below the threshold",
        ([NESTED[0], NESTED[2]], [1.0, 0.5], "gaussian", 0.3, 0.25, 0.001),
        ([0, 1], [1.0, 0.3894004]), "0.5 exp(-1/16 / 0.25); it has no IoU threshold",
    ),
    Case(
        "Gaussian, duplicate", (TWICE, [0.75, 0.5], "gaussian", 0.3, 1.0, 0.001),
        ([0, 1], [0.75, 0.1839397]), "0.5 exp(-1): even a duplicate stays",
    ),
    Case(
        "Gaussian, apart",
        ([[0, 0, 4, 4], [8, 0, 9, 4]], [0.5, 0.25], "gaussian", 0.3, 0.5, 0.001),
        ([0, 1], [0.5, 0.25]),
    ),
    Case(
        "empty boxes", ([[1, 1, 1, 1]] * 2, [0.75, 0.5], "gaussian", 0.3, 0.5, 0.001),
        ([0, 1], [0.75, 0.5]), "0/0 is 0",
    ),
]

# The same with classes at the end.
CASES_OF_CLASSES = [
    Case(
        "two classes",
        ([[0, 0, 4, 4]] * 3, [0.25, 0.5, 0.75], "linear", 0.3, 0.5, 0.001, [1, 2, 1]),
        ([2, 1], [0.75, 0.5]),
    ),
    Case(
        "merged by new score",
        (
            [*NESTED, *NESTED], [1.0, 0.5, 0.75, 0.875, 0.25, 0.25], "linear", 0.3, 0.5, 0.001,
            [0, 0, 0, 7, 7, 7],
        ),
        ([0, 3, 2, 5, 1, 4], [1.0, 0.875, 0.75, 0.25, 0.125, 0.0625]),
    ),
]


def _iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union else 0.0


def _weight(iou, method, iou_threshold, sigma):
    if method == "gaussian":
        return exp(-(iou**2) / sigma)
    return 1 - iou if iou > iou_threshold else 1.0


def _soft_nms(
    args, weight=_weight, dropped=lambda score, least: score < least, drop_first=True, resort=True
):
    """Soft-NMS with one part exchanged."""
    boxes, scores, method, iou_threshold, sigma, least = args
    now = list(scores)
    waiting = [i for i in range(len(boxes)) if not (drop_first and dropped(scores[i], least))]
    keep, kept_scores = [], []
    while waiting:
        best = max(waiting, key=lambda i: now[i] if resort else scores[i])
        waiting.remove(best)
        keep.append(best)
        kept_scores.append(now[best])
        for i in waiting:
            now[i] *= weight(_iou(boxes[best], boxes[i]), method, iou_threshold, sigma)
        waiting = [i for i in waiting if not dropped(now[i], least)]
    return keep, kept_scores


def rounded(result):
    """What is compared: indices, and scores to 6 decimals."""
    return list(result[0]), [round(score, 6) for score in result[1]]


def _hard(iou, method, iou_threshold, sigma):
    return 0.0 if iou > iou_threshold else 1.0


def _old_scores(*args):
    keep, _ = _soft_nms(args)
    return keep, [args[1][i] for i in keep]


def _by_index(*args):
    pairs = sorted(zip(*_soft_nms(args), strict=True))
    return [i for i, _ in pairs], [score for _, score in pairs]


def _largest_overlap_only(*args):
    boxes, scores, method, iou_threshold, sigma, least = args
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    now = []
    for place, i in enumerate(order):
        iou = max((_iou(boxes[k], boxes[i]) for k in order[:place]), default=0.0)
        now.append(scores[i] * _weight(iou, method, iou_threshold, sigma))
    pairs = sorted(zip(now, order, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return [i for s, i in pairs if s >= least], [s for s, _ in pairs if s >= least]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "overlapping boxes are dropped, as by NMS; they keep a lower score": lambda *args: _soft_nms(
        args, _hard
    ),
    "the old scores are returned": _old_scores,
    "kept boxes are returned by index, not best first": _by_index,
    "boxes are taken in the order of their old scores": lambda *args: _soft_nms(args, resort=False),
    "a score is lowered once, by the largest overlap; every taken box lowers it": (
        _largest_overlap_only
    ),
    "a box that is weak from the start is not dropped": lambda *args: _soft_nms(
        args, drop_first=False
    ),
    "dropped at score <= threshold; only less is dropped": lambda *args: _soft_nms(
        args, dropped=lambda score, least: score <= least
    ),
    "lowered at IoU >= threshold; only more is lowered": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: 1 - iou if method == "linear" and iou >= t
        else _weight(iou, method, t, sigma)
    ),
    "the linear weight is the IoU; it is 1 - IoU": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: iou if method == "linear" and iou > t
        else _weight(iou, method, t, sigma)
    ),
    "the linear method lowers below the IoU threshold too": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: _weight(iou, method, 0, sigma)
    ),
    "the Gaussian has an IoU threshold": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: _weight(iou, method, t, sigma) if iou > t else 1
    ),
    "exp(-IoU / sigma); the IoU is squared": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: _weight(
            iou**0.5 if method == "gaussian" else iou, method, t, sigma
        )
    ),
    "exp(-IoU^2 / (2 sigma^2)); it is divided by sigma": lambda *args: _soft_nms(
        args, lambda iou, method, t, sigma: _weight(iou, method, t, 2 * sigma**2)
    ),
}
