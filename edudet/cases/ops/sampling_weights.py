"""Worked examples of sampling weights: kappa, an image over the input, for one output pixel.

Arguments: the point (x, y) or (x, y, z), normalised; size; mode, padding_mode, align_corners.
"""

import itertools
import math

from edudet.cases.case import Case

FOUR = (4, 4)

CASES = [
    Case("one pixel up", ((-0.75, -0.25), FOUR, "bilinear", "zeros", False),
         [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
         "output (1, 1) of the lecture reads (1, 2), counted from one: row 2, column 1"),
    Case("half a pixel up", ((-0.75, -0.5), FOUR, "bilinear", "zeros", False),
         [[0.5, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], "reads (1, 1.5)"),
    Case("a rotation", ((-0.5, 0.45), FOUR, "bilinear", "zeros", False),
         [[0, 0, 0, 0], [0, 0, 0, 0], [0.3, 0.3, 0, 0], [0.2, 0.2, 0, 0]], "reads (1.5, 3.4)"),
    Case("the same point, aligned corners", ((-2 / 3, 0.6), FOUR, "bilinear", "zeros", True),
         [[0, 0, 0, 0], [0, 0, 0, 0], [0.3, 0.3, 0, 0], [0.2, 0.2, 0, 0]]),
    Case("unequal parts", ((-0.375, 0), (2, 4), "bilinear", "zeros", False),
         [[0.125, 0.375, 0, 0], [0.125, 0.375, 0, 0]], "x = 0.75, y = 0.5, from zero"),
    Case("the edge, zeros", ((-1, 0.25), FOUR, "bilinear", "zeros", False),
         [[0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0]],
         "half the weight lies outside, on a 0"),
    Case("the edge, border", ((-1, 0.25), FOUR, "bilinear", "border", False),
         [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
    Case("beyond, reflection at the edge", ((1.25, -0.5), (1, 4), "bilinear", "reflection", False),
         [[0, 0, 0, 1]], "x = 4 is as far beyond the edge, 3.5, as 3 is before it"),
    Case("beyond, reflection at the centre", ((1.5, 0), (1, 5), "bilinear", "reflection", True),
         [[0, 0, 0, 1, 0]], "x = 5 is as far beyond the last centre, 4, as 3 is before it"),
    Case("far beyond", ((9, 0), FOUR, "bilinear", "zeros", False), [[0] * 4] * 4),
    Case("nearest", ((-0.5, 0.45), FOUR, "nearest", "zeros", False),
         [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], "0.5 goes to 0, the even one"),
    Case("nearest, the next half", ((0, 0), (1, 4), "nearest", "zeros", False),
         [[0, 0, 1, 0]], "1.5 goes to 2"),
    Case("bicubic between two", ((0, 0), (1, 4), "bicubic", "border", False),
         [[-0.09375, 0.59375, 0.59375, -0.09375]]),
    Case("bicubic on a pixel", ((-0.25, 0.25), FOUR, "bicubic", "zeros", False),
         [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]),
    Case("bicubic at the border", ((-0.5, 0), (1, 4), "bicubic", "border", False),
         [[0.5, 0.59375, -0.09375, 0]], "the cell beside the map counts as the first"),
    Case("a volume", ((0.25, 0, -0.5), (2, 1, 2), "bilinear", "zeros", False),
         [[[0.25, 0.75]], [[0, 0]]], "x = 0.75, y = 0, z = 0"),
]  # fmt: skip


def _triangle(distance):
    return max(0.0, 1 - abs(distance))


def _delta(distance):
    return 1.0 if abs(distance) <= 0.5 else 0.0


def _cubic(distance):
    d = abs(distance)
    if d <= 1:
        return (1.25 * d - 2.25) * d * d + 1
    return ((-0.75 * d + 3.75) * d - 6) * d + 3 if d < 2 else 0.0


def _clamped(position, count):
    return min(max(position, 0), count - 1)


def _folded(position, count, align_corners):
    low, span = (0, count - 1) if align_corners else (-0.5, count)
    if span == 0:
        return 0
    distance = abs(position - low) % (2 * span)
    return _clamped(min(distance, 2 * span - distance) + low, count)


def _padded(position, count, padding, align_corners):
    if padding == "zeros":
        return position
    if padding == "border":
        return _clamped(position, count)
    return _folded(position, count, align_corners)


def _axis(coordinate, count, mode, padding, corners, shape=None, shift=0.0):
    """The weight of every cell of an axis, summed over all cells of an endless one."""
    position = ((coordinate + 1) * (count - corners) - (not corners)) / 2 + shift
    if mode != "bicubic":
        position = _padded(position, count, padding, corners)
    if mode == "nearest":
        position = round(position)
    shape = shape or {"bicubic": _cubic, "nearest": _delta}.get(mode, _triangle)
    weights = [0.0] * count
    for cell in range(math.floor(position) - 2, math.floor(position) + 4):
        place = _padded(cell, count, padding, corners)
        if 0 <= place < count:
            weights[int(place)] += shape(cell - position)
    return weights


def _weights(point, size, mode, padding, corners, order=reversed, join=math.prod, **change):
    axes = [
        _axis(coordinate, count, mode, padding, corners, **change)
        for coordinate, count in zip(order(point), size, strict=True)
    ]
    return [join(factors) for factors in itertools.product(*axes)]


def _normalised(point, size, mode, padding, corners):
    flat = _weights(point, size, mode, padding, corners)
    return [weight / (sum(flat) or 1) for weight in flat]


# Plausible errors and the hint each deserves, weights in one row. A test proves that CASES catch
# them all.
MISTAKES = {
    "bilinear weights are triangles, not a delta, whatever the slides print": (
        lambda p, s, m, pad, a: _weights(p, s, m, pad, a, shape=_delta)
    ),
    "the point is (x, y), the size (height, width)": (
        lambda p, s, m, pad, a: _weights(p, s, m, pad, a, order=list)
    ),
    "weights of the axes are added, not multiplied": (
        lambda p, s, m, pad, a: _weights(p, s, m, pad, a, join=sum)
    ),
    "the near pixel gets the small weight": (
        lambda p, s, m, pad, a: _weights(
            p, s, m, pad, a, shape=lambda d: abs(d) if abs(d) < 1 else 0.0
        )
    ),
    "a triangle reaches one pixel each way, not two": (
        lambda p, s, m, pad, a: _weights(p, s, m, pad, a, shape=lambda d: _triangle(d / 2) / 2)
    ),
    "align_corners is always True": lambda p, s, m, pad, a: _weights(p, s, m, pad, True),
    "align_corners is always False": lambda p, s, m, pad, a: _weights(p, s, m, pad, False),
    "pixels are counted from one": lambda p, s, m, pad, a: _weights(p, s, m, pad, a, shift=1.0),
    "zeros as padding are border": lambda p, s, m, pad, a: _weights(
        p, s, m, "border" if pad == "zeros" else pad, a
    ),
    "border is zeros": lambda p, s, m, pad, a: _weights(
        p, s, m, "zeros" if pad == "border" else pad, a
    ),
    "reflection is border": lambda p, s, m, pad, a: _weights(
        p, s, m, "border" if pad == "reflection" else pad, a
    ),
    "weights are made to sum to 1, though some lie outside": _normalised,
    "every mode is bilinear": lambda p, s, m, pad, a: _weights(p, s, "bilinear", pad, a),
}
