"""Worked examples of the multi-task loss: class loss S, box loss R, alpha -> one number."""

import math

from edudet.cases.case import Case

CASES = [
    Case("by hand", (2.0, 6.0, 0.25), 5.0, "1/4 * 2 + 3/4 * 6"),
    Case("half and half", (2.0, 6.0, 0.5), 4.0),
    Case("classes alone", (2.0, 6.0, 1.0), 2.0),
    Case("boxes alone", (2.0, 6.0, 0.0), 6.0),
    Case("a smaller loss is no better network", (2.0, 6.0, 0.75), 3.0,
         "the same S and R as by hand: alpha changes what is measured"),
    Case("weight 0 of infinity", (2.0, math.inf, 1.0), 2.0, "0 * infinity would be NaN"),
]

# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "alpha and 1 - alpha are exchanged": lambda s, r, alpha: (1 - alpha) * s + alpha * r,
    "the second weight is missing: alpha S + R": lambda s, r, alpha: alpha * s + r,
    "S + alpha R: the two weights add up to 1 here": lambda s, r, alpha: s + alpha * r,
    "the mean of both; alpha is ignored": lambda s, r, alpha: (s + r) / 2,
    "a weight of 0 times infinity is NaN": lambda s, r, alpha: alpha * s + (1 - alpha) * r,
}
