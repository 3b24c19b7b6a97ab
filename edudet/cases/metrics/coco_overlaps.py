"""Worked examples of overlaps: object and detection -> how well they fit.

BOXES: object, detection, whether the object is a crowd. Boxes are (x, y, width, height).
KEYPOINTS: truth, found (x, y, visibility each), area and box of the object, sigmas."""

import math

from edudet.cases.case import Case

BOXES = [
    Case("one third", ([2, 0, 4, 4], [0, 0, 4, 4], False), 8 / 24),
    Case("equal", ([2, 2, 4, 4], [2, 2, 4, 4], False), 1.0),
    Case("apart", ([8, 8, 4, 4], [0, 0, 4, 4], False), 0.0),
    Case("touching", ([4, 0, 4, 4], [0, 0, 4, 4], False), 0.0),
    Case("in a crowd", ([0, 0, 8, 8], [2, 2, 2, 2], True), 1.0, "all of the detection is covered"),
    Case("in an object", ([0, 0, 8, 8], [2, 2, 2, 2], False), 4 / 64),
    Case("around a crowd", ([2, 2, 2, 2], [0, 0, 8, 8], True), 4 / 64),
    Case("empty boxes", ([2, 2, 0, 0], [2, 2, 0, 0], False), 0.0, "0/0 is 0"),
    Case("an empty box in a crowd", ([0, 0, 8, 8], [2, 2, 0, 4], True), 0.0),
]

BOX = [0, 0, 8, 4]
KEYPOINTS = [
    Case("exactly", ([[3, 1, 2]], [[3, 1, 1]], 32, BOX, [0.25]), 1.0),
    Case(
        "one sigma", ([[3, 1, 2]], [[5, 1, 1]], 32, BOX, [0.25]), math.exp(-1 / 4),
        "4 / (2 * 32 * (2 * .25)^2)",
    ),
    Case(
        "a finer keypoint", ([[3, 1, 2]], [[5, 1, 1]], 32, BOX, [0.125]), math.exp(-1),
    ),
    Case(
        "a smaller object", ([[3, 1, 2]], [[5, 1, 1]], 8, BOX, [0.25]), math.exp(-1),
    ),
    Case(
        "the mean of two", ([[3, 1, 2], [6, 2, 1]], [[5, 1, 1], [6, 2, 1]], 32, BOX, [0.25, 0.125]),
        (math.exp(-1 / 4) + 1) / 2, "hidden (1) counts as visible (2)",
    ),
    Case(
        "only one is labelled",
        ([[3, 1, 2], [0, 0, 0]], [[3, 1, 1], [90, 90, 1]], 32, BOX, [0.25, 0.25]), 1.0,
        "visibility 0: nobody knows where it is",
    ),
    Case(
        "none is labelled", ([[0, 0, 0]], [[-10, 2, 1]], 32, BOX, [0.25]), math.exp(-4 / 16),
        "the box, doubled, is [-8, 16]: two pixels beside it",
    ),
    Case("none is labelled, inside", ([[0, 0, 0]], [[12, 7, 1]], 32, BOX, [0.25]), 1.0),
]


def _iou(a, b, crowd, *, use_crowd=True, corners=False, over_crowd=False):
    ends = [(box[2], box[3]) if corners else (box[0] + box[2], box[1] + box[3]) for box in (a, b)]
    width = min(ends[0][0], ends[1][0]) - max(a[0], b[0])
    height = min(ends[0][1], ends[1][1]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    areas = [box[2] * box[3] for box in (a, b)]
    union = sum(areas) - inter
    if crowd and use_crowd:
        union = areas[0 if over_crowd else 1]
    return inter / union if union else 0.0


def _oks(truth, found, area, box, sigmas, *, double=True, power=1, all_count=False,
         hidden=True, doubled_box=True, half=2.0):
    total, count = 0.0, 0
    labelled = any(t[2] > 0 for t in truth)
    for t, f, sigma in zip(truth, found, sigmas, strict=True):
        if labelled:
            if t[2] <= (0 if hidden else 1) and not all_count:
                continue
            dx, dy = f[0] - t[0], f[1] - t[1]
        else:
            more = box[2:] if doubled_box else (0, 0)
            dx, dy = (
                max(box[k] - more[k] - f[k], 0, f[k] - box[k] - box[k + 2] - more[k])
                for k in (0, 1)
            )
        width = (2 * sigma if double else sigma) ** 2
        total += math.exp(-(dx * dx + dy * dy) / (half * area**power * width))
        count += 1
    return total / count


# Plausible errors and the hint each deserves. A test proves that the cases catch them all.
MISTAKES_OF_BOXES = {
    "a crowd is compared by IoU": lambda *args: _iou(*args, use_crowd=False),
    "the overlap with a crowd is a part of the detection, not of the crowd": lambda *args: _iou(
        *args, over_crowd=True
    ),
    "boxes are (x, y, width, height), not two corners": lambda *args: _iou(*args, corners=True),
}
MISTAKES_OF_KEYPOINTS = {
    "sigma is doubled: (2 * sigma)^2": lambda *args: _oks(*args, double=False),
    "the area is not squared": lambda *args: _oks(*args, power=2),
    "the error is divided by 2 as well": lambda *args: _oks(*args, half=1.0),
    "keypoints that nobody labelled count": lambda *args: _oks(*args, all_count=True),
    "a hidden keypoint (visibility 1) counts, too": lambda *args: _oks(*args, hidden=False),
    "without keypoints, the box is doubled first": lambda *args: _oks(*args, doubled_box=False),
}
