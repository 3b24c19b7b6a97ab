"""Worked examples of corner targets: (boxes, labels, num_classes, size, stride, min_overlap) ->
(cells of the top left corners, of the bottom right ones, offsets of both, radii of the Gaussians).
"""

import math

from edudet.cases.case import Case

MAP = (8, 12)  # cells; at stride 4 an image of 48 x 32 pixels

CASES = [
    Case("none", ([], [], 2, MAP, 4, 0.25), ([], [], [], [], [])),
    Case("one", ([[10, 5, 38, 31]], [1], 2, MAP, 4, 0.25),
         ([1 * 12 + 2], [7 * 12 + 9], [[0.5, 0.25]], [[0.5, 0.75]], [1]),
         "in cells (2.5, 1.25, 9.5, 7.75); 7 x 7 cells, radius 7/4, so 1"),
    Case("the whole image", ([[0, 0, 48, 32]], [0], 1, MAP, 4, 0.25),
         ([0], [7 * 12 + 11], [[0, 0]], [[1, 1]], [2]), "the last cell, with offset 1"),
    Case("a part of a cell counts", ([[0, 0, 14, 14]], [0], 1, MAP, 4, 0.25),
         ([0], [3 * 12 + 3], [[0, 0]], [[0.5, 0.5]], [1]), "3.5 cells are 4: radius 1"),
    Case("stride 1", ([[2.5, 1.25, 9.5, 7.75]], [0], 1, MAP, 1, 0.25),
         ([1 * 12 + 2], [7 * 12 + 9], [[0.5, 0.25]], [[0.5, 0.75]], [1])),
    Case("corners share a cell", ([[8, 8, 24, 24], [9, 10, 40, 16]], [0, 0], 1, MAP, 4, 0.25),
         ([26, 26], [6 * 12 + 6, 4 * 12 + 10], [[0, 0], [0.25, 0.5]], [[0, 0], [0, 0]], [1, 0]),
         "each keeps its own offset"),
    Case("a point", ([[6, 6, 6, 6]], [0], 1, MAP, 4, 0.25),
         ([13], [13], [[0.5, 0.5]], [[0.5, 0.5]], [0])),
]


def _radius(width, height, t):
    total = width + height
    return math.floor((total - math.sqrt(total**2 - 4 * (1 - t) * width * height)) / 4)


def _corners(
    *, cell=math.floor, index=lambda x, y, size: y * size[1] + x, clamp=True, scale=True,
    offset=lambda value, cell, stride: value - cell, radius=lambda side, stride: math.ceil(side),
):
    """corner_targets with one part exchanged."""
    def targets(boxes, labels, num_classes, size, stride, t):
        places: tuple[list, list] = ([], [])
        offsets: tuple[list, list] = ([], [])
        radii = []
        for box in boxes:
            x1, y1, x2, y2 = (value / stride if scale else value for value in box)
            for corner, (x, y) in enumerate(((x1, y1), (x2, y2))):
                cell_x, cell_y = cell(x), cell(y)
                if clamp:
                    cell_x, cell_y = min(cell_x, size[1] - 1), min(cell_y, size[0] - 1)
                places[corner].append(index(cell_x, cell_y, size))
                offsets[corner].append([offset(x, cell_x, stride), offset(y, cell_y, stride)])
            radii.append(_radius(radius(x2 - x1, stride), radius(y2 - y1, stride), t))
        return (*places, *offsets, radii)

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "pixels are not divided by the stride": _corners(scale=False),
    "rounded to the nearest cell; a corner belongs to the cell it lies in": _corners(cell=round),
    "the place is y * width + x, not x * height + y": _corners(
        index=lambda x, y, size: x * size[0] + y
    ),
    "x and y of the place are exchanged": _corners(index=lambda x, y, size: x * size[1] + y),
    "a corner on the border of the image falls off the map": _corners(clamp=False),
    "offsets are in cells, not in pixels": _corners(offset=lambda v, cell, s: s * (v - cell)),
    "offsets count from the upper left corner of the cell, not from its centre": _corners(
        offset=lambda v, cell, s: v - cell - 0.5
    ),
    "the radius is taken in pixels": _corners(radius=lambda side, stride: side * stride),
    "the radius is taken from the size before it is made whole": _corners(
        radius=lambda side, stride: math.floor(side)
    ),
}
