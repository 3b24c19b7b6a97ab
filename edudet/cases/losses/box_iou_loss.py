"""Worked examples of box losses: boxes1, boxes2 -> one loss per pair, with eps = 0."""

from edudet.cases.case import Case

UNIT = [0, 0, 1, 1]

CASES_OF_KIND = {
    "generalized": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [0.0]),
        Case("half covered", ([[0, 0, 4, 2]], [[0, 0, 2, 2]]), [0.5], "the enclosing box is full"),
        Case("one apart", ([UNIT], [[2, 0, 3, 1]]), [4 / 3], "1 - 0 + 1/3: 1 of 3 is unfilled"),
        Case("three apart", ([UNIT], [[4, 0, 5, 1]]), [1.6], "further off costs more"),
        Case("diagonal", ([[0, 0, 2, 2]], [[1, 1, 3, 3]]), [1 - 1 / 7 + 2 / 9]),
        Case("diagonally apart", ([UNIT], [[3, 3, 4, 4]]), [1.875], "(-2) * (-2) is no overlap"),
        Case("tall", ([[0, 0, 1, 4]], [[0, 0, 1, 1]]), [0.75]),
        Case("pair by pair", ([UNIT, [0, 0, 4, 2]], [[2, 0, 3, 1], [0, 0, 4, 2]]), [4 / 3, 0.0]),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [1.0], "0 / 0 is 0, twice"),
        Case("nothing", ([], []), []),
    ],
    "distance": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [0.0]),
        Case("one apart", ([UNIT], [[2, 0, 3, 1]]), [1.4], "1 + 2^2 / (3^2 + 1^2)"),
        Case("inside, same centre", ([[0, 0, 4, 4]], [[1, 1, 3, 3]]), [0.75]),
        Case("inside, in a corner", ([[0, 0, 4, 4]], [[0, 0, 2, 2]]), [0.8125], "3/4 + 2/32"),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [1.0]),
    ],
    "complete": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [0.0]),
        Case("same shape", ([UNIT], [[2, 0, 3, 1]]), [1.4], "v = 0: as the distance loss"),
        Case("flat in a square", ([[0, 0, 2, 2]], [[0, 1, 2, 1]]), [1.05],
             "1 + alpha v = 1 + 1/5 * 1/4"),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [1.0]),
    ],
}


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _parts(a, b, clamped=True):
    sides = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(sides[0], 0) * max(sides[1], 0) if clamped else sides[0] * sides[1]
    enclosing = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    return inter, _area(a) + _area(b) - inter, _area(enclosing), enclosing


def _ratio(part, whole):
    return part / whole if whole else 0.0


def _pairs(formula):
    return lambda boxes1, boxes2: [formula(a, b) for a, b in zip(boxes1, boxes2, strict=True)]


def _generalized(a, b):
    inter, union, area, _ = _parts(a, b)
    return 1 - _ratio(inter, union) + _ratio(area - union, area)


def _iou(a, b):
    return _ratio(*_parts(a, b)[:2])


def _not_clamped(a, b):
    inter, union, area, _ = _parts(a, b, clamped=False)
    return 1 - _ratio(inter, union) + _ratio(area - union, area)


def _over_union(a, b):
    inter, union, area, _ = _parts(a, b)
    return 1 - _ratio(inter, union) + _ratio(area - union, union)


def _not_unfilled(a, b):
    inter, union, area, _ = _parts(a, b)
    return 1 - _ratio(inter, union) + _ratio(area - inter, area)


def _distance(a, b, penalty):
    x1, y1, x2, y2 = _parts(a, b)[3]
    dx, dy = ((a[i] + a[i + 2] - b[i] - b[i + 2]) / 2 for i in (0, 1))
    return 1 - _iou(a, b) + penalty(dx**2 + dy**2, (x2 - x1) ** 2 + (y2 - y1) ** 2)


# Plausible errors in the generalized loss and the hint each deserves. A test proves that its
# CASES catch them all.
MISTAKES = {
    "GIoU itself: a loss falls as the boxes get better": _pairs(
        lambda a, b: 1 - _generalized(a, b)
    ),
    "only 1 - IoU: boxes that do not meet all cost the same": _pairs(lambda a, b: 1 - _iou(a, b)),
    "the empty part is divided by the union, not by the enclosing box": _pairs(_over_union),
    "the empty part is C minus the union, not C minus the overlap": _pairs(_not_unfilled),
    "sides are multiplied before they are clamped to 0": _pairs(_not_clamped),
    "the penalty is subtracted from the loss": _pairs(
        lambda a, b: 2 * (1 - _iou(a, b)) - _generalized(a, b)
    ),
    "every pair is compared: box i belongs to box i": lambda boxes1, boxes2: [
        _generalized(a, b) for a in boxes1 for b in boxes2
    ],
}

# The same of the distance loss.
MISTAKES_OF_DISTANCE = {
    "the distance is not squared, the diagonal is": _pairs(
        lambda a, b: _distance(a, b, lambda d, c: _ratio(d**0.5, c))
    ),
    "neither distance nor diagonal is squared": _pairs(
        lambda a, b: _distance(a, b, lambda d, c: _ratio(d**0.5, c**0.5))
    ),
    "the distance is not divided by the diagonal": _pairs(
        lambda a, b: _distance(a, b, lambda d, c: d)
    ),
    "the penalty of GIoU is added": _pairs(_generalized),
}
