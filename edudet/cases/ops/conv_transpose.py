"""Worked examples of the transposed convolution, along one axis or two.

Arguments as in torch: input (N, C, W) or (N, C, H, W), weight (C, D / groups, K) or with K, L,
bias, stride, padding, output_padding, groups, dilation.
"""

from edudet.cases.case import Case

KERNEL = [[[2, 3, 5]]]  # x, y, z
SIGNAL = [[[7, 11, 13, 17]]]  # a, b, c, d
TWO = [[[7, 11]]]  # a, b
ONES = [[[[1, 1, 1], [1, 1, 1], [1, 1, 1]]]]
SQUARE = [[[[1, 2], [3, 4]]]]
TALL = [[[[1, 2, 3], [4, 5, 6]]]]  # a kernel that tells its axes and ends apart

CASES = [
    Case("stride 1", (SIGNAL, KERNEL, None, 1, 0, 0, 1, 1), [[[14, 43, 94, 128, 116, 85]]],
         "(ax, ay + bx, az + by + cx, bz + cy + dx, cz + dy, dz)"),
    Case("padding cuts off", (SIGNAL, KERNEL, None, 1, 1, 0, 1, 1), [[[43, 94, 128, 116]]],
         "one cell from each end"),
    Case("stride 2", (TWO, KERNEL, None, 2, 0, 0, 1, 1), [[[14, 21, 57, 33, 55]]],
         "(ax, ay, az + bx, by, bz)"),
    Case("stride 2, output_padding 1", (TWO, KERNEL, None, 2, 0, 1, 1, 1),
         [[[14, 21, 57, 33, 55, 0]]], "one more at the end, where nothing is written"),
    Case("stride 2, padding 1", (TWO, KERNEL, None, 2, 1, 0, 1, 1), [[[21, 57, 33]]]),
    Case("stride 2, padding 1, output_padding 1", (TWO, KERNEL, None, 2, 1, 1, 1, 1),
         [[[21, 57, 33, 55]]], "the new cell is one that padding had cut off"),
    Case("a bias", (TWO, [[[2]]], [100], 2, 0, 1, 1, 1), [[[114, 100, 122, 100]]],
         "is also where no kernel writes"),
    Case("dilation 2", (TWO, KERNEL, None, 1, 0, 0, 1, 2), [[[14, 22, 21, 33, 35, 55]]],
         "(ax, bx, ay, by, az, bz)"),
    Case("dilation 3, output_padding 2", (TWO, [[[2, 3]]], None, 1, 0, 2, 1, 3),
         [[[14, 22, 0, 21, 33, 0, 0]]]),
    Case("two channels in, three out", ([[[1], [10]]], [[[1], [2], [3]], [[4], [5], [6]]], None,
         1, 0, 0, 1, 1), [[[41], [52], [63]]], "weight[c, d] leads from channel c to channel d"),
    Case("two channels in, two out", ([[[1], [10]]], [[[1], [2]], [[3], [4]]], None,
         1, 0, 0, 1, 1), [[[31], [42]]], "here the axes of the weight could be exchanged unseen"),
    Case("two groups", ([[[1], [10]]], [[[2], [3]], [[4], [5]]], None, 1, 0, 0, 2, 1),
         [[[2], [3], [40], [50]]], "channel 0 makes the first two, channel 1 the others"),
    Case("2 x 2 to 3 x 3", (SQUARE, ONES, None, 2, 1, 0, 1, 1),
         [[[[1, 3, 2], [4, 10, 6], [3, 7, 4]]]], "not to 4 x 4"),
    Case("2 x 2 to 4 x 4", (SQUARE, ONES, None, 2, 1, 1, 1, 1),
         [[[[1, 3, 2, 2], [4, 10, 6, 6], [3, 7, 4, 4], [3, 7, 4, 4]]]], "needs output_padding 1"),
    Case("2 x 2 to 5 x 5", (SQUARE, ONES, None, 2, 0, 0, 1, 1),
         [[[[1, 1, 3, 2, 2], [1, 1, 3, 2, 2], [4, 4, 10, 6, 6], [3, 3, 7, 4, 4], [3, 3, 7, 4, 4]]]],
         "nothing is cut off"),
    Case("each axis its own", ([[[[1, 10]]]], TALL, None, (1, 2), (0, 1), 0, 1, (1, 1)),
         [[[[2, 13, 20], [5, 46, 50]]]], "(down, across): stride 2 and padding 1 across"),
    Case("the kernel itself", ([[[[1]]]], TALL, None, 3, 0, 0, 1, 1), [TALL[0]], "not flipped"),
    Case("a checkerboard", ([[[1, 1, 1, 1]]], [[[1, 1, 1]]], None, 2, 0, 0, 1, 1),
         [[[1, 1, 2, 1, 2, 1, 2, 1, 1]]], "every other cell is written twice"),
    Case("no checkerboard", ([[[1, 1, 1, 1]]], [[[1, 1, 1, 1]]], None, 2, 1, 0, 1, 1),
         [[[1, 2, 2, 2, 2, 2, 2, 1]]], "the stride divides the kernel's size"),
]


def _pair(value, axes, filler):
    numbers = list(value) if isinstance(value, (tuple, list)) else [value] * axes
    return [filler] * (2 - axes) + numbers


def _depth(nested):
    return 1 + _depth(nested[0]) if isinstance(nested, list) and nested else 0


def _with(
    add=lambda old, new: old + new, tap=lambda i, k: i, cut=lambda p, k, d: p, shift=0,
    grows=True, spacing=lambda s: s, dilation=lambda d: d, swapped=False, group=lambda g: g,
    biased=lambda bias, touched: bias, zeros_beyond=False,
):
    """The transposed convolution in plain numbers, with one step of it replaced."""

    def conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilations):
        axes = _depth(weight) - 2
        if axes == 1:
            input = [[[row] for row in image] for image in input]
            weight = [[[row] for row in kernels] for kernels in weight]
        options = (
            [spacing(s) for s in _pair(stride, axes, 1)], _pair(padding, axes, 0),
            _pair(output_padding, axes, 0), [dilation(d) for d in _pair(dilations, axes, 1)],
        )
        out = [_of_image(image, weight, bias, groups, *options) for image in input]
        return [[rows[0] for rows in image] for image in out] if axes == 1 else out

    def _of_image(image, weight, bias, groups, s, p, o, d):
        per_group, out_channels = len(image) // groups, len(weight[0])
        cut_off = [cut(p[a], [len(weight[0][0]), len(weight[0][0][0])][a], d[a]) for a in (0, 1)]
        maps = []
        for channel in range(out_channels * groups):
            first = group(channel // out_channels) * per_group
            pairs = []
            for c in range(first, first + per_group):
                of = channel % out_channels
                a, b = (of % len(weight), c % out_channels) if swapped else (c, of)
                pairs.append((image[c], weight[a][b]))
            maps.append(_of_channel(pairs, bias[channel] if bias else 0, s, cut_off, o, d))
        return maps

    def _of_channel(pairs, bias, s, p, o, d):
        cells, kernel = pairs[0]
        sizes = [
            (len(c) - 1) * s[a] - 2 * p[a] + d[a] * (len(k) - 1) + 1 + (o[a] if grows else 0)
            for a, (c, k) in enumerate(((cells, kernel), (cells[0], kernel[0])))
        ]
        written: dict[tuple[int, int], float] = {}
        for cells, kernel in pairs:
            once: dict[tuple[int, int], float] = {}
            for y, row in enumerate(cells):
                for x, value in enumerate(row):
                    for i in range(len(kernel)):
                        for j in range(len(kernel[0])):
                            where = (y * s[0] + i * d[0] - p[0] + shift * o[0],
                                     x * s[1] + j * d[1] - p[1] + shift * o[1])
                            product = value * kernel[tap(i, len(kernel))][tap(j, len(kernel[0]))]
                            once[where] = add(once[where], product) if where in once else product
            for where, value in once.items():
                written[where] = written.get(where, 0) + value
        limits = [n - (o[a] if zeros_beyond else 0) for a, n in enumerate(sizes)]
        return [
            [(written.get((y, x), 0) if y < limits[0] and x < limits[1] else 0)
             + biased(bias, (y, x) in written) for x in range(sizes[1])]
            for y in range(sizes[0])
        ]

    return conv_transpose


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "where two copies of the kernel overlap, they add": _with(add=lambda old, new: new),
    "the kernel is flipped: the input writes it as it is": _with(tap=lambda i, k: k - 1 - i),
    "padding cuts the output; it does not widen it": _with(cut=lambda p, k, d: -p),
    "padding is left out": _with(cut=lambda p, k, d: 0),
    "this pads the input: a convolution's padding p is d (k - 1) - p here": _with(
        cut=lambda p, k, d: d * (k - 1) - p
    ),
    "output_padding is left out": _with(grows=False),
    "output_padding is at the end, not at the start": _with(shift=1),
    "the cells that output_padding adds are written by the kernels, too": _with(zeros_beyond=True),
    "the stride is how far apart the copies of the kernel lie": _with(spacing=lambda s: 1),
    "dilation spreads the kernel": _with(dilation=lambda d: 1),
    "the weight has the input's channels first": _with(swapped=True),
    "each group has its own input channels": _with(group=lambda g: 0),
    "the bias is left out": _with(biased=lambda bias, touched: 0),
    "the bias is added everywhere, not only where a kernel writes": _with(
        biased=lambda bias, touched: bias if touched else 0
    ),
}
