"""Worked examples of the heatmap focal loss: logits, targets, alpha, beta, reduction -> loss."""

import math

from edudet.cases.case import Case

NINE_TENTHS = 2.1972246170043945  # log 9: its sigmoid is .9

CASES = [
    Case("a sure peak", ([NINE_TENTHS], [1.0], 2, 4, "none"), [0.00105361], ".1^2 * .105361"),
    Case("a missed peak", ([-NINE_TENTHS], [1.0], 2, 4, "none"), [1.865094]),
    Case("background", ([-NINE_TENTHS], [0.0], 2, 4, "none"), [0.00105361]),
    Case("near a peak", ([NINE_TENTHS], [0.5], 2, 4, "none"), [0.11656838],
         "1.865094 / 16: (1 - 1/2)^4 forgives"),
    Case("beta 2 forgives less", ([NINE_TENTHS], [0.5], 2, 2, "none"), [0.4662735]),
    Case("beta 0 forgives nothing", ([NINE_TENTHS], [0.5], 2, 0, "none"), [1.865094]),
    Case("alpha 0", ([0.0, 0.0], [1.0, 0.0], 0, 4, "none"), [0.6931472, 0.6931472]),
    Case("over the peaks", ([0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], 2, 4, "positives"),
         0.3465736, "4 log(2) / 4, over 2 peaks"),
    Case("a bump", ([0.0, 0.0, 0.0], [0.5, 1.0, 0.5], 2, 0, "positives"), 0.5198604,
         "3 log(2) / 4, over the one peak, not over .5 + 1 + .5"),
    Case("no peak", ([0.0, 0.0], [0.0, 0.0], 2, 4, "positives"), 0.3465736, "over 1, not over 0"),
    Case("mean", ([0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], 2, 4, "mean"), 0.1732868),
    Case("sum", ([0.0, 0.0], [0.0, 0.0], 2, 4, "sum"), 0.3465736),
    Case("very wrong", ([-1e4, 1e4], [1.0, 0.0], 2, 4, "none"), [1e4, 1e4]),
    Case("nothing", ([], [], 2, 4, "positives"), 0.0),
]


def _log1p_exp(z):
    return max(z, 0) + math.log1p(math.exp(-abs(z)))


def _sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z > -500 else 0.0


def _reduced(losses, targets, reduction, count=None):
    if reduction == "none":
        return losses
    if reduction == "sum" or not losses:
        return sum(losses)
    positives = count or (lambda targets: max(sum(y == 1 for y in targets), 1))
    return sum(losses) / (len(losses) if reduction == "mean" else positives(targets))


def _solution(forgiven=None, peak=lambda y: y == 1, count=None, exchanged=False):
    forgiven = forgiven or (lambda y, beta: (1 - y) ** beta)

    def solve(inputs, targets, alpha, beta, reduction):
        if exchanged:
            alpha, beta = beta, alpha
        losses = [
            _sigmoid(-z) ** alpha * _log1p_exp(-z)
            if peak(y)
            else forgiven(y, beta) * _sigmoid(z) ** alpha * _log1p_exp(z)
            for z, y in zip(inputs, targets, strict=True)
        ]
        return _reduced(losses, targets, reduction, count)

    return solve


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "nothing is forgiven near a peak": _solution(lambda y, beta: 1),
    "y^beta is 0 for the background; (1 - y)^beta is meant": _solution(lambda y, beta: y**beta),
    "every y above 0 is taken for a peak": _solution(peak=lambda y: y > 0),
    "divided by all cells; N is the number of peaks": _solution(count=len),
    "divided by the sum of the heatmap; N is the number of peaks": _solution(
        count=lambda targets: sum(targets) or 1
    ),
    "alpha and beta are exchanged": _solution(exchanged=True),
    "without a peak the background is dropped; it is divided by 1 there": _solution(
        count=lambda targets: sum(y == 1 for y in targets) or math.inf
    ),
}
