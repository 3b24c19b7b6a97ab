"""Worked examples of the targets of a mask head: (masks, RoIs, the object of each RoI, size) ->
targets. Positions are counted as torchvision counts them: a RoI from 0 on reads pixel 0 at 0."""

import math

from edudet.cases.case import Case

LEFT = [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
TOP = [[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
CORNER = [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]
SOFT = [[0.25, 0.75, 0.5, 0.5]] * 4

CASES = [
    Case("a bin a pixel", ([LEFT], [[0, 0, 4, 4]], [0], 4), [[[1, 0.5, 0, 0]] * 4],
         "read at .5, 1.5, 2.5, 3.5: half a pixel to the right of the middles"),
    Case("small, made larger", ([LEFT], [[1, 0, 3, 2]], [0], 4),
         [[[0.75, 0.25, 0, 0]] * 4], "read at 1.25, 1.75, 2.25, 2.75"),
    Case("large, made smaller", ([LEFT], [[0, 0, 4, 4]], [0], 2), [[[0.75, 0]] * 2],
         "two samples a bin: the mean of 1 and .5"),
    Case("upper half", ([TOP], [[0, 0, 4, 4]], [0], 4),
         [[[1] * 4, [0.5] * 4, [0] * 4, [0] * 4]], "rows are y"),
    Case("each its own object", ([LEFT, TOP], [[0, 0, 4, 4]] * 3, [1, 0, 1], 2),
         [[[0.75, 0.75], [0, 0]], [[0.75, 0]] * 2, [[0.75, 0.75], [0, 0]]],
         "the number of the object, not of the RoI"),
    Case("a part of the object", ([LEFT], [[0, 0, 1, 4]], [0], 2), [[[1, 1]] * 2],
         "what the RoI does not see is no part of the target"),
    Case("between pixels", ([LEFT], [[0.5, 1, 2.5, 3]], [0], 2), [[[1, 0]] * 2],
         "a RoI is not rounded: read at exactly 1 and 2"),
    Case("a corner of a wide image", ([CORNER], [[2, 0, 4, 2]], [0], 2), [[[0.25, 0.5], [0.5, 1]]],
         "read at x 2.5, 3.5 and y .5, 1.5"),
    Case("over the border", ([CORNER], [[3, 1, 7, 5]], [0], 4),
         [[[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]],
         "x 4.5 and y 2.5 still read the border, 5.5 and 3.5 nothing"),
    Case("a soft mask", ([SOFT], [[0, 0, 2, 2]], [0], 2), [[[0.5, 0.625]] * 2],
         "shares of pixels, as they are: nothing is rounded"),
    Case("a RoI without area", ([LEFT], [[1, 1, 1, 1]], [0], 1), [[[0.5]]],
         "is widened to one pixel: read at 1.5"),
    Case("no RoIs", ([LEFT], [], [], 2), []),
    Case("no objects", ([], [], [], 2), []),
]


def _read(mask, x, y):
    height, width = len(mask), len(mask[0])
    if not (-1 <= x <= width and -1 <= y <= height):
        return 0
    x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    column, row = int(x), int(y)
    right, down = x - column, y - row
    column2, row2 = min(column + 1, width - 1), min(row + 1, height - 1)
    upper = mask[row][column] * (1 - right) + mask[row][column2] * right
    lower = mask[row2][column] * (1 - right) + mask[row2][column2] * right
    return upper * (1 - down) + lower * down


def _nearest(mask, x, y):
    inside = 0 <= x < len(mask[0]) and 0 <= y < len(mask)
    return mask[int(y)][int(x)] if inside else 0


def _whole(mask):
    return 0, 0, len(mask[0]), len(mask)


def _targets(
    *, read=_read, which=lambda p, index: index, roi_of=lambda roi, mask: roi, offset=0.0,
    samples=lambda size: max(math.ceil(size), 1), middle=0.5, rounded=lambda value: value,
    widened=lambda side: max(side, 1), swap=False,
):
    """mask_targets with one part exchanged."""
    def axis(low, high, size):
        step = widened(high - low) / size
        number = samples(step)
        return [
            [low - offset + (i + (s + middle) / number) * step for s in range(number)]
            for i in range(size)
        ]

    def targets(masks, rois, indices, size):
        result = []
        for p, roi in enumerate(rois):
            mask = masks[which(p, indices[p]) % len(masks)]
            x1, y1, x2, y2 = roi_of(roi, mask)
            rows, columns = axis(y1, y2, size), axis(x1, x2, size)
            if swap:
                rows, columns = columns, rows
            target = []
            for ys in rows:
                cells = [[read(mask, x, y) for y in ys for x in xs] for xs in columns]
                target.append([rounded(sum(values) / len(values)) for values in cells])
            result.append(target)
        return result

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "every RoI has the mask of its own object, gt_indices[p]": _targets(which=lambda p, index: 0),
    "gt_indices says which mask; RoI p does not have mask p": _targets(which=lambda p, index: p),
    "the RoI sees a part of the mask: the whole mask is not its target": _targets(
        roi_of=lambda roi, mask: _whole(mask)
    ),
    "the RoI is not rounded to whole pixels": _targets(
        roi_of=lambda roi, mask: [math.floor(side + 0.5) for side in roi]
    ),
    "the mask is read by bilinear interpolation, not at the nearest pixel": _targets(
        read=_nearest
    ),
    "the target is not rounded to 0 and 1": _targets(rounded=lambda value: float(value >= 0.5)),
    "positions are counted as torchvision does: nothing is moved by half a pixel": _targets(
        offset=0.5
    ),
    "a sample stands in the middle of its part of the bin, not at its beginning": _targets(
        middle=0
    ),
    "a bin larger than a pixel has more than one sample": _targets(samples=lambda size: 1),
    "x and y are exchanged: a RoI is x first, a mask is indexed y first": _targets(swap=True),
}
