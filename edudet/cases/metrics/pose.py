"""Worked examples of pose metrics: true joints, predictions, ... -> share or distance."""

import math

from edudet.cases.case import Case

INF, NAN = math.inf, math.nan

# true joints (N, K, 2), predictions, lengths (N,), fraction, visible (N, K) or None -> PCK
CASES = [
    Case("exact", ([[[3, 4]]], [[[3, 4]]], [10], 0.2, None), 1.0),
    Case("near enough", ([[[0, 0]]], [[[1, 1]]], [10], 0.2, None), 1.0, "1.41 of 2"),
    Case("too far", ([[[0, 0]]], [[[2, 1]]], [10], 0.2, None), 0.0, "2.24 of 2, though x is not"),
    Case("exactly as far", ([[[0, 0]]], [[[3, 4]]], [10], 0.5, None), 1.0, "5 of 5 is right"),
    Case("one of two", ([[[0, 0], [9, 0]]], [[[1, 0], [9, 8]]], [10], 0.2, None), 0.5),
    Case("to each his length", ([[[0, 0]], [[0, 0]]], [[[3, 0]], [[3, 0]]], [10, 20], 0.2, None),
         0.5, "3 of 2, 3 of 4"),
    Case("invisible", ([[[0, 0], [9, 0]]], [[[0, 0], [0, 0]]], [10], 0.2, [[2, 0]]), 1.0),
    Case("occluded counts", ([[[0, 0], [9, 0]]], [[[0, 0], [0, 0]]], [10], 0.2, [[2, 1]]), 0.5,
         "COCO's 1: labelled, though hidden"),
    Case("not found", ([[[0, 0], [9, 0]]], [[[0, 0], [NAN, NAN]]], [10], 0.2, None), 0.5,
         "leaving a joint out is no better than missing it"),
    Case("joints, not people", ([[[0, 0], [0, 0]], [[0, 0], [0, 0]]],
                                [[[0, 0], [9, 9]], [[9, 9], [9, 9]]], [1, 1], 0.2,
                                [[1, 1], [1, 0]]), 1 / 3, "not the mean of 1/2 and 0"),
    Case("a person without length", ([[[0, 0]], [[0, 0]]], [[[0, 0]], [[9, 9]]], [10, NAN], 0.2,
                                     None), 1.0),
    Case("fraction 0", ([[[0, 0], [1, 1]]], [[[0, 0], [1, 2]]], [10], 0.0, None), 0.5),
    Case("none visible", ([[[0, 0]]], [[[0, 0]]], [10], 0.2, [[0]]), NAN, "0/0"),
    Case("nobody", ([], [], [], 0.2, None), NAN, "0/0"),
]

# true joints, predictions, visible -> mean error
CASES_OF_MEAN_ERROR = [
    Case("exact", ([[[3, 4]]], [[[3, 4]]], None), 0.0),
    Case("3, 4, 5", ([[[0, 0]]], [[[3, 4]]], None), 5.0),
    Case("mean of distances", ([[[0, 0], [0, 0]]], [[[3, 4], [0, 1]]], None), 3.0,
         "not the root of the mean square, 3.6"),
    Case("invisible", ([[[0, 0], [0, 0]]], [[[3, 4], [0, 1]]], [[0, 1]]), 1.0),
    Case("not found", ([[[0, 0]]], [[[NAN, 0]]], None), INF),
    Case("none visible", ([[[0, 0]]], [[[0, 0]]], [[0]]), NAN),
]

# true joints, predictions, head boxes, fraction -> PCKh
CASES_OF_PCKH = [
    Case("within half a head", ([[[0, 0]]], [[[9, 0]]], [[0, 0, 18, 24]], 0.5), 1.0,
         "diagonal 30, length 18: 9 of 9"),
    Case("beyond", ([[[0, 0]]], [[[10, 0]]], [[0, 0, 18, 24]], 0.5), 0.0),
    Case("the whole head", ([[[0, 0]]], [[[10, 0]]], [[0, 0, 18, 24]], 1.0), 1.0),
]

# true joints (shoulder first, hip second), predictions, fraction, visible -> PDJ
CASES_OF_PDJ = [
    Case("a fifth of the torso", ([[[0, 0], [6, 8], [0, 0]]], [[[0, 0], [6, 8], [2, 0]]], 0.2,
                                  None), 1.0, "diameter 10"),
    Case("more", ([[[0, 0], [6, 8], [0, 0]]], [[[0, 0], [6, 8], [3, 0]]], 0.2, None), 2 / 3),
    Case("the true torso measures", ([[[0, 0], [6, 8], [0, 0]]], [[[0, 0], [60, 80], [3, 0]]], 0.2,
                                     None), 1 / 3),
    Case("no hip, no measure", ([[[0, 0], [6, 8]], [[0, 0], [6, 8]]],
                                [[[0, 0], [6, 8]], [[9, 9], [9, 9]]], 0.2, [[1, 1], [1, 0]]), 1.0),
]


def _euclid(p, q):
    return math.hypot(p[0] - q[0], p[1] - q[1])


def _share(truth, found, lengths, fraction, visible, *, distance=_euclid, seen=lambda v: v > 0,
           right=lambda d, limit: d <= limit, missing=0.0, mean=None):
    people = []
    for i, (joints, points) in enumerate(zip(truth, found, strict=True)):
        flags = visible[i] if visible else [2] * len(joints)
        people.append([
            missing if d != d else float(right(d, fraction * lengths[i]))
            for d, flag in zip(map(distance, joints, points), flags, strict=True)
            if seen(flag) and lengths[i] == lengths[i]
        ])
    mean = mean or (lambda people: _mean([x for person in people for x in person]))
    return mean(people)


def _mean(values):
    values = [x for x in values if x is not None]
    return sum(values) / len(values) if values else NAN


# Plausible errors in PCK and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "a joint exactly on the limit is right": lambda *args: _share(
        *args, right=lambda d, limit: d < limit
    ),
    "x alone is compared": lambda *args: _share(*args, distance=lambda p, q: abs(p[0] - q[0])),
    "the larger of dx and dy is no distance": lambda *args: _share(
        *args, distance=lambda p, q: max(abs(p[0] - q[0]), abs(p[1] - q[1]))
    ),
    "the distance is squared, the limit is not": lambda *args: _share(
        *args, distance=lambda p, q: _euclid(p, q) ** 2
    ),
    "invisible joints are counted": lambda *args: _share(*args, seen=lambda v: True),
    "only 2 counts as visible; 1 is labelled, too": lambda *args: _share(
        *args, seen=lambda v: v == 2
    ),
    "joints that were not found are left out": lambda *args: _share(*args, missing=None),
    "the mean of the people's means: joints are pooled": lambda *args: _share(
        *args, mean=lambda people: _mean([_mean(person) for person in people if person])
    ),
    "the fraction is ignored": lambda t, f, r, fraction, v: _share(t, f, r, 1, v),
    "everyone is measured by the first one's length": lambda t, f, lengths, fraction, v: _share(
        t, f, lengths[:1] * len(lengths), fraction, v
    ),
    "wrong joints are counted, not right ones": lambda *args: _share(
        *args, right=lambda d, limit: d > limit, missing=1.0
    ),
}
