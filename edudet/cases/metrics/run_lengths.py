"""Worked examples of pairs of masks: counts, counts, whether the second is a crowd -> IoU."""

from edudet.cases.case import Case

CASES = [
    Case("equal", ([2, 3, 1], [2, 3, 1], False), 1.0),
    Case("one third", ([2, 2, 2], [3, 2, 1], False), 1 / 3),
    Case("apart", ([0, 2, 4], [4, 2], False), 0.0),
    Case("neighbours", ([0, 2, 4], [2, 2, 2], False), 0.0),
    Case("one within another", ([2, 2, 2], [0, 6], False), 2 / 6),
    Case("within a crowd", ([2, 2, 2], [0, 6], True), 1.0, "all of the first is covered"),
    Case("around a crowd", ([0, 6], [2, 2, 2], True), 2 / 6),
    Case("many runs", ([1, 1, 1, 1, 1, 1], [0, 2, 2, 2], False), 2 / 5),
    Case("empty runs", ([2, 1, 0, 1, 2], [0, 0, 2, 2, 2], False), 1.0),
    Case("nothing and something", ([6], [0, 6], False), 0.0),
    Case("nothing twice", ([6], [6], False), 0.0, "0/0 is 0"),
    Case("nothing in a crowd", ([6], [0, 6], True), 0.0, "0/0 is 0"),
]


def _pixels(counts):
    return [i % 2 == 1 for i, count in enumerate(counts) for _ in range(count)]


def _iou(a, b, crowd, *, use_crowd=True, over_crowd=False, smaller=False, empty=0.0, starts=0):
    a, b = ([(inside + starts) % 2 == 1 for inside in _pixels(counts)] for counts in (a, b))
    inter = sum(x and y for x, y in zip(a, b, strict=True))
    union = sum(x or y for x, y in zip(a, b, strict=True))
    if crowd and use_crowd:
        union = sum(b if over_crowd else a)
    if smaller:
        union = min(sum(a), sum(b))
    return inter / union if union else empty


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "a crowd is compared by IoU": lambda *args: _iou(*args, use_crowd=False),
    "divided by the area of the crowd, not of the detection": lambda *args: _iou(
        *args, over_crowd=True
    ),
    "divided by the smaller area, not by the union": lambda *args: _iou(*args, smaller=True),
    "0/0 is 0 here": lambda *args: _iou(*args, empty=1.0),
    "the first run is outside, not inside": lambda *args: _iou(*args, starts=1),
}
