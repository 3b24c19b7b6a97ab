"""Worked examples of graph-based segmentation: (image, scale, sigma, min_size) -> regions."""

import math

from edudet.cases.case import Case

STEP = [[0, 0, 10, 10]]
SPIKE = [[0, 0, 0, 100, 0, 0, 0]]

CASES = [
    Case("one pixel", ([[7]], 1, 0, 1), [[0]]),
    Case("one colour", ([[5, 5, 5], [5, 5, 5]], 1, 0, 1), [[0, 0, 0], [0, 0, 0]]),
    Case("a step", (STEP, 5, 0, 1), [[0, 0, 1, 1]], "10 > 0 + 5/2 on either side"),
    Case("a larger scale", (STEP, 20, 0, 1), [[0, 0, 0, 0]], "10 is no more than 0 + 20/2"),
    Case("one level less", (STEP, 19, 0, 1), [[0, 0, 1, 1]], "10 > 0 + 19/2"),
    Case("the same step, single pixels", ([[0, 10]], 10, 0, 1), [[0, 0]],
         "10 is no more than 10/1: small components ask for more evidence"),
    Case("a large component joins no stranger", ([[0, 0, 0, 10]], 15, 0, 1), [[0, 0, 0, 1]],
         "10 <= 15/1 for the pixel, but 10 > 15/3 for the other side: both must agree"),
    Case("a slope", ([[0, 4, 8, 12, 16, 20]], 5, 0, 1), [[0, 0, 0, 0, 0, 0]],
         "each step is 4, and so is Int: the ends differ by 20 all the same"),
    Case("a step in a slope", ([[0, 4, 8, 18, 22, 26]], 9, 0, 1), [[0, 0, 0, 1, 1, 1]],
         "10 > 4 + 9/3"),
    Case("rough and smooth", ([[0, 9, 0, 9, 40, 40, 40, 40]], 9, 0, 1), [[0] * 4 + [1] * 4]),
    Case("lightest edge first", ([[0, 6, 7, 7]], 6, 0, 1), [[0, 1, 1, 1]],
         "from the left, 0 and 6 would have been joined first"),
    Case("corners touch", ([[0, 100], [100, 0]], 1, 0, 1), [[0, 1], [1, 0]], "8 neighbours"),
    Case("the distance is Euclid's", ([[[0, 0, 0], [3, 4, 0]]], 5, 0, 1), [[0, 0]],
         "5, not 3 + 4"),
    Case("and not the largest difference", ([[[0, 0, 0], [3, 4, 0]]], 4, 0, 1), [[0, 1]]),
    Case("floats are from 0 to 1", ([[0.0, 0.5]], 127, 0, 1), [[0, 1]], "0.5 means 127.5"),
    Case("a spike", (SPIKE, 1, 0, 1), [[0, 0, 0, 1, 2, 2, 2]]),
    Case("too small a component", (SPIKE, 1, 0, 2), [[0, 0, 0, 0, 1, 1, 1]],
         "of two equal edges, the one of the earlier pixel"),
    Case("exactly large enough", ([[0, 0, 0, 90, 90, 0, 0, 0]], 1, 0, 2),
         [[0, 0, 0, 1, 1, 2, 2, 2]]),
    Case("small ones join the nearer side", ([[0, 0, 50, 90, 90]], 1, 0, 2), [[0, 0, 1, 1, 1]],
         "the edge of weight 40 comes before that of 50"),
    Case("larger than the image", ([[0, 50, 90]], 1, 0, 9), [[0, 0, 0]]),
]


def _segment(
    image, scale, sigma, min_size, *,
    steps=((0, 1), (1, -1), (1, 0), (1, 1)), distance=math.dist, choose=min, ordered=True,
    grows=True, internal_counts=True, first=0,
):
    """The algorithm with one part exchanged, without smoothing (no case needs any)."""
    height, width = len(image), len(image[0])
    tuples = [[p if isinstance(p, list) else [p] for p in row] for row in image]
    unit = 255 if isinstance(tuples[0][0][0], float) else 1
    edges = [
        (unit * distance(tuples[y][x], tuples[y + dy][x + dx]), y * width + x,
         (y + dy) * width + x + dx)
        for y in range(height) for x in range(width) for dy, dx in steps
        if y + dy < height and 0 <= x + dx < width
    ]
    if ordered:
        edges.sort(key=lambda edge: edge[0])
    component = list(range(height * width))
    internal = [0.0] * len(component)

    def join(a, b):
        component[:] = [a if c == b else c for c in component]

    for weight, i, j in edges:
        a, b = component[i], component[j]
        limits = [
            internal[c] + scale / (component.count(c) if grows else 1) for c in (a, b)
        ]
        if a != b and weight <= choose(limits):
            join(a, b)
            internal[a] = weight * internal_counts
    for _, i, j in edges:
        a, b = component[i], component[j]
        if a != b and min(component.count(a), component.count(b)) < min_size:
            join(a, b)
    order = sorted(set(component), key=component.index)
    numbers = {c: first + k for k, c in enumerate(order)}
    return [[numbers[component[y * width + x]] for x in range(width)] for y in range(height)]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "neighbours at the corners are left out": lambda *a: _segment(*a, steps=((0, 1), (1, 0))),
    "joined if one side agrees; both must": lambda *a: _segment(*a, choose=max),
    "edges are not sorted by weight": lambda *a: _segment(*a, ordered=False),
    "k is not divided by the component's size": lambda *a: _segment(*a, grows=False),
    "differences of the channels are added; the distance is Euclid's": lambda *a: _segment(
        *a, distance=lambda p, q: sum(abs(s - t) for s, t in zip(p, q, strict=True))
    ),
    "the largest difference of a channel; the distance is Euclid's": lambda *a: _segment(
        *a, distance=lambda p, q: max(abs(s - t) for s, t in zip(p, q, strict=True))
    ),
    "the distance is divided by the number of channels": lambda *a: _segment(
        *a, distance=lambda p, q: math.dist(p, q) / len(p)
    ),
    "Int(C) is left out: only k / |C| counts": lambda *a: _segment(
        *a, internal_counts=False
    ),
    "small components are left as they are": lambda i, k, s, m: _segment(i, k, s, 1),
    "components of exactly min_size are joined too": lambda i, k, s, m: _segment(i, k, s, m + 1),
    "regions are counted from 1": lambda *a: _segment(*a, first=1),
}

