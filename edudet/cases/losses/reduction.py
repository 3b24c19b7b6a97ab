"""Worked examples of reductions: losses, reduction -> one number, or the losses."""

from edudet.cases.case import Case

CASES = [
    Case("as they are", ([1.0, 2.0, 6.0], "none"), [1.0, 2.0, 6.0]),
    Case("mean", ([1.0, 2.0, 6.0], "mean"), 3.0),
    Case("sum", ([1.0, 2.0, 6.0], "sum"), 9.0),
    Case("a loss of 0 is counted", ([0.0, 4.0], "mean"), 2.0),
    Case("sum of nothing", ([], "sum"), 0.0),
    Case("mean of nothing", ([], "mean"), 0.0, "0/0 is 0: an image without objects weighs nothing"),
    Case("nothing, as it is", ([], "none"), []),
    Case("of a map", ([[1.0, 2.0], [3.0, 6.0]], "mean"), 3.0),
]


def _flat(losses):
    return [x for row in losses for x in (row if isinstance(row, list) else [row])]


def _reduced(losses, reduction, count=len, empty=0.0):
    if reduction == "none":
        return losses
    total = sum(_flat(losses))
    if reduction == "sum":
        return total
    return total / count(_flat(losses)) if _flat(losses) else empty


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the mean of nothing is NaN: no image may spoil the weights": lambda losses, r: _reduced(
        losses, r, empty=float("nan")
    ),
    "the sum is returned for the mean": lambda losses, r: _reduced(losses, r, count=lambda x: 1),
    "the mean is returned for the sum": lambda losses, r: _reduced(
        losses, "mean" if r == "sum" else r
    ),
    "the mean leaves out losses of 0": lambda losses, r: _reduced(
        losses, r, count=lambda x: sum(loss != 0 for loss in x)
    ),
    "none is reduced, too": lambda losses, r: _reduced(losses, "sum" if r == "none" else r),
    "the mean divides by the rows, not by all elements": lambda losses, r: (
        sum(_flat(losses)) / max(len(losses), 1) if r == "mean" else _reduced(losses, r)
    ),
}
