"""Exercise: average precision, the area under the smoothed curve in three readings."""

import numpy
import torch

from edudet.cases.metrics.average_precision import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import numbers_agree
from edudet.metrics import average_precision as library_average_precision


def average_precision(recall, precision, points):
    """Return the average precision of a curve.

    recall      (N,) float64, not falling: the recall at each point of the curve
    precision   (N,) float64, not smoothed yet
    points      "all": the area under the smoothed curve; 11 or 101: the mean of the smoothed
                precision at so many levels of recall, evenly from 0 to 1

    Returns a number, 0 for a curve without points. A recall that is short of a level by less than
    1e-9 has reached it; where the curve never gets, precision is 0.
    """
    return library_average_precision(recall, precision, points)


def ranking(random, wanted, missed=0):
    """The curve of a ranking with about as many wrong answers as right ones."""
    n = 2 * wanted
    right = random.permutation([1] * (wanted - missed) + [0] * (n - wanted + missed))
    hits = numpy.cumsum(right)
    return (hits / wanted).tolist(), (hits / numpy.arange(1, n + 1)).tolist()


def whole_area(random):
    return *ranking(random, int(random.integers(3, 8)), int(random.integers(0, 3))), "all"


def eleven(random):
    return *ranking(random, int(random.integers(3, 8)), int(random.integers(0, 3))), 11


def hundred_and_one(random):
    return *ranking(random, int(random.integers(3, 8)), int(random.integers(0, 3))), 101


def exact_levels(random):
    """Ten objects: every recall is one of the eleven levels, but for rounding."""
    return *ranking(random, 10, int(random.integers(0, 3))), int(random.choice([11, 101]))


def draw(axes, case, result):
    """The curve, its smoothed form and the levels at which it is read."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    recall, precision, points = case
    smoothed = [max(precision[i:]) for i in range(len(precision))]
    axes.plot(recall, precision, "o-", color=COLOURS["faint"], markersize=4)
    axes.fill_between([0, *recall], [*smoothed[:1], *smoothed], step="pre", alpha=0.25,
                      color=COLOURS["kept"])  # fmt: skip
    if points != "all":
        for level in (k / (points - 1) for k in range(points)):
            height = max((p for r, p in zip(recall, smoothed, strict=True) if r >= level - 1e-9),
                         default=0)  # fmt: skip
            axes.plot([level, level], [0, height], color=COLOURS["kept"], linewidth=1)
            axes.plot(level, height, ".", color=COLOURS["kept"])
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_ylim(0, 1.05)
    axes.set_title(f"AP, points {points}: {float(result):.4g}")


EXERCISE = Exercise(
    title="Average precision",
    functions=[average_precision],
    tests=[
        worked("the whole area", 3, CASES, "right at 1 and 4, all points",
               "the 3rd wrong, all points", "the 2nd wrong, all points", "an oracle"),
        worked("eleven points", 2, CASES, "right at 1 and 4, 11 points", "a straight line",
               "the 2nd wrong, 11 points"),
        worked("a hundred and one", 1, CASES, "right at 1 and 4, 101 points",
               "the 3rd wrong, 101 points"),
        worked("nothing", 1, CASES, "nothing found", "no detections", "no detections, 11 points",
               "an oracle, 11 points"),
        hidden("the area of any ranking", 2, whole_area),
        hidden("eleven levels", 2, eleven),
        hidden("a hundred and one levels", 1, hundred_and_one),
        hidden("recalls on the levels", 2, exact_levels),
    ],
    mistakes=MISTAKES,
    prepare=lambda recall, precision, points: (
        torch.tensor(recall, dtype=torch.float64), torch.tensor(precision, dtype=torch.float64),
        points,
    ),
    tolerance=(1e-6, 1e-6),
    agree=numbers_agree(1e-6, 1e-6),
    line_budget=16,
    example=([0.2, 0.2, 0.4, 0.6, 0.6, 0.6, 0.8], [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 1 / 2, 4 / 7],
             11),
    draw=draw,
)  # fmt: skip
