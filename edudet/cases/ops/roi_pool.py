"""Worked examples of RoI pooling: read by the tests, the notebook and the grader.

Arguments: input (N, C, H, W), boxes (K, 5), output_size, spatial_scale. Expected: the largest of
each bin and where it is, y * W + x.
"""

import math
from struct import pack, unpack

from edudet.cases.case import Case

RAMP = [[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]]]
SECOND = [RAMP[0], [[[value + 100 for value in row] for row in RAMP[0][0]]]]
PEAKS = [[[[9, 1, 2, 7]]]]
MIDDLE = [[[[1, 5, 2]]]]
FLAT = [[[[4, 4, 4], [4, 4, 4]]]]
NEGATIVE = [[[[-3, -1, -2, -4]]]]
TWO_CHANNELS = [[[[1, 2], [4, 3]], [[40, 30], [10, 20]]]]
LONG = [[[list(range(58))]]]

CASES = [
    Case("one bin", (RAMP, [[0, 1, 1, 2, 2]], (1, 1), 1.0), [[[[[11]]]], [[[[10]]]]],
         "cells 1 and 2 each way: the last one counts whole"),
    Case("two bins on three cells", (MIDDLE, [[0, 0, 0, 2, 0]], (1, 2), 1.0),
         [[[[[5, 5]]]], [[[[1, 1]]]]], "1.5 cells each: both touch the middle one"),
    Case("more bins than cells", (RAMP, [[0, 1, 1, 2, 2]], (1, 4), 1.0),
         [[[[[10, 10, 11, 11]]]], [[[[9, 9, 10, 10]]]]]),
    Case("a point", (RAMP, [[0, 2, 1, 2, 1]], (2, 2), 1.0),
         [[[[[7, 7], [7, 7]]]], [[[[6, 6], [6, 6]]]]], "is one cell"),
    Case("two rows of one bin", (RAMP, [[0, 0, 0, 1, 3]], (2, 1), 1.0),
         [[[[[6], [14]]]], [[[[5], [13]]]]]),
    Case("halves go up", (PEAKS, [[0, 0.5, 0, 2.5, 0]], (1, 1), 1.0), [[[[[7]]]], [[[[3]]]]],
         "0.5 is rounded to 1 and 2.5 to 3"),
    Case("negative halves go down", (PEAKS, [[0, -0.5, 0, 1.5, 0]], (1, 2), 1.0),
         [[[[[9, 2]]]], [[[[0, 2]]]]], "cells -1, ..., 2: the first bin has -1 and 0"),
    Case("boxes in pixels, stride 16", (RAMP, [[0, 24, 8, 38, 40]], (1, 2), 1 / 16),
         [[[[[15, 15]]]], [[[[14, 14]]]]], "columns 1.5 and 2.375 become 2 and 2, rows 1 to 3"),
    Case("the second image", (SECOND, [[1, 0, 0, 1, 1]], (1, 1), 1.0), [[[[[106]]]], [[[[5]]]]]),
    Case("negative values", (NEGATIVE, [[0, 1, 0, 3, 0]], (1, 1), 1.0), [[[[[-1]]]], [[[[1]]]]]),
    Case("partly outside", (NEGATIVE, [[0, 2, 0, 5, 0]], (1, 2), 1.0),
         [[[[[-2, 0]]]], [[[[2, -1]]]]], "the second bin has no cell of the map"),
    Case("wholly outside", (RAMP, [[0, -9, 20, -8, 24]], (1, 1), 1.0), [[[[[0]]]], [[[[-1]]]]]),
    Case("the first of equals", (FLAT, [[0, 1, 0, 2, 1]], (1, 1), 1.0), [[[[[4]]]], [[[[1]]]]]),
    Case("57 cells in 7 bins", (LONG, [[0, 0, 0, 56, 0]], (1, 7), 1.0),
         [[[[[8, 16, 24, 32, 40, 48, 56]]]], [[[[8, 16, 24, 32, 40, 48, 56]]]]],
         "in float32, 57 / 7 * 7 is a little more than 57 and would be rounded up"),
    Case("two boxes, two channels", (TWO_CHANNELS, [[0, 0, 0, 1, 1], [0, 1, 0, 1, 1]], (1, 1), 1.0),
         [[[[[4]], [[40]]], [[[3]], [[30]]]], [[[[2]], [[0]]], [[[3]], [[1]]]]]),
    Case("no boxes", (RAMP, [], (2, 3), 1.0), [[], []]),
]


def _away(x):
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _touched(i, length, bins):
    return i * length // bins, -(-(i + 1) * length // bins)


def _in_floats(i, length, bins):
    def float32(x):
        return unpack("f", pack("f", x))[0]

    size = float32(length / bins)
    return math.floor(float32(i * size)), math.ceil(float32((i + 1) * size))


def _with(
    rounded=_away, extra=1, share=_touched, swap=False, image=int, scaled=True,
    size=lambda size: size, start=-math.inf, empty=0, last=False, index=lambda y, x, w: y * w + x,
    reduce=None,
):
    """RoI pooling in plain numbers, with one step of it replaced."""

    def ranges(low, high, bins, scale, cells):
        if scaled:
            low, high = low * scale, high * scale
        first = rounded(low)
        length = max(rounded(high) - first + extra, 1)
        edges = [share(i, length, bins) for i in range(bins)]
        return [range(max(first + b, 0), min(first + e, cells)) for b, e in edges]

    def pooled(plane, rows, columns):
        best, where = start, -1
        cells = [(y, x) for y in rows for x in columns]
        if not cells:
            return empty, -1
        for y, x in cells:
            if plane[y][x] > best or (last and plane[y][x] == best):
                best, where = plane[y][x], index(y, x, len(plane[0]))
        if reduce:
            best = reduce([plane[y][x] for y, x in cells])
        return best, where

    def roi_pool(input, boxes, output_size, spatial_scale):
        bin_rows, bin_columns = size(output_size)
        values, cells = [], []
        for number, x1, y1, x2, y2 in boxes:
            if swap:
                x1, y1, x2, y2 = y1, x1, y2, x2
            planes = input[image(number)]
            height, width = len(planes[0]), len(planes[0][0])
            rows = ranges(y1, y2, bin_rows, spatial_scale, height)
            columns = ranges(x1, x2, bin_columns, spatial_scale, width)
            bins = [[[pooled(plane, r, c) for c in columns] for r in rows] for plane in planes]
            values.append([[[value for value, _ in row] for row in plane] for plane in bins])
            cells.append([[[cell for _, cell in row] for row in plane] for plane in bins])
        return [values, cells]

    return roi_pool


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "x and y are exchanged: a box is x first, a map is indexed y first": _with(swap=True),
    "the last cell belongs to the RoI: its length is last - first + 1": _with(extra=0),
    "halves are rounded away from 0, as by C's round; Python's and torch's take the even number":
        _with(rounded=round),
    "the corners are rounded to the nearest cell, not down": _with(rounded=math.floor),
    "a bin takes each cell that it touches: its end is rounded up": _with(
        share=lambda i, length, bins: (i * length // bins, (i + 1) * length // bins)
    ),
    "bins are divided in integers: floats may add a cell at the end": _with(share=_in_floats),
    "every box is read from the first image": _with(image=lambda number: 0),
    "boxes are in pixels of the image: multiply by spatial_scale": _with(scaled=False),
    "output_size is (height, width)": _with(size=lambda size: size[::-1]),
    "the largest of negative values is negative: do not start from 0": _with(start=0),
    "a bin without cells is 0": _with(empty=-math.inf),
    "of equals, the first is meant": _with(last=True),
    "argmax counts along rows: y * W + x": _with(index=lambda y, x, w: x * w + y),
    "the mean is taken: a bin is the largest of its cells": _with(
        reduce=lambda cells: sum(cells) / len(cells)
    ),
}
