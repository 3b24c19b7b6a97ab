"""Worked examples of masked smooth L1: prediction, target, mask, reduction -> loss."""

import math

from edudet.cases.case import Case

NAN = math.nan  # where the lecture's target has a dash: nothing is defined there

# Three anchors of five numbers (object, dx, dy, dh, dw): the first on an object, two on background.
TARGET = [1, 0.5, -0.5, 0, 0] + [0, NAN, NAN, NAN, NAN] * 2
MASK = [1, 1, 1, 1, 1] + [1, 0, 0, 0, 0] * 2

CASES = [
    Case("three anchors", ([0.0] * 15, TARGET, MASK, "sum"), 0.75, "1/2 + 1/8 + 1/8; 7 entries"),
    Case("the dashes are free", ([0.0] * 6 + [9.0] * 4 + [0.0] * 5, TARGET, MASK, "sum"), 0.75),
    Case("false alarm", ([0.0] * 5 + [2.0] + [0.0] * 9, TARGET, MASK, "sum"), 2.25,
         "objectness counts on background: 3/4 + 3/2"),
    Case("mean over what counts", ([0.0] * 15, TARGET, MASK, "mean"), 0.75 / 7, "over 7, not 15"),
    Case("each", ([0.0, 0.0, 3.0], [1.0, NAN, 0.0], [1, 0, 1], "none"), [0.5, 0.0, 2.5]),
    Case("an infinite prediction", ([math.inf, 0.0], [0.0, 1.0], [0, 1], "sum"), 0.5),
    Case("weights", ([0.0, 0.0], [1.0, 1.0], [2.0, 0.5], "sum"), 1.25),
    Case("weights, mean", ([0.0, 0.0], [1.0, 3.0], [3.0, 1.0], "mean"), 1.0, "(3/2 + 5/2) / 4"),
    Case("nothing counts", ([1.0, 2.0], [NAN, NAN], [0, 0], "sum"), 0.0),
    Case("nothing counts, mean", ([1.0, 2.0], [NAN, NAN], [0, 0], "mean"), 0.0, "0/0 is 0"),
    Case("no entries", ([], [], [], "sum"), 0.0),
]


def _smooth_l1(a, b):
    return (a - b) ** 2 / 2 if abs(a - b) < 1 else abs(a - b) - 0.5


def _masked(input, target, mask, reduction, *, counts=lambda m: m != 0, weight=lambda m: m,
            count=sum):
    losses = [
        weight(m) * _smooth_l1(a, b) if counts(m) else 0.0
        for a, b, m in zip(input, target, mask, strict=True)
    ]
    if reduction == "none":
        return losses
    return sum(losses) / (count(mask) or 1) if reduction == "mean" else sum(losses)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "mask times loss: 0 * NaN is NaN": lambda *args: _masked(*args, counts=lambda m: True),
    "the mask is ignored": lambda *args: _masked(
        *args, counts=lambda m: True, weight=lambda m: 1
    ),
    "target and mask are exchanged": lambda input, target, mask, reduction: _masked(
        input, mask, target, reduction
    ),
    "the mask is turned around: 1 means that it counts": lambda *args: _masked(
        *args, counts=lambda m: m == 0, weight=lambda m: 1
    ),
    "the mean is over all entries, not over those that count": lambda *args: _masked(
        *args, count=len
    ),
    "the mask is 0 or 1; its weights are lost": lambda *args: _masked(*args, weight=lambda m: 1),
    "undefined targets are read as 0, and count": lambda input, target, mask, reduction: _masked(
        input, [0.0 if b != b else b for b in target], [m or 1 for m in mask], reduction
    ),
    "targets of 0 are left out: background must be learnt, too": lambda *args: _masked(
        args[0], args[1], [m * (b != 0) for m, b in zip(args[2], args[1], strict=True)], args[3]
    ),
}
