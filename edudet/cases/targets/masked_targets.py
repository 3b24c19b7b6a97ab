"""Worked examples of the masked targets: (labels, deltas) -> (Y, M), a row of five an anchor."""

import math

from edudet.cases.case import Case

NAN = math.nan
DELTAS = [0.25, -0.5, 0.125, 0.75]

CASES = [
    Case("none", ([], []), ([], [])),
    Case("one on the object, two off", ([1, 0, 0], [DELTAS, [0, 0, 0, 0], [0, 0, 0, 0]]),
         ([[1, *DELTAS], [0] * 5, [0] * 5], [[1] * 5, [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]),
         "15 entries, 7 of which count"),
    Case("what does not count may be anything", ([0, 1], [[NAN, 7, 7, NAN], DELTAS]),
         ([[0] * 5, [1, *DELTAS]], [[1, 0, 0, 0, 0], [1] * 5]), "NaN times 0 is NaN"),
    Case("ignored", ([-1, 1], [[NAN] * 4, DELTAS]), ([[0] * 5, [1, *DELTAS]], [[0] * 5, [1] * 5])),
    Case("a class as label", ([3], [DELTAS]), ([[1, *DELTAS]], [[1] * 5]), "an object, not a 3"),
]


def _rows(target, mask):
    return lambda labels, deltas: (
        [target(label, row) for label, row in zip(labels, deltas, strict=True)],
        [mask(label) for label in labels],
    )


def _target(label, row):
    return [1, *row] if label > 0 else [0] * 5


def _mask(label):
    return [int(label >= 0)] + [int(label > 0)] * 4


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "Y and M are exchanged, as on the slide": lambda *args: _rows(_target, _mask)(*args)[::-1],
    "everything counts": _rows(_target, lambda label: [1] * 5),
    "negatives do not count at all: nothing says 'no object'": _rows(
        _target, lambda label: [int(label > 0)] * 5
    ),
    "ignored anchors count as negative": _rows(_target, lambda label: [1] + [int(label > 0)] * 4),
    "deltas of background are kept: NaN times 0 is NaN": _rows(
        lambda label, row: [int(label > 0), *row], _mask
    ),
    "dh before dw: the slide has this order": _rows(
        lambda label, row: _target(label, [row[i] for i in (0, 1, 3, 2)]), _mask
    ),
    "the label itself is the target; it is 1 for every class": _rows(
        lambda label, row: [max(label, 0), *_target(label, row)[1:]], _mask
    ),
}
