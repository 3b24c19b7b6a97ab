"""Worked examples of anchors.

CASES: (base anchors, grid size, stride, offset) -> anchors. SHAPES: (scales, aspect ratios,
rounded) -> base anchors. COUNTS: (grid sizes of the levels, anchors per cell) -> how many.
"""

import math

from edudet.cases.case import Case

SMALL, WIDE = [-2, -2, 2, 2], [-4, -1, 4, 1]

CASES = [
    Case("no cells", ([SMALL], (0, 3), 8, 0), []),
    Case("one cell", ([SMALL], (1, 1), 8, 0), [SMALL], "stands on the corner of the image"),
    Case("in the centre of the cell", ([SMALL], (1, 1), 8, 0.5), [[2, 2, 6, 6]],
         "the cell covers [0, 8) x [0, 8)"),
    Case("row by row", ([SMALL], (2, 2), 8, 0),
         [[-2, -2, 2, 2], [6, -2, 10, 2], [-2, 6, 2, 10], [6, 6, 10, 10]]),
    Case("all anchors of a cell, then the next", ([SMALL, WIDE], (1, 2), 8, 0),
         [SMALL, WIDE, [6, -2, 10, 2], [4, -1, 12, 1]]),
    Case("strides differ", ([SMALL], (2, 2), (4, 16), 0.5),
         [[6, 0, 10, 4], [22, 0, 26, 4], [6, 4, 10, 8], [22, 4, 26, 8]], "(down, right)"),
    Case("taller than wide", ([SMALL], (3, 1), 8, 0),
         [[-2, -2, 2, 2], [-2, 6, 2, 10], [-2, 14, 2, 18]], "grid sizes are (height, width)"),
]

SHAPES = [
    Case("a square", ([32], [1], True), [[-16, -16, 16, 16]]),
    Case("ratio 1/4 is wide", ([16], [0.25], True), [[-16, -4, 16, 4]],
         "height / width: 8 high, 32 wide, area 16 x 16"),
    Case("ratio 4 is tall", ([16], [4], True), [[-4, -16, 4, 16]]),
    Case("scales within ratios", ([8, 16], [0.25, 4], True),
         [[-8, -2, 8, 2], [-16, -4, 16, 4], [-2, -8, 2, 8], [-4, -16, 4, 16]]),
    Case("rounded", ([32], [0.5], True), [[-23, -11, 23, 11]], "from 22.63 and 11.31"),
    Case("not rounded", ([32], [0.5], False),
         [[-16 * math.sqrt(2), -8 * math.sqrt(2), 16 * math.sqrt(2), 8 * math.sqrt(2)]]),
    Case("half to even", ([5], [1], True), [[-2, -2, 2, 2]], "2.5 becomes 2: a size of 5 is 4"),
    Case("none", ([], [1], True), []),
]

COUNTS = [
    Case("640 x 480, stride 32, one each", ([(15, 20)], 1), 300, "1 x 20 x 15 objectness scores"),
    Case("640 x 480, stride 32, nine each", ([(15, 20)], 9), 2700, "heads of 2k = 18, 4k = 36"),
    Case("1344 x 800, strides 8 to 128, six each",
         ([(100, 168), (50, 84), (25, 42), (13, 21), (7, 11)], 6), 134_400, "22 400 cells"),
    Case("the same, nine each",
         ([(100, 168), (50, 84), (25, 42), (13, 21), (7, 11)], 9), 201_600, "the paper's nine"),
]


def _grid(base, grid_size, stride, offset, *, order="yxa", transposed=False, shift=None):
    down, right = stride if isinstance(stride, tuple) else (stride, stride)
    height, width = grid_size[::-1] if transposed else grid_size
    places = [(y, x, a) for y in range(height) for x in range(width) for a in range(len(base))]
    places.sort(key=lambda place: [place["yxa".index(axis)] for axis in order])
    offset = offset if shift is None else shift
    anchors = []
    for y, x, a in places:
        x1, y1, x2, y2 = base[a]
        dx, dy = (x + offset) * right, (y + offset) * down
        anchors.append([x1 + dx, y1 + dy, x2 + dx, y2 + dy])
    return anchors


def _strides_exchanged(base, grid_size, stride, offset):
    stride = stride[::-1] if isinstance(stride, tuple) else stride
    return _grid(base, grid_size, stride, offset)


def _shapes(shape=lambda s, r: (s / math.sqrt(r), s * math.sqrt(r)), outer="ratio", rounds=round):
    def generate(scales, ratios, rounded):
        pairs = [(s, r) for r in ratios for s in scales]
        if outer == "scale":
            pairs = [(s, r) for s in scales for r in ratios]
        anchors = []
        for scale, ratio in pairs:
            w, h = (side / 2 for side in shape(scale, ratio))
            anchor = [-w, -h, w, h]
            anchors.append([rounds(value) for value in anchor] if rounded else anchor)
        return anchors

    return generate


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the offset is left out": lambda *args: _grid(*args, shift=0),
    "column by column; here it is row by row": lambda *args: _grid(*args, order="xya"),
    "all cells of one anchor, then the next anchor": lambda *args: _grid(*args, order="ayx"),
    "height and width of the grid are exchanged": lambda *args: _grid(*args, transposed=True),
    "the strides are (down, right): these are exchanged": _strides_exchanged,
    "the offset is in cells, not in pixels": lambda base, grid, stride, offset: [
        [value + offset for value in anchor] for anchor in _grid(base, grid, stride, 0)
    ],
}
MISTAKES_WITH_SHAPES = {
    "the ratio is height / width, not width / height": _shapes(
        lambda s, r: (s * math.sqrt(r), s / math.sqrt(r))
    ),
    "the area changes: the ratio goes by its square root": _shapes(lambda s, r: (s, s * r)),
    "the scale is the whole side, not the half": _shapes(
        lambda s, r: (2 * s / math.sqrt(r), 2 * s * math.sqrt(r))
    ),
    "ratio by ratio, not scale by scale": _shapes(outer="scale"),
    "half is rounded to even": _shapes(rounds=lambda v: math.copysign(int(abs(v) + 0.5), v)),
    "rounds what is not to be rounded": lambda scales, ratios, rounded: _shapes()(
        scales, ratios, True
    ),
}
