"""Worked examples of merging regions: (labels, gray image, kinds) -> [merged pair, ...].

With R regions at first, the t-th merge makes region R + t.
"""

from edudet.cases.case import Case

SIZE, COLOUR, FILL = ("size",), ("colour",), ("fill",)

CASES = [
    Case("one region", ([[0, 0]], [[9, 9]], SIZE), []),
    Case("two regions", ([[0, 1]], [[9, 99]], COLOUR), [(0, 1)], "however unlike they are"),
    Case("small ones first", ([[0, 0, 1, 2]], [[9] * 4], SIZE), [(1, 2), (0, 3)],
         "1 - 2/4 against 1 - 3/4; the new region is number 3"),
    Case("equal pairs", ([[0, 1, 2, 3]], [[9] * 4], SIZE), [(0, 1), (2, 3), (4, 5)],
         "of three equal pairs the lowest; then 1 - 2/4 for (2, 3) beats 1 - 3/4 for (2, 4)"),
    Case("like colours first", ([[0, 1, 2, 2]], [[200, 10, 10, 10]], COLOUR), [(1, 2), (0, 3)]),
    Case("only neighbours", ([[0, 1, 2]], [[10, 200, 10]], COLOUR), [(0, 1), (2, 3)],
         "the two outer ones are alike, but do not touch"),
    Case("corners touch", ([[0, 1], [2, 3]], [[10, 200], [100, 10]], COLOUR),
         [(0, 3), (1, 2), (4, 5)], "0 and 3 are alike; 1 and 2 are as unlike as all other pairs"),
    Case("two that touch at a corner", ([[0, 1, 1], [1, 2, 1]], [[9] * 3] * 2, SIZE),
         [(0, 2), (1, 3)], "two pixels together; with the ground it would be five"),
    Case("a hole is filled", ([[0, 0, 0, 2], [0, 1, 0, 2], [0, 0, 0, 2]], [[9] * 4] * 3, FILL),
         [(0, 1), (2, 3)], "1 for the hole, 1 - 1/12 for the column beside"),
    Case("what is merged is looked at anew", ([[0, 1, 2, 3, 3]], [[9] * 5], SIZE),
         [(0, 1), (2, 3), (4, 5)], "(1, 2) was as good as (0, 1), but 1 is gone"),
    Case("sizes add up", ([[0, 1, 1, 2, 2, 2]], [[9] * 6], SIZE), [(0, 1), (2, 3)]),
    Case(
        "a merged region has the colours of both",
        ([[0, 1, 2, 3, 3, 3]], [[10, 10, 200, 10, 200, 200]], COLOUR),
        [(0, 1), (2, 3), (4, 5)], "1/1, then 3/4 for (2, 3)",
    ),
]


def _merge(
    labels, image, kinds, *, corners=True, best=max, anywhere=False, later=False, reuse=False,
    updated=True,
):
    """The algorithm with one part exchanged; size, colour (by level) and fill only."""
    cells = [(y, x, n) for y, row in enumerate(labels) for x, n in enumerate(row)]
    regions = {n: [(y, x) for y, x, m in cells if m == n] for n in {n for *_, n in cells}}
    shown = dict(regions)

    def touch(a, b):
        reach = 2 if corners else 1
        return anywhere or any(
            max(abs(y - v), abs(x - u)) == 1 and abs(y - v) + abs(x - u) <= reach
            for y, x in regions[a] for v, u in regions[b]
        )

    def alike(a, b):
        p, q = shown[a], shown[b]
        levels = [[image[y][x] * 25 // 256 for y, x in r] for r in (p, q)]
        ys, xs = zip(*p, *q, strict=True)
        box = (max(ys) - min(ys) + 1) * (max(xs) - min(xs) + 1)
        colour = sum(min(levels[0].count(i) * len(q), levels[1].count(i) * len(p))
                     for i in range(25)) / (len(p) * len(q))
        return (
            ("colour" in kinds) * colour + ("size" in kinds) * (1 - (len(p) + len(q)) / len(cells))
            + ("fill" in kinds) * (1 - (box - len(p) - len(q)) / len(cells))
        )

    merges, number = [], len(regions)
    while len(regions) > 1:
        pairs = [(a, b) for a in sorted(regions) for b in sorted(regions) if a < b and touch(a, b)]
        value = best(alike(a, b) for a, b in pairs)
        a, b = [pair for pair in pairs if alike(*pair) == value][-1 if later else 0]
        merges.append((a, b))
        joined = a if reuse else number
        regions[joined] = regions.pop(a) + regions.pop(b)
        shown[joined] = regions[joined] if updated else shown[a]
        number += 1
    return merges


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "regions that touch at a corner are no neighbours": lambda *a: _merge(*a, corners=False),
    "the least similar pair is merged": lambda *a: _merge(*a, best=min),
    "regions are merged that do not touch": lambda *a: _merge(*a, anywhere=True),
    "of equal pairs the last is merged": lambda *a: _merge(*a, later=True),
    "a merged region keeps an old number": lambda *a: _merge(*a, reuse=True),
    "a merged region still looks like one of its parts": lambda *a: _merge(*a, updated=False),
    "the last two are not merged": lambda *a: _merge(*a)[:-1],
}
