"""Worked examples of the targets of a keypoint head: (keypoints x, y, v of each RoI's person, RoIs,
size) -> (cells, valid)."""

import math

from edudet.cases.case import Case

BOX = [0, 0, 8, 4]

CASES = [
    Case("a joint", ([[[3, 1, 2]]], [BOX], 4), ([[5]], [[True]]),
         "column 3 of 8 in 4 is 1, row 1 of 4 in 4 is 1: 1 * 4 + 1"),
    Case("cells are wide or high", ([[[1, 1, 2], [2, 1, 2], [7, 3, 2], [0, 0, 2]]], [BOX], 2),
         ([[0, 0, 3, 0]], [[True] * 4])),
    Case("counted from the RoI", ([[[13, 21, 2], [17, 20.5, 2]]], [[10, 20, 18, 24]], 4),
         ([[5, 3]], [[True, True]])),
    Case("the right and the lower side", ([[[8, 1, 2], [0, 4, 2], [8, 4, 2]]], [BOX], 4),
         ([[7, 12, 15]], [[True] * 3]), "belong to the last cell"),
    Case("just outside", ([[[8.5, 1, 2], [-0.5, 1, 2], [1, 4.5, 2], [1, -0.5, 2]]], [BOX], 4),
         ([[0] * 4], [[False] * 4]), "a joint that the RoI does not see has no cell in it"),
    Case("seen, hidden, not labelled", ([[[5, 3, 2], [5, 3, 1], [5, 3, 0]]], [BOX], 4),
         ([[14, 14, 0]], [[True, True, False]]), "a hidden joint has its place all the same"),
    Case("rounded down", ([[[3.75, 1.75, 2]]], [BOX], 4), ([[5]], [[True]]),
         "a joint belongs to the cell that it lies in, not to the nearest corner"),
    Case("two RoIs of one person", ([[[4, 2, 2]], [[4, 2, 2]]], [BOX, [4, 0, 8, 4]], 4),
         ([[10], [8]], [[True], [True]])),
    Case("a RoI without area", ([[[4, 2, 2]]], [[4, 0, 4, 4]], 4), ([[0]], [[False]])),
    Case("no RoIs", ([], [], 4), ([], [])),
]


def _targets(
    *, counts=lambda v: v > 0, cell=math.floor, scale=lambda size, side: size / side,
    index=lambda column, row, size: row * size + column, cut=False, one_scale=False,
    inside=lambda low, x, high: low <= x <= high, origin=lambda low: low,
):
    """keypoint_targets with one part exchanged."""
    def targets(keypoints, rois, size):
        cells: list[list[int]] = []
        valid: list[list[bool]] = []
        for joints, (x1, y1, x2, y2) in zip(keypoints, rois, strict=True):
            cells.append([])
            valid.append([])
            for x, y, v in joints:
                good = counts(v) and x1 < x2 and y1 < y2
                good = good and (cut or (inside(x1, x, x2) and inside(y1, y, y2)))
                place = 0
                if good:
                    height = x2 - x1 if one_scale else y2 - y1
                    column = cell((x - origin(x1)) * scale(size, x2 - x1))
                    row = cell((y - origin(y1)) * scale(size, height))
                    column, row = (min(max(value, 0), size - 1) for value in (column, row))
                    place = index(column, row, size)
                cells[-1].append(place)
                valid[-1].append(good)
        return cells, valid

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the cell is row * size + column": _targets(
        index=lambda column, row, size: column * size + row
    ),
    "a hidden joint, v = 1, counts": _targets(counts=lambda v: v == 2),
    "a joint that is not labelled, v = 0, does not count": _targets(counts=lambda v: True),
    "a joint on the right or lower side belongs to the last cell": _targets(
        inside=lambda low, x, high: low <= x < high
    ),
    "a joint outside the RoI has no cell; it is not moved to the border": _targets(cut=True),
    "rounded down, not to the nearest": _targets(cell=lambda x: math.floor(x + 0.5)),
    "counted from the corner of the RoI": _targets(origin=lambda low: 0),
    "size cells, not size - 1, lie between the sides": _targets(
        scale=lambda size, side: (size - 1) / side
    ),
    "width and height are divided by size each on their own": _targets(one_scale=True),
}
