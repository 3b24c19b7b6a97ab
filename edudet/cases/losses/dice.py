"""Worked examples of the Dice loss: logits of masks, targets, eps -> one loss per mask."""

import math

from edudet.cases.case import Case

YES, NO = 200.0, -200.0  # their sigmoids are 1 and 0

CASES = [
    Case("found", ([[YES, YES, NO]], [[1.0, 1.0, 0.0]], 0.0), [0.0]),
    Case("missed", ([[NO, NO, YES]], [[1.0, 1.0, 0.0]], 0.0), [1.0]),
    Case("half of it", ([[YES, NO, NO]], [[1.0, 1.0, 0.0]], 0.0), [1 / 3], "1 - 2 / (1 + 2)"),
    Case("twice too large", ([[YES, YES, NO]], [[1.0, 0.0, 0.0]], 0.0), [1 / 3]),
    Case("background is free", ([[YES, NO] + [NO] * 6], [[1.0, 1.0] + [0.0] * 6], 0.0), [1 / 3],
         "as with one pixel of background"),
    Case("undecided", ([[0.0, 0.0]], [[1.0, 0.0]], 0.0), [0.5], "p = 1/2: 1 - 1 / (1 + 1)"),
    Case("eps 1", ([[YES, NO, NO]], [[1.0, 1.0, 0.0]], 1.0), [0.25], "1 - (2 + 1) / (3 + 1)"),
    Case("nothing to find", ([[NO, NO]], [[0.0, 0.0]], 1.0), [0.0]),
    Case("nothing, eps 0", ([[-math.inf] * 2], [[0.0, 0.0]], 0.0), [0.0], "0/0: all is found"),
    Case("one each", ([[YES, NO], [NO, YES]], [[1.0, 0.0], [1.0, 0.0]], 0.0), [0.0, 1.0],
         "per mask, not over all pixels"),
    Case("large and small", ([[YES, YES, YES], [NO, NO, NO]], [[1.0] * 3, [1.0, 0.0, 0.0]], 0.0),
         [0.0, 1.0]),
    Case("no masks", ([], [], 1.0), []),
]


def _sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z > -500 else 0.0


def _masks(formula, activation=_sigmoid):
    def solve(inputs, targets, eps):
        losses = []
        for mask, y in zip(inputs, targets, strict=True):
            p = [activation(z) for z in mask]
            both = sum(a * b for a, b in zip(p, y, strict=True))
            losses.append(formula(both, sum(p), sum(y), eps, p))
        return losses

    return solve


def _ratio(part, whole):
    return part / whole if whole else 1.0


def _all_pixels(inputs, targets, eps):
    flat = [[x for mask in masks for x in mask] for masks in (inputs, targets)]
    loss = _masks(lambda both, a, b, eps, p: 1 - _ratio(2 * both + eps, a + b + eps))
    return loss([flat[0]], [flat[1]], eps) * len(inputs)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the overlap is not doubled: a perfect mask scores 1/2": _masks(
        lambda both, a, b, eps, p: 1 - _ratio(both + eps, a + b + eps)
    ),
    "IoU, whose union counts the overlap once": _masks(
        lambda both, a, b, eps, p: 1 - _ratio(both + eps, a + b - both + eps)
    ),
    "Dice itself: a loss falls as masks get better": _masks(
        lambda both, a, b, eps, p: _ratio(2 * both + eps, a + b + eps)
    ),
    "squares below the bar, as in V-Net; here p itself": _masks(
        lambda both, a, b, eps, p: 1 - _ratio(2 * both + eps, sum(x * x for x in p) + b + eps)
    ),
    "eps only below the bar: nothing to find costs 1": _masks(
        lambda both, a, b, eps, p: 1 - _ratio(2 * both, a + b + eps)
    ),
    "eps is left out": _masks(lambda both, a, b, eps, p: 1 - _ratio(2 * both, a + b)),
    "the sigmoid is missing": _masks(
        lambda both, a, b, eps, p: 1 - _ratio(2 * both + eps, a + b + eps), lambda z: z
    ),
    "one Dice over all masks, in which large ones hide small ones": _all_pixels,
}
