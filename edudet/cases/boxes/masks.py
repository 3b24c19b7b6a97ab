"""Worked examples of boxes around masks: (N, H, W) of 0 and 1 -> boxes."""

from edudet.cases.case import Case

SHAPE = [[0, 0, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]

CASES = [
    Case("a shape", ([SHAPE],), [[1, 1, 4, 3]], "columns 1 to 3, rows 1 and 2"),
    Case("one pixel", ([[[0, 0], [0, 1]]],), [[1, 1, 2, 2]], "area 1, not 0"),
    Case("first pixel", ([[[1, 0], [0, 0]]],), [[0, 0, 1, 1]]),
    Case("nothing", ([[[0, 0], [0, 0]]],), [[0, 0, 0, 0]], "the only box of area 0"),
    Case("everything", ([[[1, 1, 1], [1, 1, 1]]],), [[0, 0, 3, 2]]),
    Case("two parts", ([[[1, 0, 0, 0], [0, 0, 0, 1]]],), [[0, 0, 4, 2]], "one object, one box"),
    Case("several masks", ([[[0, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 1], [0, 0]]],),
         [[1, 0, 2, 1], [0, 0, 0, 0], [0, 0, 2, 1]]),
    Case("any number but 0", ([[[0, -2, 0], [0, 0, 255]]],), [[1, 0, 3, 2]]),
]


def _boxes(masks, inside=lambda value: value != 0, empty=(0, 0, 0, 0)):
    boxes = []
    for mask in masks:
        pixels = [
            (x, y) for y, row in enumerate(mask) for x, value in enumerate(row) if inside(value)
        ]
        if pixels:
            columns, rows = zip(*pixels, strict=True)
            boxes.append([min(columns), min(rows), max(columns) + 1, max(rows) + 1])
        else:
            boxes.append(list(empty))
    return boxes


def _inclusive(masks):
    return [[x1, y1, max(x2 - 1, 0), max(y2 - 1, 0)] for x1, y1, x2, y2 in _boxes(masks)]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "x2 is the index of the last column; the box ends behind it": _inclusive,
    "rows and columns are exchanged: x counts columns": lambda masks: [
        [x1, y1, x2, y2] for y1, x1, y2, x2 in _boxes(masks)
    ],
    "masks without a pixel are left out": lambda masks: _boxes(
        [mask for mask in masks if any(value for row in mask for value in row)]
    ),
    "only 1 counts as inside; every number but 0 does": lambda masks: _boxes(
        masks, lambda value: value == 1
    ),
    "a mask without a pixel gets a box of one pixel": lambda masks: _boxes(
        masks, empty=(0, 0, 1, 1)
    ),
    "(x, y, width, height); here it is two corners": lambda masks: [
        [x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in _boxes(masks)
    ],
}
