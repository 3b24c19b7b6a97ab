"""Worked examples of the similarity of regions: (a, b, area of the image, kinds) -> number.

A region is (size, box, colour counts, texture counts).
"""

from edudet.cases.case import Case

LEFT, RIGHT = (0, 0, 2, 2), (2, 0, 4, 2)
EVEN, DARK, LIGHT = [2, 2], [4, 0], [0, 4]
COLOUR, TEXTURE, SIZE, FILL = ("colour",), ("texture",), ("size",), ("fill",)

CASES = [
    Case("the same colours", ((4, LEFT, EVEN, [4]), (4, RIGHT, EVEN, [4]), 16, COLOUR), 1.0),
    Case("nothing in common", ((4, LEFT, DARK, [4]), (4, RIGHT, LIGHT, [4]), 16, COLOUR), 0.0),
    Case("half", ((4, LEFT, EVEN, [4]), (4, RIGHT, DARK, [4]), 16, COLOUR), 0.5,
         "min(1/2, 1) + min(1/2, 0)"),
    Case("shares, not counts", ((2, (0, 0, 2, 1), [1, 1], [2]), (4, RIGHT, EVEN, [4]), 16, COLOUR),
         1.0, "1 of 2 pixels is as much as 2 of 4"),
    Case("two channels", ((2, (0, 0, 2, 1), [2, 0, 2, 0], [2]), (4, RIGHT, [4, 0, 0, 4], [4]), 16,
                          COLOUR), 0.5, "1 in the first channel, 0 in the second: their mean"),
    Case("texture", ((4, LEFT, DARK, [3, 1]), (4, RIGHT, LIGHT, [1, 3]), 16, TEXTURE), 0.5,
         "1/4 + 1/4: colour does not count here"),
    Case("size", ((4, LEFT, DARK, [4]), (4, RIGHT, LIGHT, [4]), 16, SIZE), 0.5, "1 - 8/16"),
    Case("small ones first", ((1, (0, 0, 1, 1), [1], [1]), (1, (1, 0, 2, 1), [1], [1]), 16, SIZE),
         0.875, "1 - 2/16"),
    Case("side by side", ((4, LEFT, DARK, [4]), (4, RIGHT, LIGHT, [4]), 16, FILL), 1.0,
         "together they fill their box"),
    Case("corner to corner", ((4, LEFT, DARK, [4]), (4, (2, 2, 4, 4), LIGHT, [4]), 16, FILL), 0.5,
         "1 - (16 - 8)/16"),
    Case("one within the other", ((12, (0, 0, 4, 4), [12], [12]), (4, (1, 1, 3, 3), [4], [4]), 32,
                                  FILL), 1.0, "the hole is filled"),
    Case("a region is not its box", ((2, LEFT, [2], [2]), (4, RIGHT, [4], [4]), 16, FILL), 0.875,
         "1 - (8 - 6)/16"),
    Case("all four", ((4, LEFT, EVEN, [4, 0]), (4, RIGHT, DARK, [2, 2]), 16,
                      ("colour", "texture", "size", "fill")), 2.5, "1/2 + 1/2 + 1/2 + 1"),
]


def _similarity(
    a, b, area, kinds, *, normalised=True, pick=min, of_mean=True, bigger=False, boxes=False,
    of_box=False, mean=False,
):
    """The similarity with one part exchanged."""
    size_a, box_a, *histograms_a = a
    size_b, box_b, *histograms_b = b
    corners = list(zip(box_a, box_b, strict=True))
    (x1, y1), (x2, y2) = map(min, corners[:2]), map(max, corners[2:])
    around = (x2 - x1) * (y2 - y1)
    parts = []
    for kind, p, q in zip(("colour", "texture"), histograms_a, histograms_b, strict=True):
        if kind in kinds:
            times = sum(p) / size_a if of_mean else 1
            units = (size_a * times, size_b * times) if normalised else (1, 1)
            parts.append(sum(pick(i / units[0], j / units[1]) for i, j in zip(p, q, strict=True)))
    if "size" in kinds:
        parts.append(1 - (max(size_a, size_b) if bigger else size_a + size_b) / area)
    if "fill" in kinds:
        if boxes:
            size_a, size_b = (
                (box[2] - box[0]) * (box[3] - box[1]) for box in (box_a, box_b)
            )
        parts.append(1 - (around - size_a - size_b) / (around if of_box else area))
    return sum(parts) / (len(parts) if mean else 1)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "counts are compared; a large region is like nothing": lambda *a: _similarity(
        *a, normalised=False
    ),
    "the larger share is taken; the overlap is the smaller": lambda *a: _similarity(*a, pick=max),
    "shares are multiplied; the overlap is the smaller": lambda *a: _similarity(
        *a, pick=lambda p, q: p * q
    ),
    "the channels are added, not averaged": lambda *a: _similarity(*a, of_mean=False),
    "size: the larger one; here it is the sum": lambda *a: _similarity(*a, bigger=True),
    "fill: the sizes are those of the boxes": lambda *a: _similarity(*a, boxes=True),
    "fill: divided by the box around both; here by the image": lambda *a: _similarity(
        *a, of_box=True
    ),
    "the mean of the kinds; here it is their sum": lambda *a: _similarity(*a, mean=True),
}
