"""Worked examples of unpooling."""

from edudet.cases.case import Case

# map, scale, kind
CASES = [
    Case(
        "lecture: nearest", ([[1, 2], [3, 4]], 2, "nearest"),
        [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]],
    ),
    Case(
        "lecture: bed of nails", ([[1, 2], [3, 4]], 2, "bed_of_nails"),
        [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]],
    ),
    Case("scale 1 changes nothing", ([[1, 2], [3, 4]], 1, "nearest"), [[1, 2], [3, 4]]),
    Case("one nail", ([[5]], 3, "bed_of_nails"), [[5, 0, 0], [0, 0, 0], [0, 0, 0]], "top left"),
    Case(
        "down and right differ", ([[1, 2]], (3, 1), "nearest"), [[1, 2], [1, 2], [1, 2]],
        "sizes are (height, width)",
    ),
    Case("wide nails", ([[1], [2]], (1, 3), "bed_of_nails"), [[1, 0, 0], [2, 0, 0]]),
    Case("negative", ([[-1, 0]], (1, 2), "nearest"), [[-1, -1, 0, 0]]),
]

# map, positions, kernel size, stride, padding, (height, width) or None
CASES_OF_MAX_UNPOOLING = [
    Case(
        "lecture", ([[1, 2], [3, 4]], [[5, 2], [12, 15]], 2, 2, 0, None),
        [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]],
        "the maxima of [1 2 6 3; 3 5 2 1; 1 2 2 1; 7 3 4 8] stood there",
    ),
    Case(
        "a rest that pooling had dropped", ([[4, 5]], [[1, 3]], (1, 2), 2, 0, (1, 5)),
        [[0, 4, 0, 5, 0]], "the default is 4 wide",
    ),
    Case(
        "the width decides", ([[4, 5]], [[1, 4]], 2, 2, 0, (2, 3)), [[0, 4, 0], [0, 5, 0]],
        "position 4 is row 1, column 1",
    ),
    Case(
        "padding", ([[7, 8], [9, 6]], [[0, 1], [2, 3]], 2, 2, 1, None), [[7, 8], [9, 6]],
        "2 - 2 + 2 = 2 rows: the padding is cut off",
    ),
    Case(
        "steps smaller than windows", ([[5, 6]], [[0, 2]], (1, 2), 1, 0, None), [[5, 0, 6]],
        "1 + 2 = 3 wide",
    ),
    Case(
        "one position twice", ([[5, 6]], [[1, 1]], (1, 2), 1, 0, None), [[0, 6, 0]],
        "the last stays; nothing is added",
    ),
    Case("negative and zero", ([[-3, 0]], [[1, 2]], (1, 2), 2, 0, None), [[0, -3, 0, 0]]),
]


def _blocks(rows, scale, inside):
    """Each cell becomes a block; `inside(value, i, j, down, right)` is its element (i, j)."""
    down, right = scale if isinstance(scale, tuple) else (scale, scale)
    return [
        [inside(value, i, j, down, right) for value in row for j in range(right)]
        for row in rows
        for i in range(down)
    ]


def _right(rows, scale, kind):
    nails = kind == "bed_of_nails"
    return _blocks(rows, scale, lambda v, i, j, d, r: 0 if nails and (i or j) else v)


def _transposed_scale(rows, scale, kind):
    return _right(rows, scale[::-1] if isinstance(scale, tuple) else scale, kind)


def _stray_rows(rows, scale, kind):
    """On the slide, the text of the 2 x 2 inputs goes on with the start of the answer."""
    stray = [[row[0]] * len(row) if kind == "nearest" else [0] * len(row) for row in rows]
    return _right(rows + stray, scale, kind)


def _tiled(rows, scale, kind):
    down, right = scale if isinstance(scale, tuple) else (scale, scale)
    if kind == "bed_of_nails":
        return _right(rows, scale, kind)
    return [row * right for row in rows * down]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "rows that stand on the slide below the input do not belong to it": _stray_rows,
    "the map is laid out again and again; each cell becomes a block": _tiled,
    "only along x: the rows are not repeated": lambda rows, scale, kind: _right(
        rows, (1, scale[1] if isinstance(scale, tuple) else scale), kind
    ),
    "down and right are exchanged": _transposed_scale,
    "the nail is at the bottom right of its block": lambda rows, scale, kind: _blocks(
        rows, scale,
        lambda v, i, j, d, r: v if kind == "nearest" or (i, j) == (d - 1, r - 1) else 0,
    ),
    "a bed of nails has zeros between the nails, not copies": lambda rows, scale, kind: _right(
        rows, scale, "nearest"
    ),
    "values are shared out over the block; each element gets the whole value": (
        lambda rows, scale, kind: _blocks(
            rows, scale,
            lambda v, i, j, d, r: v / (d * r) if kind == "nearest" else v * (i + j == 0),
        )
    ),
}


def _unpooled(args, put=None):
    """Max unpooling with one part exchanged: `put(before, value)`."""
    rows, positions, kernel, stride, padding, size = args
    pairs = [s if isinstance(s, tuple) else (s, s) for s in (kernel, stride, padding)]
    height, width = size or (
        (cells - 1) * s - 2 * p + k
        for cells, k, s, p in zip((len(rows), len(rows[0])), *pairs, strict=True)
    )
    out = [[0] * width for _ in range(height)]
    for values, places in zip(rows, positions, strict=True):
        for value, place in zip(values, places, strict=True):
            y, x = divmod(place, width)
            if y < height:
                out[y][x] = put(out[y][x], value) if put else value
    return out


def _nails(rows, positions, kernel, stride, padding, size):
    blank = _unpooled((rows, positions, kernel, stride, padding, size))
    height, width = len(blank), len(blank[0])
    down, right = stride if isinstance(stride, tuple) else (stride, stride)
    places = [[min(i * down, height - 1) * width + min(j * right, width - 1)
               for j in range(len(rows[0]))] for i in range(len(rows))]
    return _unpooled((rows, places, kernel, stride, padding, size))


MISTAKES_OF_MAX_UNPOOLING = {
    "every value stands at the top left of its block; it goes where its maximum was": _nails,
    "the asked size is ignored": lambda r, p, k, s, pad, size: _unpooled(
        (r, p, k, s, pad, None)
    ),
    "the size is that of the map times the stride": lambda r, p, k, s, pad, size: _unpooled(
        (r, p, s, s, 0, size)
    ),
    "values at one place are added": lambda *args: _unpooled(args, put=lambda a, b: a + b),
    "the largest value at one place stays, and zero is no value": lambda *args: _unpooled(
        args, put=max
    ),
    "the first value at one place stays": lambda *args: _unpooled(args, put=lambda a, b: a or b),
}
