"""Worked examples of pull and push: embeddings of the corners of each object -> one number."""

from edudet.cases.case import Case

# top-left, bottom-right -> pull
CASES = [
    Case("alike", ([1.0, 5.0], [1.0, 5.0]), 0.0),
    Case("two apart", ([1.0], [3.0]), 2.0, "1^2 + 1^2, each from the middle"),
    Case("mean over objects", ([1.0, 0.0], [3.0, 0.0]), 1.0),
    Case("order does not matter", ([3.0], [1.0]), 2.0),
    Case("half apart", ([0.0], [0.5]), 0.125),
    Case("no objects", ([], []), 0.0),
]

# top-left, bottom-right, margin -> push
CASES_OF_PUSH = [
    Case("far apart", ([0.0, 5.0], [0.0, 5.0], 1.0), 0.0),
    Case("alike", ([2.0, 2.0], [2.0, 2.0], 1.0), 1.0, "both orders of the pair cost 1, over 2"),
    Case("half the margin", ([0.0, 0.5], [0.0, 0.5], 1.0), 0.5),
    Case("from the middles", ([0.0, 0.0], [1.0, 2.0], 1.0), 0.5, "|1/2 - 1|, not |0 - 0|"),
    Case("margin 2", ([0.0, 0.5], [0.0, 0.5], 2.0), 1.5),
    Case("three objects", ([0.0, 0.5, 8.0], [0.0, 0.5, 8.0], 1.0), 1 / 6, "2 * 1/2 over 3 * 2"),
    Case("exactly the margin", ([0.0, 1.0], [0.0, 1.0], 1.0), 0.0),
    Case("one object", ([3.0], [4.0], 1.0), 0.0, "0/0 is 0: no pair"),
    Case("no objects", ([], [], 1.0), 0.0),
]


def _mean(values, count=None):
    return sum(values) / count if count else (sum(values) / len(values) if values else 0.0)


def _pull(formula):
    return lambda top, bottom: _mean([formula(t, b) for t, b in zip(top, bottom, strict=True)])


def _push(cost, pairs=lambda i, j: i != j, count=lambda n: n * (n - 1), middle=None):
    def solve(top, bottom, margin):
        centres = [
            middle(t, b) if middle else (t + b) / 2 for t, b in zip(top, bottom, strict=True)
        ]
        n = range(len(centres))
        costs = [cost(abs(centres[i] - centres[j]), margin) for i in n for j in n if pairs(i, j)]
        return _mean(costs, count(len(centres)))

    return solve


def _hinge(distance, margin):
    return max(0, margin - distance)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the distance of the corners: each is measured from their middle": _pull(
        lambda t, b: (t - b) ** 2
    ),
    "only one of the two corners is counted": _pull(lambda t, b: ((t - b) / 2) ** 2),
    "the distance is not squared": _pull(lambda t, b: abs(t - b)),
    "the sum over objects, not the mean": lambda top, bottom: sum(
        (t - b) ** 2 / 2 for t, b in zip(top, bottom, strict=True)
    ),
}
MISTAKES_OF_PUSH = {
    "an object is pushed away from itself": _push(_hinge, lambda i, j: True),
    "divided by N^2; there are N (N - 1) pairs": _push(_hinge, count=lambda n: n * n),
    "each pair is counted once, but divided by N (N - 1)": _push(_hinge, lambda i, j: i < j),
    "the hinge is missing: far pairs cost less than nothing": _push(lambda d, m: m - d),
    "far pairs cost, near ones do not": _push(lambda d, m: max(0, d - m)),
    "the margin is always 1": _push(lambda d, m: max(0, 1 - d)),
    "the top-left corners are compared, not the middles": _push(_hinge, middle=lambda t, b: t),
}
