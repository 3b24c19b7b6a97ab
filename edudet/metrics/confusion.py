"""Confusion counts: how often a yes or a no was right, at one threshold.

                     is positive            is not
    said yes    TP true positives    FP false positives      precision = TP / (TP + FP)
    said no     FN false negatives   TN true negatives       recall    = TP / (TP + FN)

A low threshold misses little and cries wolf ("false alarm"), a high one misses ("missed danger").
Counts are added over images, and then divided: the mean of the images' precisions is another
number.

    confusion_loop         one score at a time: the definition
    confusion_vectorized   four sums
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from edudet import check


@dataclass(frozen=True)
class Confusion:
    """Counts; `a + b` pools two sets, `sum(counts, Confusion())` many. 0/0 is 1 in each ratio: who
    says nothing says nothing wrong, and where nothing is to be found nothing is missed."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def precision(self) -> float:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def confusion(labels: Tensor, scores: Tensor, threshold: float) -> Confusion:
    """Count the right and wrong answers if every score of at least `threshold` means yes.

    Args:
        labels: (N,) bool or integers 0 and 1; whether each is a positive.
        scores: (N,) float, any numbers but NaN.
        threshold: a number; infinity means that nothing is a yes.

    Returns:
        A `Confusion` with tp, fp, fn, tn and the ratios precision, recall and f1.

    Raises:
        TypeError: an argument is not a tensor, or the threshold is not a number.
        ValueError: shapes do not fit; a score or the threshold is NaN; a label is not 0 or 1.
    """
    check.labels_and_scores("confusion", labels, scores)
    check.number("confusion", threshold=threshold)
    if threshold != threshold:
        raise ValueError("confusion: threshold must be a number, got nan")
    return confusion_vectorized(labels, scores, threshold)


def confusion_loop(labels: Tensor, scores: Tensor, threshold: float) -> Confusion:
    tp = fp = fn = tn = 0
    for positive, score in zip(labels, scores, strict=True):
        said_yes = score >= threshold
        if said_yes and positive:
            tp += 1
        elif said_yes:
            fp += 1
        elif positive:
            fn += 1
        else:
            tn += 1
    return Confusion(tp, fp, fn, tn)


def confusion_vectorized(labels: Tensor, scores: Tensor, threshold: float) -> Confusion:
    said_yes, positive = scores >= threshold, labels.to(torch.bool)
    counts = [
        (said_yes & positive), (said_yes & ~positive), (~said_yes & positive),
        (~said_yes & ~positive),
    ]
    return Confusion(*(int(count.sum()) for count in counts))


IMPLEMENTATIONS = {
    "loop": confusion_loop,
    "vectorized": confusion_vectorized,
}
