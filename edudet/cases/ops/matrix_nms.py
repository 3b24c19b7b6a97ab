"""Worked examples of Matrix NMS: (boxes, scores, method, sigma, score threshold) -> (kept indices,
their new scores). Those of the Gaussian are rounded to 7 digits."""

from math import exp

from edudet.cases.case import Case

# Each is half of the one before: IoU of neighbours 1/2, of the first and the last 1/4.
NESTED = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 2, 2]]
HALVES = [[0, 0, 4, 2], [0, 2, 4, 4], [0, 0, 4, 4]]
TWICE = [[0, 0, 4, 4]] * 2

CASES = [
    Case("none", ([], [], "linear", 0.5, 0.001), ([], [])),
    Case("one", ([[0, 0, 4, 4]], [0.5], "linear", 0.5, 0.001), ([0], [0.5])),
    Case(
        "apart", ([[0, 0, 4, 4], [8, 0, 9, 4]], [0.25, 0.5], "linear", 0.5, 0.001),
        ([1, 0], [0.5, 0.25]), "best first",
    ),
    Case("duplicate", (TWICE, [0.5, 0.75], "linear", 0.5, 0.001), ([1], [0.75])),
    Case(
        "equal scores", (TWICE, [0.5, 0.5], "linear", 0.5, 0.0), ([0, 1], [0.5, 0.0]),
        "the lower index is better; nothing is less than 0",
    ),
    Case(
        "a covered region does not count in full",
        (NESTED, [1.0, 0.5, 0.25], "linear", 0.5, 0.001), ([0, 1, 2], [1.0, 0.25, 0.1875]),
        "the last: (1 - 1/4) from the first, (1 - 1/2) / (1 - 1/2) = 1 from the second",
    ),
    Case(
        "in the order of the old scores", (NESTED, [1.0, 0.5, 0.75], "linear", 0.5, 0.001),
        ([0, 2, 1], [1.0, 0.5625, 0.25]), "the second: 1/2 from the first, 2/3 from the third",
    ),
    Case(
        "the strongest factor, not all", (HALVES, [1.0, 0.75, 0.5], "linear", 0.5, 0.001),
        ([0, 1, 2], [1.0, 0.75, 0.25]), "both halves say 1/2, so 1/2 it is",
    ),
    Case(
        "a duplicate takes nothing from others",
        ([[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 2]], [1.0, 0.75, 0.5], "linear", 0.5, 0.001),
        ([0, 2], [1.0, 0.25]), "1/2 from the first; the second would divide by 1 - 1",
    ),
    Case(
        "three of a kind", ([[0, 0, 4, 4]] * 3, [0.5, 0.75, 0.25], "linear", 0.5, 0.0),
        ([1, 0, 2], [0.75, 0.0, 0.0]), "0 / 0 does not count",
    ),
    Case(
        "sorted by new score",
        ([[0, 0, 4, 4], [0, 0, 4, 3], [8, 8, 9, 9]], [0.875, 0.75, 0.5], "linear", 0.5, 0.001),
        ([0, 2, 1], [0.875, 0.5, 0.1875]),
    ),
    Case(
        "exactly on the score threshold", (NESTED[:2], [1.0, 0.5], "linear", 0.5, 0.25),
        ([0, 1], [1.0, 0.25]), "only less than 1/4 is left out",
    ),
    Case("negative scores", (TWICE, [-1.0, -2.0], "linear", 0.5, 0.0), ([], [])),
    Case(
        "Gaussian", (NESTED[:2], [1.0, 0.5], "gaussian", 0.5, 0.001),
        ([0, 1], [1.0, 0.3032653]), "0.5 exp(-(1/2)^2 / 0.5)",
    ),
    Case(
        "Gaussian, covered", (NESTED, [1.0, 0.5, 0.25], "gaussian", 0.25, 0.001),
        ([0, 2, 1], [1.0, 0.1947002, 0.1839397]), "0.25 exp(-1/16 / 0.25) and 0.5 exp(-1/4 / 0.25)",
    ),
    Case(
        "empty boxes", ([[1, 1, 1, 1]] * 2, [0.75, 0.5], "linear", 0.5, 0.001),
        ([0, 1], [0.75, 0.5]), "0/0 is 0",
    ),
]

# The same with classes at the end.
CASES_OF_CLASSES = [
    Case(
        "two classes", ([[0, 0, 4, 4]] * 3, [0.25, 0.5, 0.75], "linear", 0.5, 0.001, [1, 2, 1]),
        ([2, 1], [0.75, 0.5]),
    ),
    Case(
        "best of each class",
        (
            [*NESTED, *NESTED], [1.0, 0.5, 0.25, 0.5, 0.5, 0.125], "linear", 0.5, 0.001,
            [0, 0, 0, 7, 7, 7],
        ),
        ([0, 3, 1, 4, 2, 5], [1.0, 0.5, 0.25, 0.25, 0.1875, 0.09375]),
    ),
]

# Masks in place of boxes.
CASES_OF_MASKS = [
    Case(
        "a half and its other half",
        (
            [[[1, 1], [0, 0]], [[0, 0], [1, 1]], [[1, 1], [1, 1]]], [1.0, 0.75, 0.5], "linear",
            0.5, 0.001,
        ),
        ([0, 1, 2], [1.0, 0.75, 0.25]),
    ),
    Case(
        "boxes would overlap",
        ([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [0.5, 0.75], "linear", 0.5, 0.001),
        ([1, 0], [0.75, 0.5]), "two diagonals share no pixel",
    ),
    Case(
        "empty masks", ([[[0, 0]], [[0, 0]]], [0.5, 0.25], "gaussian", 0.5, 0.001),
        ([0, 1], [0.5, 0.25]), "0/0 is 0",
    ),
]


def _iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union else 0.0


def _f(x, method, sigma):
    return exp(-(x**2) / sigma) if method == "gaussian" else 1 - x


def _factor(iou, own, covered, f):
    """`covered`: c of the better box; `own`: that of the one to be lowered."""
    return f(iou) / f(covered) if f(covered) else 1.0


def _strongest(factors):
    return min(factors, default=1.0)


def _product(factors):
    out = 1.0
    for factor in factors:
        out *= factor
    return out


def _matrix_nms(
    args, factor=_factor, combine=_strongest, f=_f, left_out=lambda score, least: score < least,
    resort=True,
):
    """Matrix NMS with one part exchanged."""
    boxes, scores, method, sigma, least = args
    order = [i for i in range(len(boxes)) if not left_out(scores[i], least)]
    order.sort(key=lambda i: -scores[i])
    c = {
        j: max((_iou(boxes[i], boxes[j]) for i in order[:place]), default=0.0)
        for place, j in enumerate(order)
    }
    new = {}
    for place, j in enumerate(order):
        new[j] = scores[j] * combine([
            factor(_iou(boxes[i], boxes[j]), c[j], c[i], lambda x: f(x, method, sigma))
            for i in order[:place]
        ])
    keep = sorted((i for i in order if not left_out(new[i], least)), key=lambda i: (-new[i], i))
    if not resort:
        keep.sort(key=lambda i: (-scores[i], i))
    return keep, [new[i] for i in keep]


def rounded(result):
    """What is compared: indices, and scores to 6 decimals."""
    return list(result[0]), [round(score, 6) for score in result[1]]


def _one_by_one(*args):
    """Soft-NMS without an IoU threshold."""
    boxes, scores, method, sigma, least = args
    now = list(scores)
    waiting, keep = [i for i in range(len(boxes)) if scores[i] >= least], []
    while waiting:
        best = max(waiting, key=lambda i: now[i])
        waiting.remove(best)
        keep.append(best)
        for i in waiting:
            now[i] *= _f(_iou(boxes[best], boxes[i]), method, sigma)
        waiting = [i for i in waiting if now[i] >= least]
    return keep, [now[i] for i in keep]


def _old_scores(*args):
    keep, _ = _matrix_nms(args)
    return keep, [args[1][i] for i in keep]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "one box after the other, as in Soft-NMS": _one_by_one,
    "a covered box counts in full: f(c) is forgotten": lambda *args: _matrix_nms(
        args, lambda iou, own, covered, f: f(iou)
    ),
    "divided by f(c) of the box to be lowered; it is that of the better one": lambda *args: (
        _matrix_nms(args, lambda iou, own, covered, f: f(iou) / f(own) if f(own) else 1.0)
    ),
    "multiplied by f(c); it is divided": lambda *args: _matrix_nms(
        args, lambda iou, own, covered, f: f(iou) * f(covered)
    ),
    "all factors are multiplied; the strongest holds": lambda *args: _matrix_nms(
        args, combine=_product
    ),
    "the weakest factor holds": lambda *args: _matrix_nms(
        args, combine=lambda factors: max(factors, default=1.0)
    ),
    "the old scores are returned": _old_scores,
    "kept boxes are sorted by their old scores": lambda *args: _matrix_nms(args, resort=False),
    "left out at score <= threshold; only less is": lambda *args: _matrix_nms(
        args, left_out=lambda score, least: score <= least
    ),
    "sigma multiplies; here it divides": lambda *args: _matrix_nms(
        args, f=lambda x, method, sigma: _f(x, method, 1 / sigma)
    ),
    "the Gaussian for both methods": lambda *args: _matrix_nms(
        args, f=lambda x, method, sigma: _f(x, "gaussian", sigma)
    ),
    "exp(-x / sigma); x is squared": lambda *args: _matrix_nms(
        args,
        f=lambda x, method, sigma: _f(x**0.5 if method == "gaussian" else x, method, sigma),
    ),
}
