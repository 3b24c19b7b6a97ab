"""Worked examples of smooth L1: input, target, beta -> the loss of every element."""

import math

from edudet.cases.case import Case

CASES = [
    Case("they agree", ([3.0], [3.0], 1.0), [0.0]),
    Case("near: half the square", ([0.5], [0.0], 1.0), [0.125]),
    Case("far: a line", ([3.0], [0.0], 1.0), [2.5]),
    Case("at the seam", ([1.0], [0.0], 1.0), [0.5], "1/2 from both sides"),
    Case("both signs", ([-3.0, 0.0], [0.0, 0.5], 1.0), [2.5, 0.125]),
    Case("wide parabola", ([1.0, 4.0], [0.0, 0.0], 2.0), [0.25, 3.0], "1/(2*2); 4 - 1"),
    Case("narrow parabola", ([0.125, 1.0], [0.0, 0.0], 0.25), [0.03125, 0.875],
         "(1/64)/(1/2); 1 - 1/8"),
    Case("beta 0 is L1", ([0.0, -3.0], [0.0, 1.0], 0.0), [0.0, 4.0]),
    Case("nothing", ([], [], 1.0), []),
]

# input, target, beta -> gradient of the sum by the input
GRADIENTS = [
    Case("near", ([0.5], [0.0], 1.0), [0.5]),
    Case("far: never above 1", ([100.0, -7.0], [0.0, 0.0], 1.0), [1.0, -1.0]),
    Case("wide", ([1.0], [0.0], 2.0), [0.5]),
    Case("no kink at the seam", ([1.0], [0.0], 1.0), [1.0]),
    Case("they agree", ([3.0], [3.0], 1.0), [0.0]),
    Case("they agree, L1", ([3.0], [3.0], 0.0), [0.0], "of all slopes from -1 to 1: 0"),
]


def _each(formula):
    return lambda input, target, beta: [
        formula(abs(a - b), beta) for a, b in zip(input, target, strict=True)
    ]


def _half_square(d, beta):
    return d * d / (2 * beta) if beta else math.inf


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the square is not halved": _each(lambda d, b: d * d / b if d < b else d - b / 2),
    "the line is not lowered by beta / 2: the pieces do not meet": _each(
        lambda d, b: _half_square(d, b) if d < b else d
    ),
    "beta is ignored": _each(lambda d, b: d * d / 2 if d < 1 else d - 0.5),
    "the parabola is not divided by beta": _each(lambda d, b: d * d / 2 if d < b else d - b / 2),
    "that is Huber's loss, beta times as large": _each(
        lambda d, b: d * d / 2 if d < b else b * (d - b / 2)
    ),
    "plain L1": _each(lambda d, b: d),
    "plain L2": _each(lambda d, b: d * d / 2),
    "the absolute value is missing": lambda input, target, beta: [
        _half_square(a - b, beta) if abs(a - b) < beta else a - b - beta / 2
        for a, b in zip(input, target, strict=True)
    ],
}
