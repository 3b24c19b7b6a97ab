"""Exercise: targets and mask of a region proposal network."""

import math

import numpy
import torch

from edudet.cases.targets.masked_targets import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.targets import masked_targets as library_targets


def masked_targets(labels, deltas):
    """Return the targets of the masked loss, and its mask.

    labels: (N,) int64, one of each anchor; above 0 positive, 0 negative, below 0 ignored.
    deltas: (N, 4) float32, dx, dy, dw, dh; NaN is possible where an anchor is not positive.

    Returns two float32 tensors (N, 5): the targets, with 0 wherever they do not count, and the
    mask, of 0 and 1. N may be 0.
    """
    return tuple(library_targets(labels, deltas))


def deltas_of(random, n):
    return (random.integers(-16, 17, (n, 4)) / 16).tolist()


def a_map(random):
    return random.choice([-1, 0, 1], 12).tolist(), deltas_of(random, 12)


def classes(random):
    return random.choice([-1, 0, 1, 2, 5, 20], 15).tolist(), deltas_of(random, 15)


def with_nan(random):
    """NaN for all that are not positive, and for some 0 or infinity."""
    labels, deltas = classes(random)
    for i, label in enumerate(labels):
        if label <= 0:
            deltas[i] = [math.nan, 0, math.inf, math.nan]
    return labels, deltas


def one_or_none(random):
    n = int(random.integers(0, 3))
    return random.choice([-1, 0, 3], n).tolist(), deltas_of(random, n)


def draw(axes, case, result):
    """Y above M; what does not count is grey."""
    targets, mask = (numpy.asarray(part, dtype=float).reshape(-1, 5) for part in result)
    shown = numpy.concatenate([targets, numpy.full((1, 5), math.nan), mask])
    axes.imshow(numpy.concatenate([mask, numpy.zeros((1, 5)), mask]), cmap="Blues", vmin=0, vmax=3)
    for (i, j), value in numpy.ndenumerate(shown):
        if value == value or i != len(targets):
            axes.text(j, i, f"{value:g}", ha="center", va="center", fontsize=8)
    names = {1: "positive", 0: "negative", -1: "ignored"}
    kinds = [names[int(numpy.sign(label))] for label in case[0]]
    axes.set_yticks(range(len(shown)), [*(f"Y  {kind}" for kind in kinds), "",
                                        *(f"M  {kind}" for kind in kinds)])  # fmt: skip
    axes.set_xticks(range(5), ["object", "dx", "dy", "dw", "dh"])
    axes.tick_params(labelsize=7)


EXERCISE = Exercise(
    title="Targets and their mask",
    functions=[masked_targets],
    tests=[
        worked("object, no object, ignored", 3, CASES, "one on the object, two off", "ignored"),
        worked("what does not count", 1, CASES, "what does not count may be anything",
               "one on the object, two off"),
        worked("a class as label, or no anchor", 1, CASES, "a class as label", "none"),
        hidden("a map", 2, a_map),
        hidden("classes", 1, classes),
        hidden("NaN where nothing counts", 2, with_nan),
        hidden("one or none", 1, one_or_none, calls=8),
    ],
    mistakes=MISTAKES,
    prepare=lambda labels, deltas: (
        torch.tensor(labels, dtype=torch.int64), boxes_tensor(deltas)
    ),
    line_budget=12,
    example=([1, 0, -1, 2], [[0.25, -0.5, 0.125, 0.75], [0.5, 1, 0, 0], [0, 0, 0, 0],
                             [0, 0.25, -0.125, 0]]),
    draw=draw,
)  # fmt: skip
