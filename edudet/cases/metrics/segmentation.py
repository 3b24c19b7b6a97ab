"""Worked examples of segmentation metrics: label maps -> table of counts; table -> scores."""

import math

from edudet.cases.case import Case

NAN = math.nan  # 0/0: the class is not there

# true labels, labels, number of classes, label to ignore -> counts, rows are the truth
CASES = [
    Case("all right", ([0, 1, 1], [0, 1, 1], 2, None), [[1, 0], [0, 2]]),
    Case("rows are the truth", ([0, 0, 0, 1], [1, 1, 0, 1], 2, None), [[1, 2], [0, 1]]),
    Case("the lecture's table", ([0] * 4 + [1] * 6, [0, 0, 0, 1, 0, 0, 1, 1, 1, 1], 2, None),
         [[3, 1], [2, 4]]),
    Case("three classes", ([0, 1, 2, 2], [2, 1, 2, 0], 3, None), [[0, 0, 1], [0, 1, 0], [1, 0, 1]]),
    Case("ignored", ([0, 255, 1, 255], [0, 0, 1, 1], 2, 255), [[1, 0], [0, 1]]),
    Case("a class is ignored", ([0, 0, 1, 1], [0, 1, 1, 0], 2, 0), [[0, 0], [1, 1]],
         "by its truth, not by what it was called"),
    Case("a class may be missing", ([0], [0], 3, None), [[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
    Case("a map", ([[0, 1], [1, 0]], [[0, 1], [0, 0]], 2, None), [[2, 0], [1, 1]]),
    Case("no pixels", ([], [], 2, None), [[0, 0], [0, 0]]),
]

# counts -> scores
SCORES = [
    Case("by hand", ([[3, 1], [2, 4]],), {
        "pixel_accuracy": 0.7, "mean_pixel_accuracy": 17 / 24, "mean_iou": 15 / 28,
        "intersection_over_union": [1 / 2, 4 / 7], "segmentation_precision": [3 / 5, 4 / 5],
        "segmentation_recall": [3 / 4, 4 / 6], "segmentation_f1": [2 / 3, 8 / 11],
        "dice_coefficient": [2 / 3, 8 / 11],
    }, "(3 + 4)/10; (3/4 + 4/6)/2; 3/(3 + 1 + 2), 4/(4 + 2 + 1); 2 IoU / (1 + IoU)"),
    Case("says background everywhere", ([[95, 0], [5, 0]],), {
        "pixel_accuracy": 0.95, "mean_pixel_accuracy": 0.5, "mean_iou": 0.475,
        "intersection_over_union": [0.95, 0.0], "segmentation_precision": [0.95, NAN],
        "segmentation_recall": [1.0, 0.0], "segmentation_f1": [1.9 / 1.95, 0.0],
        "dice_coefficient": [1.9 / 1.95, 0.0],
    }, "PA is content, mIoU is not"),
    Case("a class that is not there", ([[2, 0, 0], [0, 2, 0], [0, 0, 0]],), {
        "pixel_accuracy": 1.0, "mean_pixel_accuracy": 1.0, "mean_iou": 1.0,
        "intersection_over_union": [1.0, 1.0, NAN], "segmentation_precision": [1.0, 1.0, NAN],
        "segmentation_recall": [1.0, 1.0, NAN], "segmentation_f1": [1.0, 1.0, NAN],
        "dice_coefficient": [1.0, 1.0, NAN],
    }, "0/0 is left out of the means"),
    Case("a class only called", ([[3, 1], [0, 0]],), {
        "pixel_accuracy": 0.75, "mean_pixel_accuracy": 0.75, "mean_iou": 0.375,
        "intersection_over_union": [0.75, 0.0], "segmentation_precision": [1.0, 0.0],
        "segmentation_recall": [0.75, NAN], "segmentation_f1": [6 / 7, 0.0],
        "dice_coefficient": [6 / 7, 0.0],
    }, "IoU 0 counts in the mean: the class was called"),
    Case("two images together", ([[50 + 1, 50], [0, 1 + 48]],), {
        "pixel_accuracy": 2 / 3, "mean_pixel_accuracy": (51 / 101 + 1) / 2,
        "mean_iou": (51 / 101 + 49 / 99) / 2,
        "intersection_over_union": [51 / 101, 49 / 99], "segmentation_precision": [1.0, 49 / 99],
        "segmentation_recall": [51 / 101, 1.0], "segmentation_f1": [102 / 152, 98 / 148],
        "dice_coefficient": [102 / 152, 98 / 148],
    }, "tables [[50, 50], [0, 0]] and [[1, 0], [0, 49]] are added, not their scores"),
    Case("no pixels", ([[0, 0], [0, 0]],), {
        "pixel_accuracy": NAN, "mean_pixel_accuracy": NAN, "mean_iou": NAN,
        "intersection_over_union": [NAN, NAN], "segmentation_precision": [NAN, NAN],
        "segmentation_recall": [NAN, NAN], "segmentation_f1": [NAN, NAN],
        "dice_coefficient": [NAN, NAN],
    }),
]


def _flat(labels):
    return [x for row in labels for x in (row if isinstance(row, list) else [row])]


def _count(truth, called, k, ignored, *, transposed=False, skip=None, clamp=False):
    skip = skip or (lambda i, j: i == ignored)
    counts = [[0] * k for _ in range(k)]
    for i, j in zip(_flat(truth), _flat(called), strict=True):
        if skip(i, j):
            continue
        row, column = (j, i) if transposed else (i, j)
        counts[min(row, k - 1) if clamp else row][column] += 1
    return counts


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "rows and columns are exchanged: rows are the truth": lambda *args: _count(
        *args, transposed=True
    ),
    "pixels called the ignored class are left out: the truth decides": lambda *args: _count(
        *args, skip=lambda i, j: args[3] in (i, j)
    ),
    "ignored pixels count for the last class": lambda *args: _count(
        *args, skip=lambda i, j: False, clamp=True
    ),
    "as many rows as labels occur, not num_classes": lambda *args: _count(
        args[0], args[1], max([*_flat(args[1]), -1]) + 1, args[3]
    ),
    "only right pixels are counted": lambda *args: _count(
        *args, skip=lambda i, j: i == args[3] or i != j
    ),
}


def _ratio(part, whole):
    return part / whole if whole else NAN


def _mean(values):
    there = [x for x in values if x == x]
    return sum(there) / len(there) if there else NAN


def _per_class(formula):
    """formula(TP, FN, FP, all pixels) of every class."""
    def solve(counts):
        k = range(len(counts))
        total = sum(map(sum, counts))
        return [
            formula(
                counts[i][i], sum(counts[i]) - counts[i][i],
                sum(counts[j][i] for j in k) - counts[i][i], total,
            )
            for i in k
        ]

    return solve


def _mean_of(formula):
    return lambda counts: _mean(_per_class(formula)(counts))


def _weighted(counts):
    ious = _per_class(lambda tp, fn, fp, n: _ratio(tp, tp + fn + fp))(counts)
    areas = [sum(row) for row in counts]
    pairs = [(a, x) for a, x in zip(areas, ious, strict=True) if x == x]
    return _ratio(sum(a * x for a, x in pairs), sum(areas))


# score -> mistakes in it, of SCORES.
MISTAKES_OF_SCORES = {
    "pixel_accuracy": {
        "the mean over classes: that is MPA": _mean_of(lambda tp, fn, fp, n: _ratio(tp, tp + fn)),
        "divided by the wrong pixels": lambda counts: _ratio(
            sum(counts[i][i] for i in range(len(counts))),
            sum(map(sum, counts)) - sum(counts[i][i] for i in range(len(counts))),
        ),
    },
    "mean_pixel_accuracy": {
        "divided by the columns: that is precision": _mean_of(
            lambda tp, fn, fp, n: _ratio(tp, tp + fp)
        ),
        "right background counts for each class": _mean_of(
            lambda tp, fn, fp, n: _ratio(n - fn - fp, n)
        ),
        "a class that is not there counts as 0": lambda counts: (
            sum(x if x == x else 0 for x in _per_class(
                lambda tp, fn, fp, n: _ratio(tp, tp + fn)
            )(counts)) / len(counts)
        ),
    },
    "intersection_over_union": {
        "the overlap is counted twice in the union": _per_class(
            lambda tp, fn, fp, n: _ratio(tp, 2 * tp + fn + fp)
        ),
        "that is Dice": _per_class(lambda tp, fn, fp, n: _ratio(2 * tp, 2 * tp + fn + fp)),
        "false alarms are free": _per_class(lambda tp, fn, fp, n: _ratio(tp, tp + fn)),
        "a class that is not there counts as 0": _per_class(
            lambda tp, fn, fp, n: tp / (tp + fn + fp) if tp + fn + fp else 0.0
        ),
    },
    "mean_iou": {
        "a class that is not there counts as 0": lambda counts: (
            sum(x if x == x else 0 for x in _per_class(
                lambda tp, fn, fp, n: _ratio(tp, tp + fn + fp)
            )(counts)) / len(counts)
        ),
        "a class that is only called is left out": _mean_of(
            lambda tp, fn, fp, n: _ratio(tp, tp + fn + fp) if tp + fn else NAN
        ),
        "weighted by area: that is the frequency-weighted IoU": _weighted,
        "IoU of all pixels together": lambda counts: _ratio(
            sum(counts[i][i] for i in range(len(counts))),
            2 * sum(map(sum, counts)) - sum(counts[i][i] for i in range(len(counts))),
        ),
    },
    "segmentation_precision": {
        "divided by the truth: that is recall": _per_class(
            lambda tp, fn, fp, n: _ratio(tp, tp + fn)
        ),
    },
    "segmentation_recall": {
        "divided by what was called: that is precision": _per_class(
            lambda tp, fn, fp, n: _ratio(tp, tp + fp)
        ),
    },
    "segmentation_f1": {
        "the arithmetic mean of precision and recall": _per_class(
            lambda tp, fn, fp, n: (_ratio(tp, tp + fp) + _ratio(tp, tp + fn)) / 2
        ),
        "the product is not doubled": _per_class(
            lambda tp, fn, fp, n: _ratio(tp, 2 * tp + fn + fp)
        ),
    },
    "dice_coefficient": {
        "that is IoU": _per_class(lambda tp, fn, fp, n: _ratio(tp, tp + fn + fp)),
        "2 IoU, not divided by 1 + IoU": _per_class(
            lambda tp, fn, fp, n: 2 * _ratio(tp, tp + fn + fp)
        ),
    },
}
