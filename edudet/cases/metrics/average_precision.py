"""Worked examples of AP: recall, precision, points -> average precision."""

from edudet.cases.case import Case

# Curves of a ranking, written as in the lectures. Two right of six, at ranks ...
FIRST_AND_FOURTH = ([0.5, 0.5, 0.5, 1, 1, 1], [1, 1 / 2, 1 / 3, 1 / 2, 2 / 5, 1 / 3])
SECOND_AND_FOURTH = ([0, 0.5, 0.5, 1, 1, 1], [0, 1 / 2, 1 / 3, 1 / 2, 2 / 5, 1 / 3])
THIRD_AND_FOURTH = ([0, 0, 0.5, 1, 1, 1], [0, 0, 1 / 3, 1 / 2, 2 / 5, 1 / 3])
# Four objects, four detections, one of them wrong: the ...
FOURTH_WRONG = ([0.25, 0.5, 0.75, 0.75], [1, 1, 1, 3 / 4])
THIRD_WRONG = ([0.25, 0.5, 0.5, 0.75], [1, 1, 2 / 3, 3 / 4])
SECOND_WRONG = ([0.25, 0.25, 0.5, 0.75], [1, 1 / 2, 2 / 3, 3 / 4])

TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

CASES = [
    Case(f"{name}, {points} points", (*curve, points), expected)
    for name, curve, values in (
        ("right at 1 and 4", FIRST_AND_FOURTH, (3 / 4, 8.5 / 11, 76 / 101)),
        ("right at 2 and 4", SECOND_AND_FOURTH, (1 / 2, 1 / 2, 1 / 2)),
        ("right at 3 and 4", THIRD_AND_FOURTH, (1 / 2, 1 / 2, 1 / 2)),
        ("the 4th wrong", FOURTH_WRONG, (3 / 4, 8 / 11, 76 / 101)),
        ("the 3rd wrong", THIRD_WRONG, (11 / 16, 7.5 / 11, 69.75 / 101)),
        ("the 2nd wrong", SECOND_WRONG, (5 / 8, 6.75 / 11, 63.5 / 101)),
    )
    for points, expected in zip(("all", 11, 101), values, strict=True)
]
CASES += [
    Case(
        "a straight line", (TENTHS, TENTHS[::-1], 11), 5.4 / 11,
        ".9 .9 .8 .7 .6 .5 .4 .3 .2 .1 0: the sum needs its factor 1/11",
    ),
    Case("an oracle", ([0.5, 1], [1, 1], "all"), 1.0),
    Case("an oracle, 11 points", ([0.5, 1], [1, 1], 11), 1.0),
    Case("nothing found", ([0, 0], [0, 0], "all"), 0.0),
    Case("no detections", ([], [], "all"), 0.0),
    Case("no detections, 11 points", ([], [], 11), 0.0),
]


def _ap(recall, precision, points, *, divide=True, smooth=True, short=1e-6, strictly=False,
        from_zero=True, levels=None):
    n = len(recall)
    best = [max(precision[i:]) if smooth else precision[i] for i in range(n)]
    if points == "all":
        edges = [0.0, *recall] if from_zero else [*recall[:1], *recall]
        return sum((edges[i + 1] - edges[i]) * best[i] for i in range(n))
    levels = levels or [k / (points - 1) for k in range(points)]
    total = 0.0
    for level in levels:
        reached = [
            best[i] for i in range(n)
            if (recall[i] > level + short if strictly else recall[i] >= level - short)
        ]
        total += (max(reached) if smooth else reached[0]) if reached else 0.0
    return total / len(levels) if divide else total


def _products(points):
    """Levels as numpy's arange has them: 3 * .1 is a little more than .3."""
    return [k * (1 / (points - 1)) for k in range(points)]


def _trapezoid(recall, precision, points):
    if points != "all":
        return _ap(recall, precision, points)
    edges, heights = [0.0, *recall], [precision[0] if precision else 0.0, *precision]
    return sum(
        (edges[i + 1] - edges[i]) * (heights[i] + heights[i + 1]) / 2 for i in range(len(recall))
    )


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the sum over the levels lacks its factor 1/11": lambda *args: _ap(*args, divide=False),
    "the curve is not smoothed: at each recall the best precision further right counts": (
        lambda *args: _ap(*args, smooth=False)
    ),
    "levels are lost to rounding, as with arange(0, 1.1, .1)": lambda r, p, points: _ap(
        r, p, points, short=0.0, levels=None if points == "all" else _products(points)
    ),
    "a level that is reached exactly counts": lambda *args: _ap(*args, strictly=True),
    "the area begins at recall 0, not at the first point": lambda *args: _ap(
        *args, from_zero=False
    ),
    "trapezoids under the raw curve; the smoothed one is a staircase": _trapezoid,
    "always the whole area, whatever the points": lambda r, p, points: _ap(r, p, "all"),
    "10 levels in place of 11: recall 0 is one of them": lambda r, p, points: _ap(
        r, p, points,
        levels=None if points == "all" else [k / (points - 1) for k in range(1, points)],
    ),
}
