"""Worked examples of clipping: (boxes, (height, width)) -> boxes."""

from edudet.cases.case import Case

CASES = [
    Case("none", ([], (4, 8)), []),
    Case("inside", ([[1, 1, 3, 3]], (4, 8)), [[1, 1, 3, 3]]),
    Case("the whole image", ([[0, 0, 8, 4]], (4, 8)), [[0, 0, 8, 4]],
         "x reaches to the width, not to the index of the last pixel"),
    Case("over every side", ([[-1, -2, 10, 6]], (4, 8)), [[0, 0, 8, 4]]),
    Case("outside", ([[9, 5, 12, 7], [-3, -3, -1, -1]], (4, 8)), [[8, 4, 8, 4], [0, 0, 0, 0]],
         "an empty box is left, on the border"),
]


def _clipped(box, height, width, less=0):
    limits = (width - less, height - less) * 2
    return [min(max(value, 0), limit) for value, limit in zip(box, limits, strict=True)]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "sizes are (height, width): these are exchanged": lambda boxes, size: [
        _clipped(box, size[1], size[0]) for box in boxes
    ],
    "the border is at width, not at width - 1": lambda boxes, size: [
        _clipped(box, size[0], size[1], 1) for box in boxes
    ],
    "negative coordinates stay": lambda boxes, size: [
        [min(value, limit) for value, limit in zip(box, size[::-1] * 2, strict=True)]
        for box in boxes
    ],
    "only x1, y1 are raised and x2, y2 lowered: a box outside is turned inside out": lambda b, s: [
        [max(x1, 0), max(y1, 0), min(x2, s[1]), min(y2, s[0])] for x1, y1, x2, y2 in b
    ],
}
