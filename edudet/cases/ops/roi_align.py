"""Worked examples of RoIAlign: read by the tests, the notebook and the grader.

Arguments: input (N, C, H, W), boxes (K, 5), output_size, spatial_scale, sampling_ratio, aligned.
Those of the gradient stand below.
"""

from edudet.cases.case import Case

# The value of cell [y, x] is 10 y + x; between cells, too, as bilinear interpolation keeps lines.
RAMP = [[[[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33]]]]
SECOND = [RAMP[0], [[[value + 100 for value in row] for row in RAMP[0][0]]]]
PEAK = [[[[0, 0, 0, 0], [0, 16, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]]
ROW = [[[[1, 2, 6, 0]]]]
FLAT = [[[[8, 8], [8, 8]]]]
TWO_CHANNELS = [[[[1, 2], [3, 4]], [[10, 20], [30, 40]]]]

CASES = [
    Case("one cell", (RAMP, [[0, 1, 2, 2, 3]], (1, 1), 1.0, 1, True), [[[[21.0]]]],
         "the centre of the box is that of cell [2, 1]"),
    Case("between four cells", (RAMP, [[0, 1, 1, 3, 3]], (1, 1), 1.0, 1, True), [[[[16.5]]]],
         "(11 + 12 + 21 + 22) / 4"),
    Case("not aligned", (RAMP, [[0, 1, 1, 3, 3]], (1, 1), 1.0, 1, False), [[[[22.0]]]],
         "the same box, read half a cell further down and to the right: cell [2, 2]"),
    Case("one row of two bins", (RAMP, [[0, 0, 0, 4, 2]], (1, 2), 1.0, 1, True),
         [[[[5.5, 7.5]]]], "x = 0.5 and 2.5, y = 0.5, counted from the centre of cell [0, 0]"),
    Case("two rows of one bin", (RAMP, [[0, 0, 0, 2, 4]], (2, 1), 1.0, 1, True),
         [[[[5.5], [25.5]]]]),
    Case("the second image", (SECOND, [[1, 1, 2, 2, 3]], (1, 1), 1.0, 1, True), [[[[121.0]]]]),
    Case("boxes in pixels, stride 2", (RAMP, [[0, 2, 4, 4, 6]], (1, 1), 0.5, 1, True),
         [[[[21.0]]]], "(2, 4, 4, 6) / 2 is the box of the first example"),
    Case("mean of four samples", (PEAK, [[0, 0, 0, 4, 4]], (1, 1), 1.0, 2, True), [[[[1.0]]]],
         "at 0.5 and 2.5 each way; the first gets a quarter of 16, the others nothing"),
    Case("samples by size", (ROW, [[0, 0, 0, 3, 1]], (1, 1), 1.0, -1, True), [[[[3.0]]]],
         "3 samples across and 1 down: (1 + 2 + 6) / 3"),
    Case("partly outside", (FLAT, [[0, -4, 0, 4, 2]], (1, 1), 1.0, -1, True), [[[[4.0]]]],
         "8 samples across, at -4, ..., 3; from -1 to 2 they read 8, further out 0"),
    Case("wholly outside", (FLAT, [[0, 20, 20, 24, 24]], (1, 1), 1.0, 2, True), [[[[0.0]]]]),
    Case("empty box, widened", (RAMP, [[0, 1, 1, 1, 1]], (1, 1), 1.0, 1, False), [[[[16.5]]]],
         "not aligned: a box is at least one cell, here [1, 2) each way"),
    Case("empty box, aligned", (RAMP, [[0, 1, 1, 1, 1]], (1, 1), 1.0, -1, True), [[[[0.0]]]],
         "ceil(0) samples"),
    Case("two boxes, two channels",
         (TWO_CHANNELS, [[0, 1, 1, 2, 2], [0, 0, 0, 2, 2]], (1, 1), 1.0, 1, True),
         [[[[4.0]], [[40.0]]], [[[2.5]], [[25.0]]]]),
    Case("no boxes", (RAMP, [], (2, 3), 1.0, 1, True), []),
]


def _tap(plane, y, x, outside):
    height, width = len(plane), len(plane[0])
    if not (-1 <= y <= height and -1 <= x <= width):
        return outside
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = plane[top][left] * (left + 1 - x) + plane[top][right] * (x - left)
    lower = plane[bottom][left] * (left + 1 - x) + plane[bottom][right] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def _mean(values):
    values = [value for value in values if value is not None]
    return sum(values) / len(values) if values else 0.0


def _axis(low, high, bins, ratio, aligned, widened):
    """The positions of the samples in each bin."""
    start, length = low - (0.5 if aligned else 0.0), high - low
    if widened:
        length = max(length, 1.0)
    size = length / bins
    samples = ratio if ratio > 0 else -int(-size // 1)
    return [[start + (i + (s + 0.5) / samples) * size for s in range(samples)] for i in range(bins)]


def _with(
    reduce=_mean, shift=lambda aligned: aligned, widen=lambda aligned: not aligned, swap=False,
    image=int, scaled=True, size=lambda size: size, cell=lambda p: p, ratio=lambda ratio: ratio,
    outside=0.0,
):
    """RoIAlign in plain numbers, with one step of it replaced."""

    def roi_align(input, boxes, output_size, spatial_scale, sampling_ratio, aligned):
        rows, columns = size(output_size)
        out = []
        for index, *box in boxes:
            x1, y1, x2, y2 = (side * spatial_scale if scaled else side for side in box)
            if swap:
                x1, y1, x2, y2 = y1, x1, y2, x2
            options = ratio(sampling_ratio), shift(aligned), widen(aligned)
            ys, xs = _axis(y1, y2, rows, *options), _axis(x1, x2, columns, *options)
            out.append([
                [[reduce([_tap(plane, cell(y), cell(x), outside) for y in y_bin for x in x_bin])
                  for x_bin in xs] for y_bin in ys]
                for plane in input[image(index)]
            ])
        return out

    return roi_align


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "x and y are exchanged: a box is x first, a map is indexed y first": _with(swap=True),
    "aligned=True shifts the box by half a cell": _with(shift=lambda aligned: False),
    "aligned=False does not shift the box": _with(shift=lambda aligned: True),
    "the largest sample is taken: a bin is the mean": _with(
        reduce=lambda values: max(values, default=0.0)
    ),
    "points are rounded to whole cells: that is RoI pooling": _with(cell=lambda p: float(round(p))),
    "every box is read from the first image": _with(image=lambda index: 0),
    "boxes are in pixels of the image: multiply by spatial_scale": _with(scaled=False),
    "output_size is (height, width)": _with(size=lambda size: size[::-1]),
    "aligned=False makes a RoI at least one cell wide and high": _with(widen=lambda aligned: False),
    "aligned=True does not widen a box": _with(widen=lambda aligned: True),
    "sampling_ratio <= 0 takes ceil(size of a bin) samples, not one": _with(
        ratio=lambda ratio: max(ratio, 1)
    ),
    "samples outside the map count as 0 in the mean": _with(outside=None),
}


# Arguments: gradient of the result (K, C, rows, columns), boxes, shape of the input, spatial_scale,
# sampling_ratio; aligned. Expected: the gradient of the input.
CASES_OF_BACKWARD = [
    Case("one cell", ([[[[5]]]], [[0, 1, 2, 2, 3]], (1, 1, 4, 4), 1.0, 1),
         [[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0]]]],
         "the sample lies at the centre of cell [2, 1]"),
    Case("between four cells", ([[[[8]]]], [[0, 1, 1, 3, 3]], (1, 1, 4, 4), 1.0, 1),
         [[[[0, 0, 0, 0], [0, 2, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0]]]]),
    Case("nearer to one side", ([[[[16]]]], [[0, 1, 0, 2, 1]], (1, 1, 1, 3), 0.5, 1),
         [[[[12, 4, 0]]]], "1.5 / 2 - 0.5 = 0.25 cells from the centre of cell 0"),
    Case("two boxes on one cell",
         ([[[[5]]], [[[2]]]], [[0, 1, 2, 2, 3], [0, 1, 2, 2, 3]], (1, 1, 4, 3), 1.0, 1),
         [[[[0, 0, 0], [0, 0, 0], [0, 7, 0], [0, 0, 0]]]], "gradients add up"),
    Case("one row of two bins", ([[[[4, 8]]]], [[0, 0, 0, 4, 2]], (1, 1, 3, 4), 1.0, 1),
         [[[[1, 1, 2, 2], [1, 1, 2, 2], [0, 0, 0, 0]]]], "at x = 0.5 and 2.5, y = 0.5"),
    Case("a mean of four samples", ([[[[16]]]], [[0, 0, 0, 4, 4]], (1, 1, 4, 4), 1.0, 2),
         [[[[1] * 4] * 4]], "each sample gets 4, each of its cells 1"),
    Case("the second image", ([[[[3]]]], [[1, 0, 0, 1, 1]], (2, 1, 2, 2), 1.0, 1),
         [[[[0, 0], [0, 0]]], [[[3, 0], [0, 0]]]]),
    Case("boxes in pixels, stride 2", ([[[[5]]]], [[0, 2, 4, 4, 6]], (1, 1, 4, 4), 0.5, 1),
         [[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0]]]]),
    Case("partly outside", ([[[[64]]]], [[0, -4, 0, 4, 2]], (1, 1, 2, 2), 1.0, 8),
         [[[[8, 8], [8, 8]]]], "of 8 samples across, those at -1, 0, 1, 2 reach the map"),
    Case("wholly outside", ([[[[64]]]], [[0, 20, 20, 24, 24]], (1, 1, 2, 2), 1.0, 2),
         [[[[0, 0], [0, 0]]]]),
    Case("two boxes, two channels",
         ([[[[4]], [[40]]], [[[8]], [[80]]]], [[0, 1, 1, 2, 2], [0, 0, 0, 2, 2]], (1, 2, 2, 2),
          1.0, 1),
         [[[[2, 2], [2, 6]], [[20, 20], [20, 60]]]], "cell [1, 1] serves both boxes"),
    Case("no boxes", ([], [], (1, 1, 2, 2), 1.0, 1), [[[[0, 0], [0, 0]]]]),
]  # fmt: skip


def _taps(p, cells, nearest, mirrored, outside):
    """The cells around a position on one axis, with their weights."""
    if not -1 <= p <= cells and not outside:
        return []
    p = min(max(p, 0), cells - 1)
    if nearest:
        return [(int(p + 0.5), 1.0)]
    low = int(p)
    t = 1 - (p - low) if mirrored else p - low
    return [(low, 1 - t), (min(low + 1, cells - 1), t)]


def _spread(
    divided=True, shifted=True, swap=False, image=int, scaled=True, added=True, nearest=False,
    mirrored=False, outside=False,
):  # fmt: skip
    """The gradient of RoIAlign in plain numbers, with one step of it replaced."""

    def roi_align_backward(grad, boxes, shape, spatial_scale, sampling_ratio):
        maps, channels, height, width = shape
        out = [[[[0.0] * width for _ in range(height)] for _ in range(channels)]
               for _ in range(maps)]  # fmt: skip
        for planes, (index, *box) in zip(grad, boxes, strict=True):
            x1, y1, x2, y2 = (side * spatial_scale if scaled else side for side in box)
            if swap:
                x1, y1, x2, y2 = y1, x1, y2, x2
            ys = _axis(y1, y2, len(planes[0]), sampling_ratio, shifted, False)
            xs = _axis(x1, x2, len(planes[0][0]), sampling_ratio, shifted, False)
            for plane, to in zip(planes, out[image(index)], strict=True):
                for i, j in ((i, j) for i in range(len(ys)) for j in range(len(xs))):
                    share = plane[i][j] / (sampling_ratio**2 if divided else 1)
                    for y, x in ((y, x) for y in ys[i] for x in xs[j]):
                        options = nearest, mirrored, outside
                        for row, down in _taps(y, height, *options):
                            for column, across in _taps(x, width, *options):
                                before = to[row][column] if added else 0.0
                                to[row][column] = before + down * across * share
        return out

    return roi_align_backward


MISTAKES_OF_BACKWARD = {
    "not divided by the number of samples: forward, a bin is their mean": _spread(divided=False),
    "the half is missing: the centre of cell 0 lies at 0.5": _spread(shifted=False),
    "x and y are exchanged: a box is x first, a map is indexed y first": _spread(swap=True),
    "every gradient goes to the first map": _spread(image=lambda index: 0),
    "boxes are in pixels of the image: multiply by spatial_scale": _spread(scaled=False),
    "a cell keeps the last gradient only: they add up": _spread(added=False),
    "only the nearest cell gets the gradient: all four do, each by its weight": _spread(
        nearest=True
    ),
    "the weights of two neighbours are exchanged: the nearer one counts more": _spread(
        mirrored=True
    ),
    "samples far outside are moved to the border: they were 0, and give no gradient": _spread(
        outside=True
    ),
}
