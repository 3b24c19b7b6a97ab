"""Worked examples of confusion: labels, scores, threshold -> tp, fp, fn, tn, precision, recall, f1.

Scores are sixteenths: exact in every dtype."""

from edudet.cases.case import Case

SIX = [0.875, 0.5, 0.125, -0.125, -0.375, -0.625]  # the lecture's .9 .5 .1 -.1 -.4 -.6
SECOND_AND_FOURTH = [0, 1, 0, 1, 0, 0]

CASES = [
    Case(
        "a cut between the third and the fourth", (SECOND_AND_FOURTH, SIX, 0.0),
        (1, 2, 1, 2, 1 / 3, 1 / 2, 2 / 5),
    ),
    Case(
        "one further down", (SECOND_AND_FOURTH, SIX, -0.25), (2, 2, 0, 2, 1 / 2, 1.0, 2 / 3),
        "one more yes, and it is right: both ratios rise",
    ),
    Case(
        "an oracle", ([1, 0, 1], [0.75, 0.25, 0.5], 0.375), (2, 0, 0, 1, 1.0, 1.0, 1.0),
    ),
    Case(
        "exactly on the threshold", ([1, 1], [0.5, 0.25], 0.5), (1, 0, 1, 0, 1.0, 0.5, 2 / 3),
        "a score of the threshold is a yes",
    ),
    Case(
        "missed danger", ([1, 1, 0], [0.25, 0.125, 0.0], 0.5), (0, 0, 2, 1, 1.0, 0.0, 0.0),
        "nothing was said, so nothing wrong: 0/0 is 1",
    ),
    Case(
        "false alarm", ([0, 0], [0.75, 0.625], 0.5), (0, 2, 0, 0, 0.0, 1.0, 0.0),
        "nothing was to be found, so nothing was missed",
    ),
    Case("nothing at all", ([], [], 0.5), (0, 0, 0, 0, 1.0, 1.0, 1.0)),
]


def _count(labels, scores, threshold, *, above=False, swapped=False, empty=1.0, flip=False,
           recall_of_all=False, accuracy=False, mean=False):
    said = [s > threshold if above else s >= threshold for s in scores]
    if flip:
        said = [s <= threshold for s in scores]
    tp = sum(1 for s, y in zip(said, labels, strict=True) if s and y)
    fp = sum(said) - tp
    fn = sum(labels) - tp
    tn = len(labels) - tp - fp - fn
    if swapped:
        fp, fn = fn, fp

    def ratio(part, whole):
        return part / whole if whole else empty

    precision = ratio(tp + tn, len(labels)) if accuracy else ratio(tp, tp + fp)
    recall = ratio(tp, len(labels) if recall_of_all else tp + fn)
    f1 = (precision + recall) / 2 if mean else ratio(2 * tp, 2 * tp + fp + fn)
    return tp, fp, fn, tn, precision, recall, f1


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "false positives and false negatives are exchanged": lambda *args: _count(*args, swapped=True),
    "a score of exactly the threshold is a yes": lambda *args: _count(*args, above=True),
    "0/0 is 1 here, not 0": lambda *args: _count(*args, empty=0.0),
    "a high score means yes, not no": lambda *args: _count(*args, flip=True),
    "recall is divided by all examples; only the positives can be found": lambda *args: _count(
        *args, recall_of_all=True
    ),
    "precision is the share of right ones among what was called positive, not among all": (
        lambda *args: _count(*args, accuracy=True)
    ),
    "F1 is the harmonic mean, not the mean": lambda *args: _count(*args, mean=True),
}
