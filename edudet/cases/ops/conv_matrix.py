"""Worked examples of the matrix of a convolution.

Arguments: kernel, input_size, stride, padding, dilation -> the matrix X. `PRODUCTS` has what X
makes of a signal, and its transpose of a result.
"""

from edudet.cases.case import Case

KERNEL = [2, 3, 5]  # x, y, z
SIGNAL = [7, 11, 13, 17]  # a, b, c, d
FRAMED = [0, *SIGNAL, 0]
SQUARE = [[1, 2], [3, 4]]

CASES = [
    Case("six cells", (KERNEL, 6, 1, 0, 1),
         [[2, 3, 5, 0, 0, 0], [0, 2, 3, 5, 0, 0], [0, 0, 2, 3, 5, 0], [0, 0, 0, 2, 3, 5]],
         "a signal of four with a zero at each end; four rows, for four results"),
    Case("stride 2", (KERNEL, 6, 2, 0, 1), [[2, 3, 5, 0, 0, 0], [0, 0, 2, 3, 5, 0]],
         "every other row; the last cell is never read"),
    Case("padding 1", (KERNEL, 4, 1, 1, 1),
         [[3, 5, 0, 0], [2, 3, 5, 0], [0, 2, 3, 5], [0, 0, 2, 3]],
         "the first example without the columns of the zeros"),
    Case("padding 1, stride 2", (KERNEL, 4, 2, 1, 1), [[3, 5, 0, 0], [0, 2, 3, 5]]),
    Case("dilation 2", (KERNEL, 5, 1, 0, 2), [[2, 0, 3, 0, 5]]),
    Case("two axes", (SQUARE, (2, 3), 1, 0, 1), [[1, 2, 0, 3, 4, 0], [0, 1, 2, 0, 3, 4]],
         "the signal is read row by row"),
    Case("two axes, one column", (SQUARE, (3, 2), 1, 0, 1),
         [[1, 2, 3, 4, 0, 0], [0, 0, 1, 2, 3, 4]]),
    Case("each axis its own", (SQUARE, (2, 3), (1, 2), (0, 1), 1),
         [[2, 0, 0, 4, 0, 0], [0, 1, 2, 0, 3, 4]], "stride 2 and padding 1 across"),
]

# kernel, input_size, stride, padding, dilation, signal -> X signal
PRODUCTS = [
    Case("of the framed signal", (KERNEL, 6, 1, 0, 1, FRAMED), [76, 112, 146, 77],
         "(ay + bz, ax + by + cz, bx + cy + dz, cx + dy): four numbers, not five"),
    Case("padding 1", (KERNEL, 4, 1, 1, 1, SIGNAL), [76, 112, 146, 77]),
    Case("stride 2", (KERNEL, 6, 2, 0, 1, FRAMED), [76, 146], "(ay + bz, bx + cy + dz)"),
    Case("stride 2, padding 1", (KERNEL, 4, 2, 1, 1, SIGNAL), [76, 146]),
    Case("4 x 4, padding 1", ([[1] * 3] * 3, (4, 4), 1, 1, 1, [1] * 16),
         [4, 6, 6, 4, 6, 9, 9, 6, 6, 9, 9, 6, 4, 6, 6, 4], "a map of 4 x 4 comes out"),
    Case("4 x 4, padding 1, stride 2", ([[1] * 3] * 3, (4, 4), 2, 1, 1, [1] * 16), [4, 6, 6, 9],
         "a map of 2 x 2"),
]

# kernel, input_size, stride, padding, dilation, result -> X' result, a transposed convolution
TRANSPOSED = [
    Case("stride 1", (KERNEL, 6, 1, 0, 1, SIGNAL), [14, 43, 94, 128, 116, 85]),
    Case("padding 1", (KERNEL, 4, 1, 1, 1, SIGNAL), [43, 94, 128, 116], "both ends are cut off"),
    Case("stride 2", (KERNEL, 6, 2, 0, 1, SIGNAL[:2]), [14, 21, 57, 33, 55, 0],
         "the last cell: output_padding 1"),
    Case("stride 2, five cells", (KERNEL, 5, 2, 0, 1, SIGNAL[:2]), [14, 21, 57, 33, 55]),
]


def _pair(value, axes):
    return [0] * (2 - axes) + (list(value) if isinstance(value, tuple) else [value] * axes)


def _with(
    tap=lambda i, k: i, keep_frame=False, column=lambda y, x, h, w: y * w + x, more=0,
    spacing=lambda s: s, dilation=lambda d: d, transposed=False, shift=lambda p: p,
    inside=lambda x, n: 0 <= x < n,
):
    """The matrix in plain numbers, with one step of it replaced."""

    def conv_matrix(kernel, input_size, stride, padding, dilations):
        axes = len(input_size) if isinstance(input_size, tuple) else 1
        kernel = kernel if axes == 2 else [kernel]
        h, w = _pair(input_size, axes) if axes == 2 else (1, input_size)
        s = [max(spacing(v), 1) for v in _pair(stride, axes)]
        p = [shift(v) for v in _pair(padding, axes)]
        d = [max(dilation(v), 1) for v in _pair(dilations, axes)]
        k = len(kernel), len(kernel[0])
        rows = [(n + 2 * p[a] - d[a] * (k[a] - 1) - 1) // s[a] + 1 for a, n in enumerate((h, w))]
        rows[1] += more
        if keep_frame:
            h, w, p = h + 2 * p[0], w + 2 * p[1], [0, 0]
        matrix = [[0] * (h * w) for _ in range(rows[0] * rows[1])]
        for row in range(len(matrix)):
            for i in range(k[0]):
                for j in range(k[1]):
                    y = row // rows[1] * s[0] - p[0] + i * d[0]
                    x = row % rows[1] * s[1] - p[1] + j * d[1]
                    if inside(y, h) and inside(x, w):
                        matrix[row][column(y, x, h, w)] = kernel[tap(i, k[0])][tap(j, k[1])]
        return [list(line) for line in zip(*matrix, strict=True)] if transposed else matrix

    return conv_matrix


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the kernel is not flipped": _with(tap=lambda i, k: k - 1 - i),
    "one row too many: six cells and a kernel of three give four results": _with(more=1),
    "a column for each cell of the signal, none for the padding": _with(keep_frame=True),
    "padding is left out": _with(shift=lambda p: 0),
    "the stride leaves out rows": _with(spacing=lambda s: 1),
    "dilation spreads the kernel": _with(dilation=lambda d: 1),
    "this is the transpose: a row is for a result, a column for a cell": _with(transposed=True),
    "a map is read row by row, not column by column": _with(
        column=lambda y, x, h, w: x * h + y
    ),
    "what lies before the first cell is padding, but index -1 is the last cell": _with(
        inside=lambda x, n: x < n
    ),
}
