"""Worked examples of centre targets: (boxes, labels, num_classes, size, stride, min_overlap) ->
(cells of the centres, offsets, (width, height) in cells, radii of the Gaussians)."""

import math

from edudet.cases.case import Case

MAP = (8, 12)  # cells; at stride 4 an image of 48 x 32 pixels

CASES = [
    Case("none", ([], [], 2, MAP, 4, 0.25), ([], [], [], [])),
    Case("one", ([[8, 4, 40, 14]], [1], 2, MAP, 4, 0.25), ([2 * 12 + 6], [[0, 0.25]], [[8, 2.5]],
         [1]), "centre (24, 9) px = (6, 2.25) cells; 8 x 3 cells have radius 1"),
    Case("between cells", ([[12, 5, 34, 31]], [0], 1, MAP, 4, 0.25), ([4 * 12 + 5],
         [[0.75, 0.5]], [[5.5, 6.5]], [1]), "centre (5.75, 4.5) cells: in cell 5"),
    Case("a point in the last corner", ([[48, 32, 48, 32]], [0], 1, MAP, 4, 0.25),
         ([7 * 12 + 11], [[1, 1]], [[0, 0]], [0]), "the last cell, with offset 1"),
    Case("stride 1", ([[2, 1, 10, 3.5]], [0], 1, MAP, 1, 0.25), ([2 * 12 + 6], [[0, 0.25]],
         [[8, 2.5]], [1])),
    Case("two in one cell", ([[8, 8, 24, 24], [12, 12, 22, 22]], [0, 0], 1, MAP, 4, 0.25),
         ([52, 52], [[0, 0], [0.25, 0.25]], [[4, 4], [2.5, 2.5]], [1, 0]), "each keeps its own"),
]


def _radius(width, height, t):
    total = width + height
    return math.floor((total - math.sqrt(total**2 - 4 * (1 - t) * width * height)) / 4)


def _centers(
    *, cell=math.floor, index=lambda x, y, size: y * size[1] + x, clamp=True, unit=1,
    offset=lambda value, cell: value - cell, sizes=lambda w, h: [w, h], corner=False,
):
    """center_targets with one part exchanged."""
    def targets(boxes, labels, num_classes, size, stride, t):
        rows = []
        for box in boxes:
            x1, y1, x2, y2 = (value / stride for value in box)
            x, y = (x1, y1) if corner else ((x1 + x2) / 2, (y1 + y2) / 2)
            cell_x, cell_y = cell(x), cell(y)
            if clamp:
                cell_x, cell_y = min(cell_x, size[1] - 1), min(cell_y, size[0] - 1)
            wide, high = ((b - a) * (stride if unit == "pixels" else 1)
                          for a, b in ((x1, x2), (y1, y2)))
            rows.append((
                index(cell_x, cell_y, size), [offset(x, cell_x), offset(y, cell_y)],
                sizes(wide, high), _radius(math.ceil(x2 - x1), math.ceil(y2 - y1), t),
            ))
        return tuple([row[i] for row in rows] for i in range(4))

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the upper left corner, not the centre": _centers(corner=True),
    "rounded to the nearest cell; a centre belongs to the cell it lies in": _centers(cell=round),
    "the place is y * width + x, not x * height + y": _centers(
        index=lambda x, y, size: x * size[0] + y
    ),
    "a centre on the border of the image falls off the map": _centers(clamp=False),
    "sizes are in cells, not in pixels": _centers(unit="pixels"),
    "sizes are (width, height) here, x first": _centers(sizes=lambda w, h: [h, w]),
    "sizes are not halved": _centers(sizes=lambda w, h: [w / 2, h / 2]),
    "offsets count from the upper left corner of the cell, not from its centre": _centers(
        offset=lambda value, cell: value - cell - 0.5
    ),
}
