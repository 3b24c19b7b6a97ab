"""Worked examples of affine grids, and of theta from a rigid motion in pixels."""

import math

from edudet.cases.case import Case

IDENTITY = [[[1, 0, 0], [0, 1, 0]]]

# theta (N, 2, 3) or (N, 3, 4), size, align_corners -> grid
CASES = [
    Case("columns and rows", (IDENTITY, (1, 1, 1, 3), True),
         [[[[-1, 0], [0, 0], [1, 0]]]], "x first; one row has its centre at 0"),
    Case("edges at -1 and 1", (IDENTITY, (1, 1, 2, 4), False),
         [[[[-0.75, -0.5], [-0.25, -0.5], [0.25, -0.5], [0.75, -0.5]],
           [[-0.75, 0.5], [-0.25, 0.5], [0.25, 0.5], [0.75, 0.5]]]],
         "one pixel of four is 1/2, one of two is 1"),
    Case("corners at -1 and 1", (IDENTITY, (1, 1, 2, 3), True),
         [[[[-1, -1], [0, -1], [1, -1]], [[-1, 1], [0, 1], [1, 1]]]],
         "one pixel of three is 1, one of two is 2"),
    Case("shift", ([[[1, 0, 0.5], [0, 1, -0.25]]], (1, 1, 2, 2), False),
         [[[[0, -0.75], [1, -0.75]], [[0, 0.25], [1, 0.25]]]], "x + 0.5, y - 0.25"),
    Case("quarter turn", ([[[0, 1, 0], [-1, 0, 0]]], (1, 1, 2, 4), False),
         [[[[-0.5, 0.75], [-0.5, 0.25], [-0.5, -0.25], [-0.5, -0.75]],
           [[0.5, 0.75], [0.5, 0.25], [0.5, -0.25], [0.5, -0.75]]]], "x = n, y = -m"),
    Case("crop", ([[[0.5, 0, -0.5], [0, 0.5, -0.5]]], (1, 1, 2, 2), False),
         [[[[-0.75, -0.75], [-0.25, -0.75]], [[-0.75, -0.25], [-0.25, -0.25]]]],
         "the upper left quarter"),
    Case("shear", ([[[1, 0.5, 0], [0, 1, 0]]], (1, 1, 3, 2), True),
         [[[[-1.5, -1], [0.5, -1]], [[-1, 0], [1, 0]], [[-0.5, 1], [1.5, 1]]]]),
    Case("two maps", ([[[1, 0, 0], [0, 1, 0]], [[2, 0, 0], [0, 4, 1]]], (2, 1, 1, 2), False),
         [[[[-0.5, 0], [0.5, 0]]], [[[-1, 1], [1, 1]]]]),
    Case("volume", ([[[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0]]], (1, 1, 2, 1, 2), False),
         [[[[[0, 0, -0.5], [1, 0, -0.5]]], [[[0, 0, 0.5], [1, 0, 0.5]]]]],
         "x, y, z; [R t] has 12 numbers"),
    Case("volume, z from x",
         ([[[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0.25]]], (1, 1, 1, 2, 2), True),
         [[[[[0, -1, -0.75], [0, -1, 1.25]], [[0, 1, -0.75], [0, 1, 1.25]]]]]),
    Case("no pixels", (IDENTITY, (1, 3, 0, 4), False), [[]]),
]  # fmt: skip

# motion (N, 3): angle, shift_x, shift_y; (height, width), align_corners -> theta
CASES_OF_MOTIONS = [
    Case("rest", ([[0, 0, 0]], (4, 4), True), IDENTITY),
    Case("one pixel of 4, corners", ([[0, 0, 1]], (4, 4), True), [[[1, 0, 0], [0, 1, 2 / 3]]]),
    Case("one pixel of 4, edges", ([[0, 0, 1]], (4, 4), False), [[[1, 0, 0], [0, 1, 1 / 2]]]),
    Case("half a pixel, corners", ([[0, 0, 0.5]], (4, 4), True), [[[1, 0, 0], [0, 1, 1 / 3]]]),
    Case("half a pixel, edges", ([[0, 0, 0.5]], (4, 4), False), [[[1, 0, 0], [0, 1, 1 / 4]]]),
    Case("to the right", ([[0, 3, 0]], (4, 6), False), [[[1, 0, 1], [0, 1, 0]]]),
    Case("quarter turn about the middle, corners", ([[math.pi / 2, 0, 5]], (4, 4), True),
         [[[0, 1, 0], [-1, 0, 0]]], "about (0, 0), then 5 down again"),
    Case("quarter turn about the middle, edges", ([[math.pi / 2, 0, 5]], (4, 4), False),
         [[[0, 1, 0], [-1, 0, 0]]]),
    Case("quarter turn about (0, 0)", ([[math.pi / 2, 0, 0]], (4, 4), False),
         [[[0, 1, 0], [-1, 0, -2.5]]], "5 pixels of 2 each: all above the image"),
    Case("quarter turn, wide image", ([[math.pi / 2, 0, 0]], (3, 5), True),
         [[[0, 0.5, -0.5], [-2, 0, -5]]],
         "a row is half as long, normalised, as a column; pixel (1, 1) reads (1, -1)"),
    Case("two", ([[0, 0, 0], [0, 1, 0]], (2, 2), False),
         [[[1, 0, 0], [0, 1, 0]], [[1, 0, 1], [0, 1, 0]]]),
]  # fmt: skip


def _centres(count, align_corners):
    if align_corners:
        return [2 * i / (count - 1) - 1 if count > 1 else 0 for i in range(count)]
    return [(2 * i + 1) / count - 1 for i in range(count)]


def _grid(theta, size, align_corners, centres=_centres, point=lambda x, y: (x, y, 1), swap=False):
    """Of images; volumes are left to their own mistakes."""
    if len(size) == 5:
        return None
    rows, columns = centres(size[2], align_corners), centres(size[3], align_corners)
    grid = []
    for matrix in theta:
        read = [[sum(a * b for a, b in zip(row, point(x, y), strict=True)) for row in matrix]
                for y in rows for x in columns]  # fmt: skip
        read = [list(reversed(xy)) if swap else xy for xy in read]
        grid.append([read[i * len(columns) : (i + 1) * len(columns)] for i in range(len(rows))])
    return grid


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "align_corners is always True": lambda t, s, a: _grid(t, s, True),
    "align_corners is always False": lambda t, s, a: _grid(t, s, False),
    "y comes before x in the grid": lambda t, s, a: _grid(t, s, a, swap=True),
    "theta is given (y, x, 1)": lambda t, s, a: _grid(t, s, a, point=lambda x, y: (y, x, 1)),
    "the shift is left out": lambda t, s, a: _grid(t, s, a, point=lambda x, y: (x, y, 0)),
    "size is read as (N, C, W, H)": lambda t, s, a: _grid(t, (*s[:2], s[3], s[2]), a),
    "coordinates are pixels, not normalised": lambda t, s, a: _grid(
        t, s, a, centres=lambda count, _: list(range(count))
    ),
    "the first pixel's edge is taken for its centre": lambda t, s, a: _grid(
        t, s, a, centres=lambda count, _: [2 * i / count - 1 for i in range(count)]
    ),
    "all maps are the first": lambda t, s, a: _grid([t[0]] * len(t), s, a),
}


def _theta(motion, size, corners, unit=None, middle=None, sign=1, ratio=True):
    unit = unit or (lambda side: (side - corners) / 2)
    middle = middle or (lambda side: (side + 1) / 2)
    unit_y, unit_x = (unit(side) for side in size)
    middle_y, middle_x = (middle(side) for side in size)
    thetas = []
    for angle, shift_x, shift_y in motion:
        cos, sin = math.cos(angle), sign * math.sin(angle)
        wide = unit_y / unit_x if ratio else 1
        thetas.append([
            [cos, sin * wide, (cos * middle_x + sin * middle_y + shift_x - middle_x) / unit_x],
            [-sin / wide, cos, (cos * middle_y - sin * middle_x + shift_y - middle_y) / unit_y],
        ])  # fmt: skip
    return thetas


MISTAKES_OF_MOTIONS = {
    "one pixel is one part of the side, though a side is 2 long": lambda m, s, a: _theta(
        m, s, a, unit=lambda side: side
    ),
    "the shift stays in pixels": lambda m, s, a: _theta(m, s, a, unit=lambda side: 1),
    "align_corners is ignored": lambda m, s, a: _theta(m, s, True),
    "turns the other way": lambda m, s, a: _theta(m, s, a, sign=-1),
    "turns about the middle, not about the origin": lambda m, s, a: _theta(
        m, s, a, middle=lambda side: 0
    ),
    "counts pixels from zero": lambda m, s, a: _theta(m, s, a, middle=lambda side: (side - 1) / 2),
    "a turn forgets that normalised rows and columns differ in length": lambda m, s, a: _theta(
        m, s, a, ratio=False
    ),
}
