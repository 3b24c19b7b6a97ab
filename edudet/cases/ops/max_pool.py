"""Worked examples of max pooling: (map, kernel size, stride, padding, dilation, ceil mode) ->
(maxima, positions)."""

from math import inf, nan

from edudet.cases.case import Case

DECK = [[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]

CASES = [
    Case("lecture", (DECK, 2, 2, 0, 1, False), ([[5, 6], [7, 8]], [[5, 2], [12, 15]])),
    Case(
        "steps of 1", ([[1, 2, 0], [0, 1, 3]], 2, 1, 0, 1, False), ([[2, 3]], [[1, 5]]),
        "windows overlap",
    ),
    Case("equal values", ([[7, 7], [7, 7]], 2, 2, 0, 1, False), ([[7]], [[0]]), "the first wins"),
    Case(
        "position in the map", ([[0, 0, 0], [0, 0, 0], [0, 0, 9]], 2, 1, 0, 1, False),
        ([[0, 0], [0, 9]], [[0, 1], [3, 8]]), "y * width of the map + x",
    ),
    Case(
        "padding never wins", ([[-1, -2], [-3, -4]], 2, 2, 1, 1, False),
        ([[-1, -2], [-3, -4]], [[0, 1], [2, 3]]), "each corner alone in its window",
    ),
    Case("-inf", ([[-inf, -inf]], (1, 2), 1, (0, 1), 1, False), ([[-inf] * 3], [[0, 0, 1]])),
    Case(
        "the rest is dropped", ([[1, 2, 3, 4, 5]], (1, 2), 2, 0, 1, False), ([[2, 4]], [[1, 3]]),
    ),
    Case(
        "ceil mode keeps the rest", ([[1, 2, 3, 4, 5]], (1, 2), 2, 0, 1, True),
        ([[2, 4, 5]], [[1, 3, 4]]),
    ),
    Case(
        "ceil mode: no window beyond the map", ([[1, 2, 3]], (1, 2), 2, (0, 1), 1, True),
        ([[1, 3]], [[0, 2]]), "a third would begin at 3, in the padding",
    ),
    Case(
        "dilation", ([[1, 9, 2, 8, 3]], (1, 3), 1, 0, (1, 2), False), ([[3]], [[4]]),
        "cells 0, 2 and 4",
    ),
    Case(
        "down and right differ", ([[1, 2], [4, 3], [5, 6], [8, 7]], (2, 1), (2, 1), 0, 1, False),
        ([[4, 3], [8, 7]], [[2, 3], [6, 7]]), "sizes are (height, width)",
    ),
]

# NaN is not equal to itself, so the values cannot be compared with ==.
CASES_OF_NAN = [
    Case("NaN wins", ([[1, nan], [3, 2]], 2, 2, 0, 1, False), ([[nan]], [[1]])),
    Case("the last NaN", ([[nan, 1], [nan, 2]], 2, 2, 0, 1, False), ([[nan]], [[2]])),
]


def _pair(size):
    return size if isinstance(size, tuple) else (size, size)


def _starts(cells, sizes, ceil):
    kernel, stride, padding, dilation = sizes
    last = cells + padding - (dilation * (kernel - 1) + 1)
    if ceil:
        last = min(last + stride - 1, cells - 1)
    return range(-padding, last + 1, stride)


def _pooled(args, choose=max, place=None, outside=None):
    """Pooling with one part exchanged: `choose(candidates)` of (value, -y, -x), their `place` as
    a number, or the value `outside` the map."""
    rows, kernel, stride, padding, dilation, ceil = args
    size = len(rows), len(rows[0])
    pairs = [_pair(argument) for argument in (kernel, stride, padding, dilation)]
    tops, lefts = (_starts(size[axis], [pair[axis] for pair in pairs], ceil) for axis in (0, 1))
    place = place or (lambda y, x, top, left: y * size[1] + x)
    values: list[list] = []
    indices: list[list] = []
    for top in tops:
        values.append([])
        indices.append([])
        for left in lefts:
            window = []
            for y in range(top, top + pairs[0][0] * pairs[3][0], pairs[3][0]):
                for x in range(left, left + pairs[0][1] * pairs[3][1], pairs[3][1]):
                    if 0 <= y < size[0] and 0 <= x < size[1]:
                        window.append((rows[y][x], -y, -x))
                    elif outside is not None:
                        window.append((outside, -y, -x))
            value, y, x = choose(window)
            values[-1].append(value)
            indices[-1].append(place(-y, -x, top, left))
    return values, indices


def _transposed_sizes(rows, kernel, stride, padding, dilation, ceil):
    swapped = [_pair(size)[::-1] for size in (kernel, stride, padding, dilation)]
    return _pooled((rows, *swapped, ceil))


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "of equal values the last is taken; the first in reading order wins": lambda *args: _pooled(
        args, choose=lambda window: max(window, key=lambda item: (item[0], -item[1], -item[2]))
    ),
    "the smallest value is taken": lambda *args: _pooled(args, choose=min),
    "the mean is taken": lambda *args: _pooled(
        args, choose=lambda w: (sum(item[0] for item in w) / len(w), *max(w)[1:])
    ),
    "the position counts inside the window; it counts in the whole map": lambda *args: _pooled(
        args, place=lambda y, x, top, left: (y - top) * _pair(args[1])[1] + x - left
    ),
    "the position counts from 1": lambda *args: _pooled(
        args, place=lambda y, x, top, left: y * len(args[0][0]) + x + 1
    ),
    "the position counts by columns": lambda *args: _pooled(
        args, place=lambda y, x, top, left: x * len(args[0]) + y
    ),
    "the position is in the padded map": lambda *args: _pooled(
        args,
        place=lambda y, x, top, left: (y + _pair(args[3])[0]) * (
            len(args[0][0]) + 2 * _pair(args[3])[1]
        ) + x + _pair(args[3])[1],
    ),
    "the padding's zeros win over negative values": lambda *args: _pooled(args, outside=0),
    "windows move by 1, whatever the stride": lambda rows, k, stride, *rest: _pooled(
        (rows, k, 1, *rest)
    ),
    "windows move by their own size, whatever the stride": (
        lambda rows, k, stride, *rest: _pooled((rows, k, k, *rest))
    ),
    "ceil_mode is forgotten": lambda *args: _pooled((*args[:5], False)),
    "a rest always gets a window, ceil_mode or not": lambda *args: _pooled((*args[:5], True)),
    "dilation is forgotten": lambda rows, k, s, p, dilation, ceil: _pooled(
        (rows, k, s, p, 1, ceil)
    ),
    "down and right are exchanged": _transposed_sizes,
}
