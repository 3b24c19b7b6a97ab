"""The precision-recall curve: what every threshold would give.

The threshold falls from the best score to the worst. Recall can only grow; precision falls at
every wrong answer and climbs back at every right one, so the raw curve is a saw. The *smoothed*
curve shows at each recall the best precision that is to be had there or further right: whoever
wants a recall of 0.3 is free to take the threshold of 0.4 if it is more precise too.

    precision_recall_curve_loop         one answer at a time, best first: the definition
    precision_recall_curve_vectorized   cumulative sums
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check


class PrecisionRecall(NamedTuple):
    """Points of the curve, the highest threshold first; every field is (number of points,)."""

    precision: Tensor   # float64
    recall: Tensor      # float64, not falling
    thresholds: Tensor  # dtype of the scores: at least so good means yes
    smoothed: Tensor    # float64: the largest precision at this point or a later one


def precision_recall_curve(
    labels: Tensor, scores: Tensor, num_positives: int | None = None, split_ties: bool = False
) -> PrecisionRecall:
    """Return precision and recall at every threshold that makes a difference.

    Args:
        labels: (N,) bool or integers 0 and 1; whether each answer is right.
        scores: (N,) float, any numbers but NaN.
        num_positives: how many there are to find; a detector that misses some has fewer among its
            `labels`. By default the sum of `labels`.
        split_ties: no threshold separates equal scores, so they make one point. True makes one
            point each, in the order of the input, as the scripts of VOC and COCO do.

    Returns:
        A `PrecisionRecall`. Recall is 1 where there is nothing to find. scikit-learn's function of
        this name, with the same first two arguments, returns the points in reverse, and appends
        (recall 0, precision 1).

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shapes do not fit; a score is NaN; a label is not 0 or 1; num_positives is less
            than the number of positive labels.
    """
    function = "precision_recall_curve"
    check.labels_and_scores(function, labels, scores)
    check.is_bool(function, split_ties=split_ties)
    right = int(labels.sum())
    if num_positives is not None:
        check.is_int(function, num_positives=num_positives)
        if num_positives < right:
            raise ValueError(
                f"{function}: num_positives must be at least the number of positive labels, "
                f"{right}, got {num_positives}"
            )
    return precision_recall_curve_vectorized(labels, scores, num_positives, split_ties)


def precision_recall_curve_loop(
    labels: Tensor, scores: Tensor, num_positives: int | None = None, split_ties: bool = False
) -> PrecisionRecall:
    positives = int(labels.sum()) if num_positives is None else num_positives
    order = scores.argsort(descending=True, stable=True).tolist()
    precision, recall, thresholds = [], [], []
    tp = fp = 0
    for place, i in enumerate(order):
        if labels[i]:
            tp += 1
        else:
            fp += 1
        last = place + 1 == len(order)
        if split_ties or last or scores[order[place + 1]] < scores[i]:
            precision.append(tp / (tp + fp))
            recall.append(tp / positives if positives else 1.0)
            thresholds.append(scores[i].item())
    smoothed = list(precision)
    for i in range(len(smoothed) - 2, -1, -1):
        smoothed[i] = max(smoothed[i], smoothed[i + 1])

    def tensor(values, dtype=torch.float64):
        return torch.tensor(values, dtype=dtype, device=scores.device)

    return PrecisionRecall(
        tensor(precision), tensor(recall), tensor(thresholds, scores.dtype), tensor(smoothed)
    )


def precision_recall_curve_vectorized(
    labels: Tensor, scores: Tensor, num_positives: int | None = None, split_ties: bool = False
) -> PrecisionRecall:
    positives = int(labels.sum()) if num_positives is None else num_positives
    thresholds, order = scores.sort(descending=True, stable=True)
    tp = labels[order].to(torch.float64).cumsum(0)
    said_yes = torch.arange(1, len(scores) + 1, dtype=torch.float64, device=scores.device)
    precision = tp / said_yes
    recall = tp / positives if positives else torch.ones_like(tp)
    if not split_ties:
        ends = torch.ones_like(thresholds, dtype=torch.bool)             # the last of its score
        ends[:-1] = thresholds[:-1] != thresholds[1:]
        precision, recall, thresholds = precision[ends], recall[ends], thresholds[ends]
    return PrecisionRecall(precision, recall, thresholds, smoothed_precision(precision))


def smoothed_precision(precision: Tensor) -> Tensor:
    """(N,): at each point the largest value there or further right."""
    return precision.flip(0).cummax(0).values.flip(0)


IMPLEMENTATIONS = {
    "loop": precision_recall_curve_loop,
    "vectorized": precision_recall_curve_vectorized,
}
