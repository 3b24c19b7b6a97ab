"""Worked examples of selective search: gray image -> the set of boxes it finds.

Searched in one colour space, without smoothing, from regions of one gray level each: with
colour_spaces=["gray"], scales=[1], similarities=[["size"]], sigma=0, min_size=0.
"""

from edudet.cases.case import Case

A, B, C = 0, 120, 240

CASES = [
    Case("nothing to see", ([[A, A], [A, A]],), [(0, 0, 2, 2)], "the whole image is a proposal"),
    Case("one pixel", ([[A]],), [(0, 0, 1, 1)]),
    Case("two halves", ([[A, A, B]],), [(0, 0, 2, 1), (2, 0, 3, 1), (0, 0, 3, 1)],
         "xyxy: the right half is one pixel wide"),
    Case("an object on a ground", ([[A, A, A, A], [A, B, B, A], [A, A, A, A]],),
         [(1, 1, 3, 2), (0, 0, 4, 3)], "the ground's box is the image's: listed once"),
    Case("an object of two parts", ([[A, A, A, A, A], [A, B, C, C, A], [A, A, A, A, A]],),
         [(1, 1, 2, 2), (2, 1, 4, 2), (1, 1, 4, 2), (0, 0, 5, 3)],
         "the parts, the two as one, and the whole: no window of a fixed shape finds all"),
    Case("far apart", ([[B, A, B]],), [(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 3, 1), (0, 0, 2, 1),
                                      (0, 0, 3, 1)], "equal ones that do not touch stay two"),
]


def _regions(image):
    """The boxes of all regions that there ever are, duplicates included; merged by size."""
    cells = {(x, y): v for y, row in enumerate(image) for x, v in enumerate(row)}
    regions = []
    while cells:
        waiting, (_, value) = [next(iter(cells))], next(iter(cells.items()))
        region = set()
        while waiting:
            x, y = waiting.pop()
            if cells.get((x, y)) == value:
                del cells[x, y]
                region.add((x, y))
                waiting += [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        regions.append(region)
    found = [regions[:]]
    while len(regions) > 1:
        pairs = [
            (len(p) + len(q), i, j)
            for i, p in enumerate(regions) for j, q in enumerate(regions)
            if i < j and any(abs(x - u) <= 1 and abs(y - v) <= 1 for x, y in p for u, v in q)
        ]
        _, i, j = min(pairs)
        regions = [r for k, r in enumerate(regions) if k not in (i, j)] + [regions[i] | regions[j]]
        found.append(regions[-1:])
    return found


def _boxes(regions, plus=1):
    boxes = []
    for region in regions:
        xs, ys = zip(*region, strict=True)
        boxes.append((min(xs), min(ys), max(xs) + plus, max(ys) + plus))
    return boxes


def _all(image):
    return _boxes(region for step in _regions(image) for region in step)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "boxes that are found twice are listed twice": _all,
    "only the first regions; those made by merging are proposals too": lambda image: list(
        dict.fromkeys(_boxes(_regions(image)[0]))
    ),
    "only merged regions; the first ones are proposals too": lambda image: list(
        dict.fromkeys(_boxes(region for step in _regions(image)[1:] for region in step))
    ),
    "a box ends before its last pixel": lambda image: list(
        dict.fromkeys(_boxes((r for step in _regions(image) for r in step), plus=0))
    ),
    "boxes are (x, y, w, h); here they are (x1, y1, x2, y2)": lambda image: list(
        dict.fromkeys((x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in _all(image))
    ),
    "x and y are exchanged": lambda image: list(
        dict.fromkeys((y1, x1, y2, x2) for x1, y1, x2, y2 in _all(image))
    ),
    "the whole image is left out": lambda image: list(dict.fromkeys(_all(image)))[:-1],
}
