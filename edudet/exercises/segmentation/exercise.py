"""Exercise: scores of label maps, all from one table."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.metrics.segmentation import CASES, MISTAKES, MISTAKES_OF_SCORES, SCORES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import show_numbers
from edudet.metrics import segmentation as library


def segmentation_confusion(gt_labels, labels, num_classes, ignore_index):
    """Count, for every pair of classes, the pixels of the one that were called the other.

    gt_labels, labels: int64 tensors of one shape, (H, W) or (P,): the true classes and the
    predicted ones, from 0 to num_classes - 1. ignore_index: an int or None: pixels of this *true*
    class do not count; it may lie outside 0 to num_classes - 1.

    Returns (num_classes, num_classes) int64: row i, column j: pixels of class i called j.
    """
    return library.segmentation_confusion(gt_labels, labels, num_classes, ignore_index)


def pixel_accuracy(confusion):
    """Return the share of the pixels that were called right, a float; NaN if there are none.

    confusion: (K, K) int64, rows are the truth.
    """
    return library.pixel_accuracy(confusion).float()


def intersection_over_union(confusion):
    """Return the IoU of every class, (K,) floats; NaN for a class that is neither there nor called.

    confusion: (K, K) int64, rows are the truth.
    """
    return library.intersection_over_union(confusion).float()


def mean_iou(confusion):
    """Return the mean IoU, a float, over the classes that are there or called; NaN if none is.

    confusion: (K, K) int64, rows are the truth.
    """
    return library.mean_iou(confusion).float()


def dice_coefficient(confusion):
    """Return the Dice coefficient of every class, (K,) floats; NaN where the IoU is NaN.

    confusion: (K, K) int64, rows are the truth.
    """
    return library.dice_coefficient(confusion).float()


def maps(random):
    """Two maps that agree on about half of their pixels; some pixels are ignored."""
    size, num_classes = tuple(random.integers(4, 9, 2).tolist()), int(random.integers(2, 6))
    truth, called = random.integers(0, num_classes, (2, *size))
    called[random.random(size) < 0.5] = 0
    truth[random.random(size) < 0.1] = 255
    return truth.tolist(), called.tolist(), num_classes, 255


def missing_classes(random):
    """Of five classes only some are there; class 1 is ignored, or none."""
    truth = random.choice([0, 1, 3], 40).tolist()
    called = random.choice([0, 1, 2], 40).tolist()
    return truth, called, 5, [1, None][random.integers(2)]


def table(random):
    k = int(random.integers(2, 6))
    return ((random.integers(0, 20, (k, k)) + 40 * numpy.eye(k, dtype=int)).tolist(),)


def table_with_gaps(random):
    """Class 1 is not there and not called, class 2 only called."""
    counts = random.integers(0, 9, (4, 4)) + 1
    counts[1, :] = counts[:, 1] = counts[2, :] = 0
    return (counts.tolist(),)


def tables(*chosen):
    """Worked tables by name, and one more with three classes."""
    return [Case(case.name, case.args, None) for case in SCORES if case.name in chosen] + [
        Case("three classes", ([[6, 1, 1], [0, 3, 1], [2, 0, 2]],), None)
    ]


def draw_score(axes, case, result):
    """The table, and the score below it."""
    show_numbers(axes, case[0])
    axes.set_ylabel("truth")
    numbers = numpy.asarray(result).reshape(-1).tolist()
    axes.set_xlabel("score: " + ", ".join(f"{number:.3g}" for number in numbers))


NAMES = ("by hand", "says background everywhere", "a class that is not there",
         "a class only called", "no pixels")  # fmt: skip
SCORE_NAMES = ("pixel_accuracy", "intersection_over_union", "mean_iou", "dice_coefficient")


def of_score(name, words, points, chosen=NAMES):
    return worked(words, points, tables(*chosen), function=name)


EXERCISE = Exercise(
    title="Scores of label maps",
    functions=[segmentation_confusion, pixel_accuracy, intersection_over_union, mean_iou,
               dice_coefficient],
    tests=[
        worked("the table", 2, CASES, "all right", "rows are the truth", "three classes", "a map"),
        worked("the table: ignored and missing", 1, CASES, "ignored", "a class is ignored",
               "a class may be missing", "no pixels"),
        of_score("pixel_accuracy", "pixel accuracy", 1),
        of_score("intersection_over_union", "IoU", 1),
        of_score("mean_iou", "mean IoU", 1),
        of_score("dice_coefficient", "Dice", 1),
        hidden("the table: maps", 2, maps),
        hidden("the table: missing classes", 1, missing_classes),
        hidden("pixel accuracy of other tables", 1, table, function="pixel_accuracy"),
        hidden("IoU of other tables", 1, table, function="intersection_over_union"),
        hidden("mean IoU where classes are missing", 1, table_with_gaps, function="mean_iou"),
        hidden("Dice of other tables", 1, table, function="dice_coefficient"),
        hidden("Dice where classes are missing", 1, table_with_gaps, function="dice_coefficient"),
    ],
    mistakes={
        "segmentation_confusion": MISTAKES,
        **{name: MISTAKES_OF_SCORES[name] for name in SCORE_NAMES},
    },
    prepare={
        "segmentation_confusion": lambda truth, labels, num_classes, ignore_index: (
            torch.tensor(truth, dtype=torch.int64), torch.tensor(labels, dtype=torch.int64),
            num_classes, ignore_index,
        ),
        **dict.fromkeys(SCORE_NAMES, lambda counts: (torch.tensor(counts, dtype=torch.int64),)),
    },
    tolerance=(1e-5, 1e-6),
    line_budget=22,
    example=([0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 0, 0, 1, 1, 1, 1], 2, None),
    draw=dict.fromkeys(SCORE_NAMES, draw_score),
)  # fmt: skip
