"""Worked examples of Gaussian heatmaps. Exponentials are not exact: compare to 1e-4.

CASES: (points, radii, labels, num_classes, (height, width)) -> (C, H, W). SIZES: (sizes,
min_overlap) -> radii.
"""

import math

from edudet.cases.case import Case

A, B = math.exp(-2), math.exp(-4)  # radius 1, so sigma is 1/2: one step away, one diagonal step

CASES = [
    Case("none", ([], [], [], 1, (2, 3)), [[[0, 0, 0], [0, 0, 0]]]),
    Case("radius 0", ([[2, 1]], [0], [0], 1, (2, 3)), [[[0, 0, 0], [0, 0, 1]]], "x first"),
    Case("radius 1", ([[1, 1]], [1], [0], 1, (3, 4)),
         [[[B, A, B, 0], [A, 1, A, 0], [B, A, B, 0]]], "a square, three cells wide"),
    Case("stands on its cell", ([[1.75, 0.5]], [1], [0], 1, (1, 4)), [[[A, 1, A, 0]]],
         "1.75 lies in cell 1; the top is 1 all the same"),
    Case("two meet", ([[1, 0], [3, 0]], [1, 1], [0, 0], 1, (1, 5)), [[[A, 1, A, 1, A]]],
         "the larger value, not the sum"),
    Case("a small one beside a large one", ([[1, 0], [0, 0]], [0, 1], [0, 0], 1, (1, 3)),
         [[[1, 1, 0]]], "the top of the small one is not covered"),
    Case("two classes", ([[0, 0], [1, 0]], [0, 0], [1, 0], 2, (1, 2)), [[[0, 1]], [[1, 0]]]),
    Case("cut off at the border", ([[0, 0]], [1], [0], 1, (2, 2)), [[[1, A], [A, B]]]),
    Case("a point outside", ([[-1, 0]], [1], [0], 1, (1, 2)), [[[A, 0]]], "drawn where it reaches"),
]

SIZES = [
    Case("a square", ([[8, 8]], 0.25), [2], "4 x 4 lies inside: IoU 16/64"),
    Case("3 x 8", ([[3, 8]], 0.25), [1], "1 x 6 lies inside: IoU 6/24"),
    Case("100 x 100", ([[100, 100]], 0.7), [8.16700], "the original code says 27.3"),
    Case("no freedom", ([[5, 9]], 1.0), [0]),
    Case("an empty box", ([[0, 7]], 0.5), [0]),
]


def _heatmaps(
    *, meet=max, cell=math.floor, window=lambda dx, dy, r: max(abs(dx), abs(dy)) <= r,
    sigma=lambda r: (2 * r + 1) / 6, swap=False, between=False, by_class=True, scale=1,
):
    """gaussian_heatmaps with one part exchanged."""
    def draw(points, radii, labels, num_classes, size):
        height, width = size
        maps = [[[0.0] * width for _ in range(height)] for _ in range(num_classes)]
        for point, r, label in zip(points, radii, labels, strict=True):
            px, py = (value if between else cell(value) for value in point)
            px, py = (py, px) if swap else (px, py)
            for y in range(height):
                for x in range(width):
                    if window(x - px, y - py, r):
                        distance = (x - px) ** 2 + (y - py) ** 2
                        value = scale * math.exp(-distance / (2 * max(sigma(r), 1e-3) ** 2))
                        row = maps[label if by_class else 0][y]
                        row[x] = meet(row[x], value)
        return maps

    return draw


def _radius(choose=min, divide=True, sign=-1):
    def radii(sizes, t):
        found = []
        for h, w in sizes:
            cases = [
                (1, h + w, h * w * (1 - t) / (1 + t), sign),
                (4, 2 * (h + w), (1 - t) * h * w, sign),
                (4 * t, -2 * t * (h + w), (t - 1) * h * w, 1),
            ]
            found.append(choose(
                (b + s * math.sqrt(b * b - 4 * a * c)) / (2 * a if divide else 2)
                for a, b, c, s in cases
            ))
        return found

    return radii


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "Gaussians are added where they meet; the larger counts": _heatmaps(meet=lambda a, b: a + b),
    "the last one drawn wins": _heatmaps(meet=lambda a, b: b),
    "rounded to the nearest cell; 1.75 lies in cell 1": _heatmaps(cell=round),
    "the top lies between cells, so that no cell is 1": _heatmaps(between=True),
    "x and y are exchanged": _heatmaps(swap=True),
    "cut off in a circle; it is a square": _heatmaps(
        window=lambda dx, dy, r: math.hypot(dx, dy) <= r
    ),
    "not cut off at the radius": _heatmaps(window=lambda dx, dy, r: True),
    "sigma is the radius; it is a sixth of the diameter": _heatmaps(sigma=lambda r: r),
    "scaled to a sum of 1; the top is 1": _heatmaps(scale=1 / (math.sqrt(2 * math.pi) / 2)),
    "all classes on one map": _heatmaps(by_class=False),
}
MISTAKES_WITH_SIZES = {
    "the original code: the larger root, not divided by a": _radius(divide=False, sign=1),
    "the larger root": _radius(sign=1),
    "not divided by 2a, but by 2": _radius(divide=False),
    "the largest of the three radii": _radius(max),
    "a part of the shorter side": lambda sizes, t: [(1 - t) * min(size) / 2 for size in sizes],
}
