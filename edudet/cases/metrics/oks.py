"""Worked examples of OKS: true joints, visible, areas, predictions, sigmas, boxes -> matrix."""

import math

from edudet.cases.case import Case

NAN = math.nan
E1, E2, E4 = math.exp(-1), math.exp(-2), math.exp(-4)

# sigma 1/2 makes (2 sigma)^2 = 1: a joint d pixels off is worth exp(-d^2 / (2 area)).
CASES = [
    Case("exact", ([[[3, 4]]], [[2]], [8], [[[3, 4]]], [0.5], None), [[1.0]]),
    Case("four off", ([[[0, 0]]], [[2]], [8], [[[4, 0]]], [0.5], None), [[E1]], "16 / (2 * 8)"),
    Case("in x and y", ([[[0, 0]]], [[2]], [4], [[[2, 2]]], [0.5], None), [[E1]], "8 / (2 * 4)"),
    Case("a larger object", ([[[0, 0]]], [[2]], [32], [[[8, 0]]], [0.5], None), [[E1]]),
    Case("a stricter joint", ([[[0, 0]]], [[2]], [8], [[[4, 0]]], [0.25], None), [[E4]],
         "(2 sigma)^2 = 1/4"),
    Case("mean of similarities", ([[[0, 0], [0, 0]]], [[2, 2]], [8], [[[4, 0], [0, 0]]],
                                  [0.5, 0.5], None), [[(E1 + 1) / 2]], "not exp of the mean"),
    Case("invisible", ([[[0, 0], [0, 0]]], [[2, 0]], [8], [[[4, 0], [99, 0]]], [0.5, 0.5], None),
         [[E1]]),
    Case("hidden but labelled", ([[[0, 0], [0, 0]]], [[0, 1]], [8], [[[9, 0], [4, 0]]], [0.5, 0.5],
                                 None), [[E1]]),
    Case("not found", ([[[0, 0], [0, 0]]], [[2, 2]], [8], [[[NAN, NAN], [0, 0]]], [0.5, 0.5], None),
         [[0.5]]),
    Case("every pair", ([[[0, 0]], [[4, 0]]], [[2], [2]], [8, 4], [[[0, 0]], [[4, 0]], [[4, 4]]],
                        [0.5], None), [[1.0, E1, E2], [E2, 1.0, E2]], "rows are the truth"),
    Case("none visible, inside the enlarged box", ([[[0, 0]]], [[0]], [8], [[[12, -4]]], [0.5],
                                                   [[0, 0, 8, 4]]), [[1.0]]),
    Case("none visible, outside", ([[[0, 0]]], [[0]], [8], [[[20, 0]]], [0.5], [[0, 0, 8, 4]]),
         [[E1]], "the box reaches from -8 to 16"),
    Case("none visible, no box", ([[[0, 0]]], [[0]], [8], [[[0, 0]]], [0.5], None), [[0.0]]),
    Case("nobody found", ([[[0, 0]]], [[2]], [8], [], [0.5], None), [[]]),
    Case("nobody there", ([], [], [], [[[0, 0]]], [0.5], None), []),
]


def _oks(truth, visible, areas, found, sigmas, boxes, *, similarity=None, seen=lambda v: v > 0,
         mean=None, missing=0.0):
    similarity = similarity or (lambda d2, area, s: math.exp(-d2 / (2 * area * (2 * s) ** 2)))
    mean = mean or (lambda values: sum(values) / len(values) if values else 0.0)

    def of_pair(joints, flags, area, points, box):
        some = any(map(seen, flags))
        values = []
        for (x, y), (px, py), flag, sigma in zip(joints, points, flags, sigmas, strict=True):
            dx, dy = px - x, py - y
            if not some and box:
                x1, y1, x2, y2 = box
                width, height = x2 - x1, y2 - y1
                dx = max(0, x1 - width - px) + max(0, px - x2 - width)
                dy = max(0, y1 - height - py) + max(0, py - y2 - height)
            elif not seen(flag):
                continue
            values.append(missing if dx != dx else similarity(dx * dx + dy * dy, area, sigma))
        return mean([value for value in values if value is not None])

    boxes = boxes or [None] * len(truth)
    return [
        [of_pair(joints, flags, area, points, box) for points in found]
        for joints, flags, area, box in zip(truth, visible, areas, boxes, strict=True)
    ]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "sigma is not doubled: k = 2 sigma": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-d2 / (2 * area * s**2))
    ),
    "the 2 of the Gaussian is missing": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-d2 / (area * (2 * s) ** 2))
    ),
    "the distance is not squared": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-(d2**0.5) / (2 * area * (2 * s) ** 2))
    ),
    "the area is squared: it is a square already": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-d2 / (2 * area**2 * (2 * s) ** 2))
    ),
    "the size of the object is ignored": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-d2 / (2 * (2 * s) ** 2))
    ),
    "all joints are alike: sigma is ignored": lambda *args: _oks(
        *args, similarity=lambda d2, area, s: math.exp(-d2 / (2 * area))
    ),
    "invisible joints are counted": lambda *args: _oks(*args, seen=lambda v: True),
    "only 2 counts as visible; 1 is labelled, too": lambda *args: _oks(
        *args, seen=lambda v: v == 2
    ),
    "exp of the mean, not the mean of exp": lambda *args: _oks(
        *args, missing=math.inf,
        similarity=lambda d2, area, s: d2 / (2 * area * (2 * s) ** 2),
        mean=lambda values: math.exp(-sum(values) / len(values)) if values else 0.0,
    ),
    "joints that were not found are left out": lambda *args: _oks(*args, missing=None),
    "rows and columns are exchanged: rows are the truth": lambda *args: (
        [list(column) for column in zip(*_oks(*args), strict=True)]
    ),
    "without visible joints the box decides": lambda t, v, a, f, s, b: _oks(t, v, a, f, s, None),
}
