"""Worked examples of soft-argmax in two dimensions.

Arguments: heatmaps (N, K, H, W), beta, normalized -> (N, K, 2), x then y.
"""

import math

from edudet.cases.case import Case

INFINITY = math.inf
ROW = [[[[1, 3, 2]]]]
COLUMN = [[[[1], [3], [2]]]]
LN2, LN3 = math.log(2), math.log(3)
CORNER = [[[[LN3, 0, 0, 0], [0, 0, 0, 0]]]]
FLAT = [[[[5, 5, 5, 5], [5, 5, 5, 5]]]]

CASES = [
    Case("beta 0", (ROW, 0.0, False), [[[1.5, 0.5]]], "the middle, whatever the map says"),
    Case("beta 1", (ROW, 1.0, False), [[[1.654698, 0.5]]],
         "counted from 0 without the half: 0 e + 1 e^3 + 2 e^2 over e + e^3 + e^2 = 1.154698"),
    Case("beta 10", (ROW, 10.0, False), [[[1.500045, 0.5]]], "close to the largest, column 1"),
    Case("beta infinite", (ROW, INFINITY, False), [[[1.5, 0.5]]], "the argmax: column 1"),
    Case("down", (COLUMN, 1.0, False), [[[0.5, 1.654698]]], "x comes first"),
    Case("flat", (FLAT, 3.0, False), [[[2.0, 1.0]]], "the middle of the map, not a pixel"),
    Case("two equal peaks", ([[[[7, 0, 0, 0, 7]]]], INFINITY, False), [[[2.5, 0.5]]],
         "halfway between the two: neither"),
    Case("a peak against a background", (CORNER, 1.0, False), [[[1.7, 0.9]]],
         "the peak is at (.5, .5) and weighs 3, the seven others 1: (3 * .5 + 15.5) / 10 and "
         "(3 * .5 + 7.5) / 10"),
    Case("two maps", ([[[[LN2, 0]], [[0, LN2]]]], 1.0, False), [[[5 / 6, 0.5], [7 / 6, 0.5]]],
         "weights 2/3 and 1/3, then 1/3 and 2/3"),
    Case("normalized", ([[[[LN3, 0, 0, 0, 0]]]], 1.0, True), [[[-8 / 35, 0.0]]],
         "columns at -.8, -.4, 0, .4, .8; weights 3/7 and four times 1/7"),
    Case("huge values", ([[[[1e4, 1e4, -1e4]]]], 1.0, False), [[[1.0, 0.5]]],
         "exp(10000) is infinite: subtract the largest first"),
    Case("a masked cell", ([[[[2, -INFINITY, 2, 2]]]], 1.0, False), [[[2.166667, 0.5]]],
         "the mean of .5, 2.5 and 3.5"),
    Case("masked, beta 0", ([[[[2, -INFINITY, 5, 9]]]], 0.0, False), [[[2.166667, 0.5]]]),
    Case("all masked", ([[[[-INFINITY, -INFINITY]]]], 1.0, False), [[[1.0, 0.5]]], "flat"),
]


def _with(
    centre=0.5, weigh=lambda s, beta, top: math.exp(beta * (s - top)), divide=True,
    order=lambda x, y: [x, y], normalize=lambda p, size: 2 * p / size - 1, peak=False,
):
    """Soft-argmax in plain numbers, with one step of it replaced."""

    def soft_argmax(heatmaps, beta, normalized):
        return [[_position(heatmap, beta, normalized) for heatmap in maps] for maps in heatmaps]

    def _position(heatmap, beta, normalized):
        cells = [(x, y, s) for y, row in enumerate(heatmap) for x, s in enumerate(row)]
        top = max(s for _, _, s in cells)
        if peak:
            x, y = next((x, y) for x, y, s in cells if s == top)
            return order(x + centre, y + centre)
        weights = [_weight(s, beta, top) for _, _, s in cells]
        total = sum(weights) if divide else 1.0
        x = sum(w * (x + centre) for w, (x, _, _) in zip(weights, cells, strict=True)) / total
        y = sum(w * (y + centre) for w, (_, y, _) in zip(weights, cells, strict=True)) / total
        if normalized:
            x, y = normalize(x, len(heatmap[0])), normalize(y, len(heatmap))
        return order(x, y)

    def _weight(s, beta, top):
        if math.isinf(beta) or math.isinf(top):
            return float(s == top)
        if s == -INFINITY:
            return 0.0
        try:
            return weigh(s, beta, top)
        except OverflowError:
            return math.nan

    return soft_argmax


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the centre of column 0 is 0.5, not 0": _with(centre=0.0),
    "the centre of column 0 is 0.5, not 1": _with(centre=1.0),
    "x comes first, then y": _with(order=lambda x, y: [y, x]),
    "beta is left out": _with(weigh=lambda s, beta, top: math.exp(s - top)),
    "beta multiplies the heatmap, it does not divide it": _with(
        weigh=lambda s, beta, top: math.exp((s - top) / max(beta, 1e-9))
    ),
    "the sum of the weights has to be divided by": _with(divide=False),
    "the heatmap itself is the weight; exp is missing": _with(
        weigh=lambda s, beta, top: beta * s + 1e-9
    ),
    "exp of a large number is infinite: subtract the largest value first": _with(
        weigh=lambda s, beta, top: math.exp(beta * s)
    ),
    "this is the argmax: only the largest cell counts": _with(peak=True),
    "normalized: -1 is the left edge of column 0, not its centre": _with(
        normalize=lambda p, size: 2 * (p - 0.5) / max(size - 1, 1) - 1
    ),
    "normalized positions lie in [-1, 1], not in [0, 1]": _with(normalize=lambda p, size: p / size),
}
