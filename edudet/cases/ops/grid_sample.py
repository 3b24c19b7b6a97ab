"""Worked examples of grid sampling.

Arguments: input (N, C, H, W), grid (N, H_out, W_out, 2), mode, padding_mode, align_corners; volumes
with one dimension more.
"""

import itertools
import math

from edudet.cases.case import Case


def _move(matrix, align_corners, side=4):
    """The grid of the lecture: pixel (m, n) reads matrix . (m, n, 1), counted from one."""
    unit = (side - align_corners) / 2
    return [[
        [[((a * m + b * n + shift) - (side + 1) / 2) / unit for a, b, shift in matrix]
         for m in range(1, side + 1)] for n in range(1, side + 1)
    ]]  # fmt: skip


def _affine(theta, rows, columns):
    """affine_grid with align_corners=False."""
    return [[
        [[a * x + b * y + shift for a, b, shift in theta]
         for x in ((2 * j + 1) / columns - 1 for j in range(columns))]
        for y in ((2 * i + 1) / rows - 1 for i in range(rows))
    ]]  # fmt: skip


X = [[[[1, 0, 0, 2], [6, 3, 2, 1], [0, 1, 0, 3], [1, 3, 1, 2]]]]  # of the lecture
ONE_UP, HALF_UP = [(1, 0, 0), (0, 1, 1)], [(1, 0, 0), (0, 1, 0.5)]
UP = [[[[6, 3, 2, 1], [0, 1, 0, 3], [1, 3, 1, 2], [0, 0, 0, 0]]]]
HALF = [[[[3.5, 1.5, 1, 1.5], [3, 2, 1, 2], [0.5, 2, 0.5, 2.5], [0.5, 1.5, 0.5, 1]]]]
HALF_OVER_BORDER = [[[*HALF[0][0][:3], [1, 3, 1, 2]]]]
CROP = [(0.5, 0, -0.5), (0, 0.5, -0.5)]
ROW = [[[[1, 2, 4, 8]]]]
VOLUME = [[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]]


def _read_row(*positions, align_corners=False):
    """A grid on ROW: positions from the centre of cell 0."""
    return [[[[
        position * 2 / 3 - 1 if align_corners else (2 * position + 1) / 4 - 1, 0
    ] for position in positions]]]  # fmt: skip


CASES = [
    Case("one pixel up", (X, _move(ONE_UP, False), "bilinear", "zeros", False), UP,
         "shift 1/2, normalised; where should we read from: one row below"),
    Case("one pixel up, aligned corners", (X, _move(ONE_UP, True), "bilinear", "zeros", True), UP,
         "shift 2/3, normalised"),
    Case("half a pixel up", (X, _move(HALF_UP, False), "bilinear", "zeros", False), HALF,
         "shift 1/4, normalised"),
    Case("half a pixel up, aligned corners", (X, _move(HALF_UP, True), "bilinear", "zeros", True),
         HALF, "shift 1/3, normalised"),
    Case("half a pixel up, over the border",
         (X, _move(HALF_UP, False), "bilinear", "border", False), HALF_OVER_BORDER),
    Case("rotation, one point", (X, [[[[-0.5, 0.45]]]], "bilinear", "zeros", False), [[[[1.1]]]],
         "(1.5, 3.4): .3 (0 + 1) + .2 (1 + 3)"),
    Case("rotation, one point, aligned corners",
         (X, [[[[-2 / 3, 0.6]]]], "bilinear", "zeros", True), [[[[1.1]]]]),
    Case("quarter turn about the origin",
         (X, _move([(0, 1, 0), (-1, 0, 0)], False), "bilinear", "zeros", False),
         [[[[0] * 4] * 4]], "not about the image: every read lies above it"),
    Case("quarter turn about the middle",
         (X, _move([(0, 1, 0), (-1, 0, 5)], False), "bilinear", "zeros", False),
         [[[[1, 0, 6, 1], [3, 1, 3, 0], [1, 0, 2, 0], [2, 3, 1, 2]]]], "rot90(X, -1)"),
    Case("crop", (X, _affine(CROP, 2, 2), "bilinear", "zeros", False), [[[[1, 0], [6, 3]]]]),
    Case("crop and zoom", (X, _affine(CROP, 4, 4), "bilinear", "zeros", False),
         [[[[0.5625, 0.5625, 0.1875, 0], [1.6875, 1.875, 1.125, 0.6875],
            [3.5625, 4.125, 2.875, 2.0625], [3.375, 4, 3, 2.25]]]],
         "the last row and column read neighbours outside the crop"),
    Case("nearest", (ROW, _read_row(0.25, 0.75, 2.75), "nearest", "zeros", False), [[[[1, 2, 8]]]]),
    Case("nearest, halves", (ROW, _read_row(0.5, 1.5, 2.5), "nearest", "zeros", False),
         [[[[1, 4, 4]]]], "to the even cell"),
    Case("padding by zeros", (ROW, _read_row(-1, -0.5, 3.5, 4), "bilinear", "zeros", False),
         [[[[0, 0.5, 4, 0]]]]),
    Case("padding by the border", (ROW, _read_row(-9, -0.5, 3.5, 9), "bilinear", "border", False),
         [[[[1, 1, 8, 8]]]]),
    Case("reflection at the edges",
         (ROW, _read_row(-1, -2, 4, 5.5, 8), "bilinear", "reflection", False),
         [[[[1, 2, 8, 3, 1]]]], "mirrors at -0.5 and 3.5: 8 lies between both twice"),
    Case("reflection at the centres",
         (ROW, _read_row(-1, -2, 4, 4.5, 7, align_corners=True), "bilinear", "reflection", True),
         [[[[2, 4, 4, 3, 2]]]], "mirrors at 0 and 3"),
    Case("bicubic", (ROW, _read_row(1, 1.5), "bicubic", "zeros", False), [[[[2, 2.71875]]]],
         "(-1.5 + 9.5 * 2 + 9.5 * 4 - 1.5 * 8) / 16"),
    Case("bicubic at the border", (ROW, _read_row(0.5, 3), "bicubic", "border", False),
         [[[[1.3125, 8]]]], "(-1.5 + 9.5 + 9.5 * 2 - 1.5 * 4) / 16"),
    Case("two channels, two images",
         ([[[[1, 3]], [[10, 30]]], [[[5, 7]], [[50, 70]]]], [[[[0, 0]]], [[[0.5, 0]]]],
          "bilinear", "zeros", False), [[[[2]], [[20]]], [[[7]], [[70]]]]),
    Case("a volume", (VOLUME, [[[[[-0.5, -0.5, 0.5]], [[0, 0, 0]], [[0.25, -0.5, -0.5]]]]],
                      "bilinear", "zeros", False), [[[[[5], [4.5], [1.75]]]]], "x, y, z"),
    Case("a volume, nearest", (VOLUME, [[[[[0.3, -0.8, 0.9]]]]], "nearest", "border", False),
         [[[[[6]]]]]),
    Case("no output", (X, [[]], "bilinear", "zeros", False), [[[]]]),
]  # fmt: skip


def _shape(nested):
    return (len(nested), *_shape(nested[0])) if isinstance(nested, list) else ()


def _flat(nested, depth):
    if depth == 0:
        return [nested]
    return [item for part in nested for item in _flat(part, depth - 1)]


def _pixel(channel, cells):
    for cell in cells:
        channel = channel[cell]
    return channel


def _fold(position, low, high):
    if low == high:
        return low
    distance = abs(position - low) % (2 * (high - low))
    return low + min(distance, 2 * (high - low) - distance)


def _pad(position, count, padding, corners):
    if padding == "reflection":
        low, high = (0, count - 1) if corners else (-0.5, count - 0.5)
        position = _fold(position, low, high)
    return position if padding == "zeros" else min(max(position, 0), count - 1)


def _taps(coordinate, count, mode, padding, corners, mirrors=None, to_cell=round, shift=0):
    position = ((coordinate + 1) * (count - corners) - (not corners)) / 2 + shift
    mirrors = corners if mirrors is None else mirrors
    if mode == "bicubic":
        low, t = math.floor(position), position - math.floor(position)
        near, far = (lambda d: (1.25 * d - 2.25) * d * d + 1), (
            lambda d: ((-0.75 * d + 3.75) * d - 6) * d + 3)  # fmt: skip
        weights = [far(1 + t), near(t), near(1 - t), far(2 - t)]
        return [(int(_pad(low + k - 1, count, padding, mirrors)), weights[k]) for k in range(4)]
    position = _pad(position, count, padding, mirrors)
    if mode == "nearest":
        return [(to_cell(position), 1)]
    low = math.floor(position)
    return [(low, 1 - (position - low)), (low + 1, position - low)]


def _sample(input, grid, mode, padding, corners, order=reversed, grid_of=lambda n: n, **change):
    """All numbers of the output in one row."""
    output = []
    for n, image in enumerate(input):
        size = _shape(image[0])
        points = _flat(grid[grid_of(n)], len(size))
        for channel in image:
            for point in points:
                axes = [
                    _taps(coordinate, count, mode, padding, corners, **change)
                    for coordinate, count in zip(order(point), size, strict=True)
                ]
                output.append(sum(
                    math.prod(weight for _, weight in taps)
                    * _pixel(channel, [cell for cell, _ in taps])
                    for taps in itertools.product(*axes)
                    if all(0 <= cell < n for (cell, _), n in zip(taps, size, strict=True))
                ))  # fmt: skip
    return output


def _push(input, grid, mode, padding, corners):
    """Every input pixel goes where the grid says: the inverse of what was asked for."""
    if _shape(input)[2:] != _shape(grid)[1:-1]:
        return _sample(input, grid, mode, padding, corners)
    output: list[float] = []
    for image, points in zip(input, grid, strict=True):
        for channel in image:
            size = _shape(channel)
            plane = dict.fromkeys(itertools.product(*map(range, size)), 0.0)
            for place in plane:
                point = _pixel(points, place)
                axes = [_taps(c, count, mode, padding, corners)
                        for c, count in zip(reversed(point), size, strict=True)]  # fmt: skip
                for taps in itertools.product(*axes):
                    target = tuple(cell for cell, _ in taps)
                    if target in plane:
                        weight = math.prod(weight for _, weight in taps)
                        plane[target] += weight * _pixel(channel, place)
            output += plane.values()
    return output


# Plausible errors and the hint each deserves, numbers in one row. A test proves that CASES catch
# them all.
MISTAKES = {
    "the grid says where to read from, not where pixels go": _push,
    "points are (x, y), pixels are [row, column]": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, order=list
    ),
    "align_corners is always True": lambda i, g, m, p, a: _sample(i, g, m, p, True),
    "align_corners is always False": lambda i, g, m, p, a: _sample(i, g, m, p, False),
    "every mode is bilinear": lambda i, g, m, p, a: _sample(i, g, "bilinear", p, a),
    "every mode is nearest: kappa is a delta only there": lambda i, g, m, p, a: _sample(
        i, g, "nearest", p, a
    ),
    "nearest cuts off instead of rounding": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, to_cell=math.floor
    ),
    "nearest rounds halves up, not to the even cell": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, to_cell=lambda position: math.floor(position + 0.5)
    ),
    "padding is always zeros": lambda i, g, m, p, a: _sample(i, g, m, "zeros", a),
    "padding is always the border": lambda i, g, m, p, a: _sample(i, g, m, "border", a),
    "reflection always mirrors at the centres": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, mirrors=True
    ),
    "reflection always mirrors at the edges": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, mirrors=False
    ),
    "pixels are counted from one": lambda i, g, m, p, a: _sample(i, g, m, p, a, shift=1),
    "every image is read with the first grid": lambda i, g, m, p, a: _sample(
        i, g, m, p, a, grid_of=lambda n: 0
    ),
}
