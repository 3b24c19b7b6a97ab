"""Average precision (AP): the area under the smoothed precision-recall curve, in three readings.

    points="all"   the area itself: sum of (r_i - r_{i-1}) * p_i, p_i smoothed   (VOC since 2010)
    points=11      (1/11) * sum of the smoothed precision at r = 0, .1, ..., 1   (VOC until 2009)
    points=101     the same with r = 0, .01, ..., 1                              (COCO)

The smoothed precision at r is the largest precision at a recall of r or more; 0 if the curve never
gets so far. Everingham et al., 2010; Salton and McGill, 1983.

    average_precision_loop         one recall level at a time: the definition
    average_precision_vectorized   a search in the sorted recalls
"""

import torch
from torch import Tensor

from edudet import check
from edudet.metrics.precision_recall import smoothed_precision


def average_precision(recall: Tensor, precision: Tensor, points: int | str = "all") -> float:
    """Return the average precision of a curve.

    Args:
        recall: (N,) float in [0, 1], not falling: the recall at each point of the curve.
        precision: (N,) float in [0, 1], smoothed or not: it is smoothed here.
        points: "all", 11 or 101.

    Returns:
        The AP, in [0, 1]; 0 for a curve without points. A recall counts as having reached a level
        if it is short of it by rounding only (1e-12, or 1e-6 for narrower dtypes than float64):
        0.1 + 0.2 reaches neither .3 nor 3 * .1 otherwise, and the level would be lost. COCO
        itself compares without this care; `coco_metrics` does as COCO does.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes do not fit; a value lies outside [0, 1]; recall falls; points is none of
            the three.
    """
    function = "average_precision"
    check.is_tensor(function, recall=recall, precision=precision)
    check.dtype(function, check.FLOATS, recall=recall, precision=precision)
    if recall.ndim != 1 or precision.shape != recall.shape:
        raise ValueError(
            f"{function}: recall and precision must have one shape (N,), "
            f"got {tuple(recall.shape)} and {tuple(precision.shape)}"
        )
    for name, tensor in {"recall": recall, "precision": precision}.items():
        for i in (~((tensor >= 0) & (tensor <= 1))).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{function}: {name}[{i}] must lie in [0, 1], got {tensor[i]:g}")
    for i in (recall[1:] < recall[:-1]).nonzero().flatten().tolist()[:1]:
        raise ValueError(
            f"{function}: recall must not fall, got {recall[i]:g}, {recall[i + 1]:g}: "
            "is precision the second argument, and the best score first?"
        )
    if points not in ("all", 11, 101):
        raise ValueError(f'{function}: points must be "all", 11 or 101, got {points!r}')
    return average_precision_vectorized(recall, precision, points)


def _tolerance(recall: Tensor) -> float:
    return 1e-12 if recall.dtype == torch.float64 else 1e-6


def average_precision_loop(
    recall: Tensor, precision: Tensor, points: int | str = "all"
) -> float:
    r, p, n = recall.tolist(), precision.tolist(), len(recall)
    if points == "all":
        area, before = 0.0, 0.0
        for i in range(n):
            area += (r[i] - before) * max(p[i:])
            before = r[i]
        return area
    levels = [k / (int(points) - 1) for k in range(int(points))]
    total = 0.0
    for level in levels:
        reached = [p[i] for i in range(n) if r[i] >= level - _tolerance(recall)]
        total += max(reached, default=0.0)
    return total / len(levels)


def average_precision_vectorized(
    recall: Tensor, precision: Tensor, points: int | str = "all"
) -> float:
    r, smoothed = recall.to(torch.float64), smoothed_precision(precision.to(torch.float64))
    if points == "all":
        return float((r.diff(prepend=r.new_zeros(1)) * smoothed).sum())
    last = int(points) - 1
    levels = torch.arange(last + 1, dtype=torch.float64, device=r.device) / last
    first = torch.searchsorted(r, levels - _tolerance(recall))
    return float(torch.cat([smoothed, smoothed.new_zeros(1)])[first].mean())


IMPLEMENTATIONS = {
    "loop": average_precision_loop,
    "vectorized": average_precision_vectorized,
}
