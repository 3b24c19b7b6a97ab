"""Worked examples of IoU and its relatives: read by the tests, the notebook and the grader."""

from edudet.cases.case import Case

CASES = [
    Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [[1.0]]),
    Case("half covered", ([[0, 0, 4, 2]], [[0, 0, 2, 2]]), [[0.5]], "4 / (8 + 4 - 4)"),
    Case("quarter shift", ([[0, 0, 2, 2]], [[1, 0, 3, 2]]), [[1 / 3]], "2 / (4 + 4 - 2)"),
    Case("corner to corner", ([[0, 0, 2, 2]], [[1, 1, 3, 3]]), [[1 / 7]], "1 / (4 + 4 - 1)"),
    Case("touching", ([[0, 0, 2, 2]], [[2, 0, 4, 2]]), [[0.0]], "shared edge, no shared area"),
    Case("diagonally apart", ([[0, 0, 1, 1]], [[3, 3, 4, 4]]), [[0.0]], "(-2) * (-2) is not 4"),
    Case("inside", ([[0, 0, 4, 4]], [[1, 1, 3, 3]]), [[0.25]], "4 / 16: the larger one counts"),
    Case("tall and wide", ([[0, 0, 1, 8]], [[0, 0, 8, 1]]), [[1 / 15]], "x and y are not the same"),
    Case("negative corner", ([[-2, -2, 0, 0]], [[-1, -2, 1, 0]]), [[1 / 3]], "as if shifted"),
    Case("empty box", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [[0.0]], "0 / 0 is defined as 0"),
    Case("2 x 1 pairs", ([[0, 0, 2, 2], [8, 8, 9, 9]], [[0, 0, 2, 2]]), [[1.0], [0.0]]),
]

# The relatives, with eps = 0.
CASES_OF_KIND = {
    "generalized": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [[1.0]]),
        Case("touching", ([[0, 0, 2, 2]], [[2, 0, 4, 2]]), [[0.0]], "the enclosing box is full"),
        Case("one apart", ([[0, 0, 1, 1]], [[2, 0, 3, 1]]), [[-1 / 3]], "1 of 3 is unfilled"),
        Case("corners", ([[0, 0, 1, 1]], [[1, 1, 2, 2]]), [[-0.5]], "2 of 4 are unfilled"),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [[0.0]], "0 / 0 twice"),
    ],
    "distance": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [[1.0]]),
        Case("one apart", ([[0, 0, 1, 1]], [[2, 0, 3, 1]]), [[-0.4]], "2^2 / (3^2 + 1^2)"),
        Case("same centre", ([[0, 0, 4, 4]], [[1, 1, 3, 3]]), [[0.25]], "no distance, only IoU"),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [[0.0]], "0 / 0 twice"),
    ],
    "complete": [
        Case("identical", ([[0, 0, 4, 2]], [[0, 0, 4, 2]]), [[1.0]]),
        Case("same shape", ([[0, 0, 1, 1]], [[2, 0, 3, 1]]), [[-0.4]], "v = 0: as distance IoU"),
        Case(
            "flat in a square",
            ([[0, 0, 2, 2]], [[0, 1, 2, 1]]),
            [[-1 / 20]],
            "IoU 0, centres agree; angles pi/4 and pi/2: v = (4 / pi^2) (pi/4)^2 = 1/4, "
            "alpha = (1/4) / (1 + 1/4) = 1/5",
        ),
        Case("empty, equal", ([[1, 1, 1, 1]], [[1, 1, 1, 1]]), [[0.0]], "0 / 0 three times"),
    ],
}


def _sides(a, b, plus=0):
    return min(a[2], b[2]) - max(a[0], b[0]) + plus, min(a[3], b[3]) - max(a[1], b[1]) + plus


def _area(box, plus=0):
    return (box[2] - box[0] + plus) * (box[3] - box[1] + plus)


def _inter(a, b, plus=0):
    width, height = _sides(a, b, plus)
    return max(width, 0) * max(height, 0)


def _pairs(formula):
    return lambda boxes1, boxes2: [[formula(a, b) for b in boxes2] for a in boxes1]


def _ratio(part, whole):
    return part / whole if whole else 0.0


def _no_clamp(a, b):
    width, height = _sides(a, b)
    return _ratio(width * height, _area(a) + _area(b) - width * height)


def _inclusive_pixels(a, b):
    inter = _inter(a, b, 1)
    return _ratio(inter, _area(a, 1) + _area(b, 1) - inter)


def _over_smaller(a, b):
    return _ratio(_inter(a, b), min(_area(a), _area(b)))


def _counted_twice(a, b):
    return _ratio(_inter(a, b), _area(a) + _area(b))


def _as_corner_and_size(a, b):
    to_corners = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for box in (a, b)]
    inter = _inter(*to_corners)
    return _ratio(inter, _area(to_corners[0]) + _area(to_corners[1]) - inter)


def _only_along_x(a, b):
    width, _ = _sides(a, b)
    return _ratio(max(width, 0), (a[2] - a[0]) + (b[2] - b[0]) - max(width, 0))


def _right(a, b):
    return _ratio(_inter(a, b), _area(a) + _area(b) - _inter(a, b))


def _transposed(boxes1, boxes2):
    return [[_right(a, b) for a in boxes1] for b in boxes2]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "sides are multiplied before they are clamped to 0": _pairs(_no_clamp),
    "width is x2 - x1 + 1; here it is x2 - x1": _pairs(_inclusive_pixels),
    "divided by the smaller area, not by the union": _pairs(_over_smaller),
    "the overlap is counted twice in the union": _pairs(_counted_twice),
    "boxes are read as (x, y, width, height)": _pairs(_as_corner_and_size),
    "only the widths are compared, not the areas": _pairs(_only_along_x),
    "rows and columns are exchanged: row i belongs to boxes1[i]": _transposed,
}
