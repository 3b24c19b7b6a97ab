"""Worked examples of areas: (boxes, format) -> areas; and of small boxes: (boxes, size) -> kept."""

from edudet.cases.case import Case

CASES = [
    Case("none", ([], "xyxy"), []),
    Case("a rectangle", ([[1, 2, 4, 4]], "xyxy"), [6], "3 wide, 2 high"),
    Case("one pixel", ([[5, 7, 6, 8]], "xyxy"), [1], "from its left side to its right side"),
    Case("empty", ([[3, 3, 3, 9], [3, 3, 3, 3]], "xyxy"), [0, 0], "a line and a point"),
    Case("left of the image", ([[-4, -2, 0, 0]], "xyxy"), [8]),
    Case("corner and size", ([[1, 2, 4, 3]], "xywh"), [12]),
    Case("centre and size", ([[1, 2, 4, 3]], "cxcywh"), [12]),
    Case("quarters", ([[0.25, 0.5, 0.75, 2.5]], "xyxy"), [1]),
]

SMALL = [
    Case("none", ([], 1), []),
    Case("both sides count", ([[0, 0, 4, 4], [0, 0, 4, 1], [0, 0, 1, 4]], 2), [0]),
    Case("exactly the size", ([[0, 0, 2, 2], [0, 0, 2, 3]], 2), [0, 1], "at least, not more than"),
    Case("0 keeps empty ones", ([[1, 1, 1, 1], [2, 2, 1, 1]], 0), [0], "but no inverted ones"),
]


def _areas(formula):
    return lambda boxes, fmt: [formula(box, fmt) for box in boxes]


def _sides(box, fmt, plus=0):
    if fmt == "xyxy":
        return box[2] - box[0] + plus, box[3] - box[1] + plus
    return box[2], box[3]


def _product(sides):
    return sides[0] * sides[1]


def _small(keeps):
    return lambda boxes, size: [
        i for i, box in enumerate(boxes) if keeps(*_sides(box, "xyxy"), size)
    ]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "width is x2 - x1 + 1; here it is x2 - x1": _areas(lambda b, f: _product(_sides(b, f, 1))),
    "the format is ignored": _areas(lambda b, f: _product(_sides(b, "xyxy"))),
    "boxes are read as (x, y, width, height)": _areas(lambda b, f: _product(_sides(b, "xywh"))),
    "width plus height": _areas(lambda b, f: sum(_sides(b, f))),
}
MISTAKES_WITH_SMALL = {
    "one side of the size suffices": _small(lambda w, h, s: w >= s or h >= s),
    "more than the size; at least the size is enough": _small(lambda w, h, s: w > s and h > s),
    "compares the area": _small(lambda w, h, s: w * h >= s),
    "sides have no sign: an inverted box is kept": _small(lambda w, h, s: min(abs(w), abs(h)) >= s),
}
