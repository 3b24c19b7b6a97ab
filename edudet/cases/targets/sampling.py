"""Worked examples of balanced sampling: (labels, size, fraction) -> how many positive and negative
ones; which ones is chance."""

from edudet.cases.case import Case

CASES = [
    Case("none", ([], 4, 0.5), (0, 0)),
    Case("enough of both", ([1] * 10 + [0] * 10, 8, 0.5), (4, 4)),
    Case("few positives: negatives fill up", ([1] + [0] * 20, 8, 0.5), (1, 7)),
    Case("few negatives: positives do not", ([1] * 20 + [0], 8, 0.5), (4, 1), "half at most"),
    Case("no positives", ([0] * 20, 8, 0.5), (0, 8)),
    Case("ignored ones are never drawn", ([-1] * 50 + [1, 0], 8, 0.5), (1, 1)),
    Case("a quarter", ([1] * 20 + [0] * 20, 16, 0.25), (4, 12), "the second stage"),
    Case("an odd size", ([1] * 9 + [0] * 9, 7, 0.5), (3, 4), "half at most, so 3"),
    Case("labels are classes", ([0, 3, 0, 7, 0, 2], 4, 0.5), (2, 2), "above 0 is positive"),
    Case("all positive", ([1] * 5 + [0] * 5, 4, 1.0), (4, 0)),
    Case("nothing asked for", ([1] * 5 + [0] * 5, 0, 0.5), (0, 0)),
    Case("the paper's 256", ([1] * 14 + [0] * 2000 + [-1] * 100, 256, 0.5), (14, 242)),
]


def _counts(labels, size, fraction, positive=lambda label: label > 0, ignored=lambda x: x < 0):
    num_positive = sum(1 for label in labels if positive(label))
    num_negative = sum(1 for label in labels if not positive(label) and not ignored(label))
    return num_positive, num_negative, int(size * fraction)


def _sampled(labels, size, fraction, **changed):
    num_positive, num_negative, most = _counts(labels, size, fraction, **changed)
    drawn = min(num_positive, most)
    return drawn, min(num_negative, size - drawn)


def _fixed_share(labels, size, fraction):
    num_positive, num_negative, most = _counts(labels, size, fraction)
    return min(num_positive, most), min(num_negative, size - most)


def _filled_both_ways(labels, size, fraction):
    num_positive, num_negative, most = _counts(labels, size, fraction)
    drawn = min(num_positive, max(most, size - num_negative))
    return drawn, min(num_negative, size - drawn)


def _at_random(labels, size, fraction):
    num_positive, num_negative, _ = _counts(labels, size, fraction)
    share = size / max(num_positive + num_negative, 1)
    return min(num_positive, round(num_positive * share)), round(num_negative * min(share, 1))


def _rounded_up(labels, size, fraction):
    num_positive, num_negative, _ = _counts(labels, size, fraction)
    drawn = min(num_positive, -int(-size * fraction // 1))
    return drawn, min(num_negative, size - drawn)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "negatives do not fill the places that positives leave": _fixed_share,
    "positives fill the places that negatives leave: more than the fraction": _filled_both_ways,
    "drawn from all alike: positives drown": _at_random,
    "ignored ones count as negative": lambda *args: _sampled(*args, ignored=lambda label: False),
    "only label 1 is positive; every class above 0 is": lambda *args: _sampled(
        *args, positive=lambda label: label == 1
    ),
    "rounded up: more than the fraction is positive": _rounded_up,
}
