"""Worked examples of position-sensitive RoI pooling: read by the tests and the grader.

Arguments: input (N, C k k, H, W), boxes (K, 5), output_size, spatial_scale. Expected: (K, C, rows,
columns). The last row and column of a map count as outside, as torchvision has it.
"""

import math

from edudet.cases.case import Case

RAMP = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]


def _maps(*values):
    """Maps of 3 x 3 cells, one for each value."""
    return [[[value] * 3] * 3 for value in values]


def _row(*values):
    """A map of two rows, of which the second is never read."""
    return [list(values), [99] * len(values)]


CASES = [
    Case("one bin", ([[RAMP]], [[0, 1, 1, 3, 3]], (1, 1), 1.0), [[[[8.5]]]],
         "cells 1 and 2 each way: the mean of 6, 7, 10, 11"),
    Case("each bin its own map", ([_maps(1, 2, 3, 4)], [[0, 0, 0, 2, 2]], (2, 2), 1.0),
         [[[[1, 2], [3, 4]]]], "map i * 2 + j for row i, column j"),
    Case("classes of four maps", ([_maps(*range(1, 9))], [[0, 0, 0, 2, 2]], (2, 2), 1.0),
         [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], "class by class: the maps of one class together"),
    Case("two columns", ([[_row(1, 2, 3, 4, 0), _row(10, 20, 30, 40, 0)]], [[0, 0, 0, 4, 1]],
         (1, 2), 1.0), [[[[1.5, 35]]]], "cells 0 and 1 of the first, 2 and 3 of the second"),
    Case("a cell in two bins", ([[_row(1, 2, 6, 0), _row(10, 20, 60, 0)]], [[0, 0, 0, 3, 1]],
         (1, 2), 1.0), [[[[1.5, 40]]]], "1.5 cells each: both touch the middle one"),
    Case("two rows of one bin", ([[RAMP, RAMP]], [[0, 0, 0, 1, 2]], (2, 1), 1.0), [[[[1], [5]]]]),
    Case("halves go up", ([[_row(1, 2, 4, 8, 0)]], [[0, 0.5, 0, 2.5, 1]], (1, 1), 1.0),
         [[[[3]]]], "0.5 is rounded to 1 and 2.5 to 3: cells 1 and 2"),
    Case("negative halves go down", ([[_row(1, 2, 4, 8, 0)]], [[0, -0.5, 0, 1.5, 1]], (1, 1), 1.0),
         [[[[1.5]]]], "-1 to 2: cells 0 and 1 are on the map, and the mean is of these two"),
    Case("a point", ([[RAMP]], [[0, 1, 2, 1, 2]], (1, 1), 1.0), [[[[10]]]], "is one cell"),
    Case("boxes in pixels, stride 16", ([[RAMP]], [[0, 16, 8, 44, 44]], (1, 1), 1 / 16),
         [[[[8.5]]]], "columns 1 and 2.75, rows 0.5 and 2.75: cells 1 and 2 each way"),
    Case("the last row and column", ([[RAMP]], [[0, 2, 2, 4, 4]], (1, 1), 1.0), [[[[11]]]],
         "are not read: cell 2 each way is left"),
    Case("partly outside", ([_maps(1, 2)], [[0, 1, 0, 5, 2]], (1, 2), 1.0), [[[[1, 0]]]],
         "the second bin has no cell"),
    Case("wholly outside", ([[RAMP]], [[0, -9, 20, -8, 24]], (1, 1), 1.0), [[[[0]]]]),
    Case("the second image", ([_maps(1), _maps(7)], [[1, 0, 0, 1, 1], [0, 0, 0, 1, 1]], (1, 1),
         1.0), [[[[7]]], [[[1]]]]),
    Case("no boxes", ([_maps(1, 2)], [], (1, 2), 1.0), []),
]


def _away(x):
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _touched(i, length, bins):
    return i * length // bins, -(-(i + 1) * length // bins)


def _with(
    rounded=_away, extra=0, share=_touched, swap=False, image=int, scaled=True, behind=1,
    plane=lambda c, i, j, classes, rows, columns: (c * rows + i) * columns + j, whole=False,
    reduce=lambda cells: sum(cells) / len(cells),
):
    """Position-sensitive pooling in plain numbers, with one step of it replaced."""

    def ranges(low, high, bins, scale, cells):
        if scaled:
            low, high = low * scale, high * scale
        first = rounded(low)
        length = max(rounded(high) - first + extra, 1)
        edges = [(first + b, first + e) for b, e in (share(i, length, bins) for i in range(bins))]
        return [(range(max(b, 0), min(e, cells - behind)), e - b) for b, e in edges]

    def pooled(values, rows, columns):
        cells = [values[y][x] for y in rows[0] for x in columns[0]]
        if whole:
            return sum(cells) / max(rows[1] * columns[1], 1)
        return reduce(cells) if cells else 0

    def ps_roi_pool(input, boxes, output_size, spatial_scale):
        rows, columns = output_size
        classes = len(input[0]) // (rows * columns)
        result = []
        for number, x1, y1, x2, y2 in boxes:
            if swap:
                x1, y1, x2, y2 = y1, x1, y2, x2
            planes = input[image(number)]
            down = ranges(y1, y2, rows, spatial_scale, len(planes[0]))
            across = ranges(x1, x2, columns, spatial_scale, len(planes[0][0]))
            result.append([
                [
                    [
                        pooled(planes[plane(c, i, j, classes, rows, columns)], down[i], across[j])
                        for j in range(columns)
                    ]
                    for i in range(rows)
                ]
                for c in range(classes)
            ])  # fmt: skip
        return result

    return ps_roi_pool


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "x and y are exchanged: a box is x first, a map is indexed y first": _with(swap=True),
    "every bin has a map of its own": _with(plane=lambda c, i, j, classes, rows, columns: c),
    "the map of bin (i, j) is the one with the number i * columns + j, not j * rows + i": _with(
        plane=lambda c, i, j, classes, rows, columns: (c * columns + j) * rows + i
    ),
    "the maps of one class stand together: c comes before i and j": _with(
        plane=lambda c, i, j, classes, rows, columns: (i * columns + j) * classes + c
    ),
    "the mean of the cells is taken, not the largest": _with(reduce=max),
    "the mean of the cells is taken, not the sum": _with(reduce=sum),
    "the mean is of the cells that are on the map": _with(whole=True),
    "the last cell does not belong to the RoI: its length is last - first": _with(extra=1),
    "halves are rounded away from 0, as by C's round; Python's and torch's take the even number":
        _with(rounded=round),
    "the corners are rounded to the nearest cell, not down": _with(rounded=math.floor),
    "a bin takes each cell that it touches: its end is rounded up": _with(
        share=lambda i, length, bins: (i * length // bins, (i + 1) * length // bins)
    ),
    "boxes are in pixels of the image: multiply by spatial_scale": _with(scaled=False),
    "every box is read from the first image": _with(image=lambda number: 0),
    "the last row and column of the map are not read": _with(behind=0),
}
