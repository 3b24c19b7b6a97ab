"""Worked examples of corner pooling: read by the tests, the notebook and the grader.

Arguments: input (N, C, H, W), corner. Besides the two corners, a single direction may be asked for.
"""

from edudet.cases.case import Case

ROW = [[[[2, 1, 3, 0, 2]]]]
COLUMN = [[[[1], [5], [0], [3]]]]
MAP = [[[[0, 4, 1], [2, 0, 3], [1, 5, 0]]]]
NEGATIVE = [[[[-3, -1, -2]]]]
TWO = [[[[1, 2], [3, 0]], [[40, 10], [20, 30]]]]

CASES = [
    Case("left", (ROW, "left"), [[[[3, 3, 3, 2, 2]]]], "from the last: 2, 2, then 3 to the end"),
    Case("right", (ROW, "right"), [[[[2, 2, 3, 3, 3]]]]),
    Case("top", (COLUMN, "top"), [[[[5], [5], [3], [3]]]], "from the last row upwards"),
    Case("bottom", (COLUMN, "bottom"), [[[[1], [5], [5], [5]]]]),
    Case("top of a map", (MAP, "top"), [[[[2, 5, 3], [2, 5, 3], [1, 5, 0]]]]),
    Case("left of a map", (MAP, "left"), [[[[4, 4, 1], [3, 3, 3], [5, 5, 0]]]]),
    Case("top left", (MAP, "top_left"), [[[[6, 9, 4], [5, 8, 6], [6, 10, 0]]]],
         "the sum of the two before"),
    Case("bottom right", (MAP, "bottom_right"), [[[[0, 8, 5], [4, 6, 6], [3, 10, 8]]]]),
    Case("one row", (ROW, "top_left"), [[[[5, 4, 6, 2, 4]]]], "along a column, a cell is alone"),
    Case("negative values", (NEGATIVE, "left"), [[[[-1, -1, -2]]]]),
    Case("negative values, both ways", (NEGATIVE, "top_left"), [[[[-4, -2, -4]]]]),
    Case("two channels", (TWO, "bottom_right"), [[[[2, 4], [6, 5]], [[80, 50], [60, 60]]]]),
    Case("one cell", ([[[[7]]]], "top_left"), [[[[14]]]], "twice itself"),
    Case("no images", ([], "top_left"), []),
]

_PARTS = {"top_left": ("top", "left"), "bottom_right": ("bottom", "right")}


def _turned(plane):
    return [list(column) for column in zip(*plane, strict=True)]


def _run(row, start=None, window=None, own=True):
    """The running maximum of a row, from its first number on."""
    out = []
    for x in range(len(row)):
        seen = row[0 if window is None else max(x - window + 1, 0) : x + own]
        out.append(max([*seen, *([] if start is None else [start])], default=row[x]))
    return out


def _with(
    run=_run, add=lambda a, b: a + b, parts=_PARTS, back=("top", "left"), along=("top", "bottom")
):
    """Corner pooling in plain numbers, with one step of it replaced."""

    def pool(plane, direction):
        plane = _turned(plane) if direction in along else plane
        step = -1 if direction in back else 1
        plane = [run(row[::step])[::step] for row in plane]
        return _turned(plane) if direction in along else plane

    def corner_pool(input, corner):
        def of(plane):
            first, *second = (pool(plane, direction) for direction in parts.get(corner, (corner,)))
            if not second:
                return first
            return [list(map(add, a, b)) for a, b in zip(first, second[0], strict=True)]

        return [[of(plane) for plane in planes] for planes in input]

    return corner_pool


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "a corner adds its two maxima; it does not take the larger": _with(add=max),
    "a corner adds its two maxima; it does not multiply them": _with(add=lambda a, b: a * b),
    "top_pool looks down, from the last row upwards; left_pool to the right": _with(
        back=("bottom", "right")
    ),
    "top and bottom run along columns, left and right along rows": _with(along=("left", "right")),
    "the maximum is over all cells beyond, not over the next one only": _with(
        run=lambda row: _run(row, window=2)
    ),
    "the maximum is over the cells on one side, not over the whole row": _with(
        run=lambda row: [max(row)] * len(row)
    ),
    "the cell itself counts": _with(run=lambda row: _run(row, own=False)),
    "the largest of negative values is negative: do not start from 0": _with(
        run=lambda row: _run(row, start=0)
    ),
    "the top left corner uses top and left, not bottom and right": _with(
        parts={"top_left": ("bottom", "right"), "bottom_right": ("top", "left")}
    ),
    "both directions are needed: one maximum was left out": _with(
        parts={"top_left": ("top",), "bottom_right": ("bottom",)}
    ),
}
