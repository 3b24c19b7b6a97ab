"""Worked examples of the curve: labels, scores, number of positives (or None)
-> precision, recall, thresholds, smoothed precision."""

from edudet.cases.case import Case

SIX = [0.875, 0.5, 0.125, -0.125, -0.375, -0.625]  # the lecture's .9 .5 .1 -.1 -.4 -.6
ENDS = [2 / 5, 2 / 6]  # precision of the last two of six if two are right

CASES = [
    Case(
        "right at ranks 1 and 4", ([1, 0, 0, 1, 0, 0], SIX, None),
        (
            [1, 1 / 2, 1 / 3, 1 / 2, *ENDS], [0.5, 0.5, 0.5, 1, 1, 1], SIX,
            [1, 1 / 2, 1 / 2, 1 / 2, *ENDS],
        ),
    ),
    Case(
        "right at ranks 2 and 4", ([0, 1, 0, 1, 0, 0], SIX, None),
        (
            [0, 1 / 2, 1 / 3, 1 / 2, *ENDS], [0, 0.5, 0.5, 1, 1, 1], SIX,
            [1 / 2, 1 / 2, 1 / 2, 1 / 2, *ENDS],
        ),
        "the best first answer is wrong: precision starts at 0, and only smoothing lifts it",
    ),
    Case(
        "the best lies two points further right", ([0, 0, 1, 1], [0.5, 0.375, 0.25, 0.125], None),
        ([0, 0, 1 / 3, 1 / 2], [0, 0, 0.5, 1], [0.5, 0.375, 0.25, 0.125], [1 / 2] * 4),
    ),
    Case(
        "three of four found", ([1, 1, 1], [0.75, 0.5, 0.25], 4),
        ([1, 1, 1], [0.25, 0.5, 0.75], [0.75, 0.5, 0.25], [1, 1, 1]),
        "no threshold reaches a recall of 1",
    ),
    Case(
        "equal scores", ([1, 0, 1], [0.5, 0.75, 0.5], None),
        ([0, 2 / 3], [0, 1], [0.75, 0.5], [2 / 3, 2 / 3]),
        "no threshold lies between them: one point for both",
    ),
    Case(
        "not sorted", ([0, 1], [0.25, 0.75], None), ([1, 1 / 2], [1, 1], [0.75, 0.25], [1, 1 / 2])
    ),
    Case(
        "nothing to find", ([0], [0.5], None), ([0], [1], [0.5], [0]), "recall 0/0 is 1",
    ),
    Case("no answers", ([], [], 3), ([], [], [], [])),
]


def _curve(labels, scores, positives, *, ties=False, order=-1, smooth="right", answered=False,
           empty=1.0):
    positives = sum(labels) if positives is None or answered else positives
    places = sorted(range(len(scores)), key=lambda i: order * scores[i])
    points = []
    tp = 0
    for rank, i in enumerate(places, 1):
        tp += labels[i]
        if ties or rank == len(places) or scores[places[rank]] != scores[i]:
            points.append((tp / rank, tp / positives if positives else empty, scores[i]))
    precision, recall, thresholds = ([p[k] for p in points] for k in range(3))
    n = len(precision)
    smoothed = {
        "right": [max(precision[i:]) for i in range(n)],
        "left": [max(precision[: i + 1]) for i in range(n)],
        "none": precision,
        "next": [max(precision[i : i + 2]) for i in range(n)],
    }[smooth]
    return precision, recall, thresholds, smoothed


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "smoothed with the best to the left; later points may be chosen, not earlier ones": (
        lambda *args: _curve(*args, smooth="left")
    ),
    "not smoothed": lambda *args: _curve(*args, smooth="none"),
    "smoothed with the next point only": lambda *args: _curve(*args, smooth="next"),
    "the worst score comes first": lambda *args: _curve(*args, order=1),
    "not sorted by score": lambda *args: _curve(*args, order=0),
    "equal scores are told apart, as no threshold can": lambda *args: _curve(*args, ties=True),
    "recall counts only what was answered, not what was missed": lambda *args: _curve(
        *args, answered=True
    ),
    "recall 0/0 is 1 here": lambda *args: _curve(*args, empty=0.0),
}
