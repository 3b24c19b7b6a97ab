"""Worked examples of matching and walking: one class, one image, one threshold (1/2).

overlaps (a row for each detection, best score first), whether each object is ignored, whether it is
a crowd -> best precision at recall 0 and at recall 1, recall at the end."""

from edudet.cases.case import Case

NO, YES = False, True

CASES = [
    Case("one", ([[0.75]], [NO], [NO]), (1, 1, 1)),
    Case("exactly the threshold", ([[0.5]], [NO], [NO]), (1, 1, 1), "is enough"),
    Case("too little", ([[0.25]], [NO], [NO]), (0, 0, 0)),
    Case("no detection", ([], [NO], [NO]), (0, 0, 0)),
    Case("nothing to find", ([[0.75]], [YES], [NO]), (-1, -1, -1)),
    Case("the second is wrong", ([[0.75], [0.875]], [NO], [NO]), (1, 1, 1)),
    Case(
        "a wrong one first", ([[0.25, 0.0], [0.75, 0.0], [0.0, 0.75]], [NO, NO], [NO, NO]),
        (2 / 3, 2 / 3, 1), "precision 0, 1/2, 2/3, smoothed",
    ),
    Case(
        "half is missed", ([[0.75, 0.0]], [NO, NO], [NO, NO]), (1, 0, 1 / 2),
        "a recall that is not reached has a precision of 0",
    ),
    Case(
        "the best free object", ([[0.875, 0.75], [0.75, 0.5]], [NO, NO], [NO, NO]), (1, 1, 1),
        "the second takes what is left",
    ),
    Case(
        "equally good", ([[0.75, 0.75], [0.75, 0.25]], [NO, NO], [NO, NO]), (1, 1, 1),
        "the first takes the later object, so that the second finds one, too",
    ),
    Case(
        "on something to ignore", ([[0.75, 0.0], [0.0, 0.75]], [YES, NO], [NO, NO]), (1, 1, 1),
        "neither right nor wrong",
    ),
    Case(
        "an object first", ([[0.5, 0.875]], [NO, YES], [NO, NO]), (1, 1, 1),
        "what is to be ignored comes last, however well it fits",
    ),
    Case(
        "two on something to ignore",
        ([[0.75, 0.0], [0.75, 0.0], [0.0, 0.75]], [YES, NO], [NO, NO]), (1 / 2, 1 / 2, 1),
        "the second on it is wrong",
    ),
    Case(
        "two in a crowd", ([[0.75, 0.0], [0.75, 0.0], [0.0, 0.75]], [YES, NO], [YES, NO]),
        (1, 1, 1), "a crowd has room for all",
    ),
]


def _evaluate(overlaps, ignore, crowd, *, above=False, first=False, own_best=False, once=True,
              last=True, smooth=True, room=True, ignored_wrong=False):
    taken, answers = set(), []
    for row in overlaps:
        fits = [
            (ignore[j] if last else False, -row[j], j if first else -j, j)
            for j in range(len(row))
            if (row[j] > 0.5 if above else row[j] >= 0.5) and (own_best or j not in taken)
        ]
        best = min(fits)[3] if fits else None
        if best in taken:
            best = None
        if best is not None and once and not (crowd[best] and room):
            taken.add(best)
        if best is None or not ignore[best] or ignored_wrong:
            answers.append(best is not None and not ignore[best])
    wanted = ignore.count(False)
    if not wanted:
        return -1, -1, -1
    right = [sum(answers[: i + 1]) for i in range(len(answers))]
    curve = [(r / wanted, r / (i + 1)) for i, r in enumerate(right)]

    def at(level):
        reached = [p for r, p in curve if r >= level]
        return (max(reached) if smooth else reached[0]) if reached else 0

    return at(0), at(1), curve[-1][0] if curve else 0


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "an overlap of exactly the threshold is enough": lambda *args: _evaluate(*args, above=True),
    "of equally good objects the later one is taken": lambda *args: _evaluate(*args, first=True),
    "a detection whose best object is taken looks for the best free one": lambda *args: _evaluate(
        *args, own_best=True
    ),
    "an object is found more than once": lambda *args: _evaluate(*args, once=False),
    "objects to ignore come last": lambda *args: _evaluate(*args, last=False),
    "precision is smoothed": lambda *args: _evaluate(*args, smooth=False),
    "a crowd has room for many": lambda *args: _evaluate(*args, room=False),
    "a detection on something to ignore is not wrong": lambda *args: _evaluate(
        *args, ignored_wrong=True
    ),
}
