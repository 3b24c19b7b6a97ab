"""Worked examples of NMS: boxes, scores, threshold -> kept indices, best first."""

from edudet.cases.case import Case

DECK = [
    [0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [6, 0, 16, 10], [31, 0, 41, 10],
]  # A, B, C, D, E; the lecture's F falls to the score threshold before NMS

CASES = [
    Case("none", ([], [], 0.5), []),
    Case("one", ([[0, 0, 4, 4]], [0.5], 0.5), [0]),
    Case("two apart", ([[0, 0, 4, 4], [8, 0, 12, 4]], [0.25, 0.5], 0.5), [1, 0], "best first"),
    Case("duplicate", ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.25, 0.5], 0.5), [1]),
    Case("equal scores", ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.5, 0.5], 0.5), [0], "lower index wins"),
    Case(
        "by hand", (DECK, [0.875, 0.75, 0.625, 0.5, 0.375], 0.5), [0, 2, 3],
        "A drops B (9/11), not D (4/16); C drops E (9/11)",
    ),
    Case(
        "a dropped box suppresses nobody",
        ([[0, 0, 8, 8], [0, 2, 8, 10], [0, 4, 8, 12]], [0.75, 0.5, 0.25], 0.5), [0, 2],
        "IoU of neighbours 48/80, of the outer two 32/96",
    ),
    Case(
        "exactly on the threshold", ([[0, 0, 4, 4], [0, 0, 4, 2]], [0.75, 0.5], 0.5), [0, 1],
        "IoU is 1/2, and only more than 1/2 is dropped",
    ),
    Case(
        "just above", ([[0, 0, 4, 4], [0, 0, 4, 3]], [0.75, 0.5], 0.5), [0], "IoU is 3/4",
    ),
    Case("threshold 1", ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.75, 0.5], 1.0), [0, 1]),
    Case(
        "threshold 0", ([[0, 0, 4, 4], [3, 3, 8, 8], [4, 0, 8, 3]], [0.75, 0.5, 0.25], 0.0),
        [0, 2], "any overlap is dropped; touching is none",
    ),
    Case(
        "inside a larger one", ([[0, 0, 8, 8], [2, 2, 4, 4]], [0.75, 0.5], 0.5), [0, 1],
        "IoU is 4/64, though all of the small box is covered",
    ),
    Case("empty boxes", ([[1, 1, 1, 1], [1, 1, 1, 1]], [0.75, 0.5], 0.5), [0, 1], "0/0 is 0"),
    Case(
        "negative scores", ([[0, 0, 4, 4], [0, 0, 4, 4], [8, 8, 9, 9]], [-3.0, -2.0, -4.0], 0.5),
        [1, 2],
    ),
    Case(
        "negative corner",
        ([[-8, -8, -4, -4], [-8, -8, -4, -4], [4, 4, 8, 8]], [0.5, 0.75, 0.25], 0.5), [1, 2],
    ),
    Case(
        "tall and wide", ([[0, 0, 2, 8], [0, 0, 8, 2], [0, 0, 2, 6]], [0.75, 0.5, 0.25], 0.5),
        [0, 1], "only the two tall ones overlap",
    ),
]

# boxes, scores, classes, threshold
CASES_OF_CLASSES = [
    Case("two classes", ([[0, 0, 4, 4]] * 3, [0.25, 0.5, 0.75], [1, 2, 1], 0.5), [2, 1]),
    Case(
        "far below zero",
        ([[-100, -100, -96, -96], [0, 0, 4, 4], [0, 0, 4, 4]], [0.5, 0.75, 0.25], [0, 1, 1], 0.5),
        [1, 0], "shifting each class by the largest coordinate mixes classes here",
    ),
    Case(
        "huge class ids",
        ([[0, 0, 4, 4]] * 4, [0.5, 0.75, 0.25, 1.0], [2**62, -(2**62), 2**62, 2**62 + 1], 0.5),
        [3, 1, 0], "neighbouring ids stay apart: nothing is rounded",
    ),
]


def _iou(a, b, plus=0):
    width = min(a[2], b[2]) - max(a[0], b[0]) + plus
    height = min(a[3], b[3]) - max(a[1], b[1]) + plus
    inter = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0] + plus) * (box[3] - box[1] + plus) for box in (a, b)]
    union = sum(areas) - inter
    return inter / union if union else 0.0


def _greedy(boxes, scores, threshold, drops=None, order=None):
    """NMS with one part exchanged: `drops(a, b, threshold)`, or the order of the boxes."""
    drops = drops or (lambda a, b, t: _iou(a, b) > t)
    order = order or sorted(range(len(boxes)), key=lambda i: -scores[i])
    keep: list[int] = []
    for i in order:
        if not any(drops(boxes[k], boxes[i], threshold) for k in keep):
            keep.append(i)
    return keep


def _dropped_ones_suppress(boxes, scores, threshold):
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    return [
        i for place, i in enumerate(order)
        if not any(_iou(boxes[k], boxes[i]) > threshold for k in order[:place])
    ]


def _over_smaller(a, b, threshold):
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0) > threshold * min(areas)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "every index is returned": lambda b, s, t: sorted(range(len(b)), key=lambda i: -s[i]),
    "drops at IoU >= threshold; only more than the threshold is dropped": lambda b, s, t: _greedy(
        b, s, t, lambda p, q, t: _iou(p, q) >= t
    ),
    "a box that was dropped still suppresses others": _dropped_ones_suppress,
    "sorted by increasing score": lambda b, s, t: _greedy(
        b, s, t, order=sorted(range(len(b)), key=lambda i: s[i])
    ),
    "not sorted by score at all": lambda b, s, t: _greedy(b, s, t, order=list(range(len(b)))),
    "kept indices are returned by index, not best first": lambda b, s, t: sorted(_greedy(b, s, t)),
    "of equal scores the higher index wins": lambda b, s, t: _greedy(
        b, s, t, order=sorted(range(len(b)), key=lambda i: (-s[i], -i))
    ),
    "width is x2 - x1 + 1; here it is x2 - x1": lambda b, s, t: _greedy(
        b, s, t, lambda p, q, t: _iou(p, q, 1) > t
    ),
    "overlap divided by the smaller area, not by the union": lambda b, s, t: _greedy(
        b, s, t, _over_smaller
    ),
}
