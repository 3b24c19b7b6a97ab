"""Exercise: right and wrong answers at one threshold, and three ratios of them."""

import torch

from edudet.cases.metrics.confusion import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import numbers_agree, random_scores
from edudet.metrics import confusion as library_confusion


def confusion(labels, scores, threshold):
    """Count right and wrong answers if every score of at least `threshold` means yes.

    labels      (N,) int64, 1 for a positive and 0 for a negative
    scores      (N,) float32
    threshold   a number

    Returns the seven numbers (tp, fp, fn, tn, precision, recall, f1); 0/0 is 1 in each ratio.
    """
    c = library_confusion(labels, scores, threshold)
    return c.tp, c.fp, c.fn, c.tn, c.precision, c.recall, c.f1


def answers(random, n, levels=64, positives=0.5):
    scores = random_scores(random, n, levels)
    return (random.random(n) < positives).astype(int).tolist(), scores


def any_threshold(random):
    return *answers(random, 20), float(random.integers(1, 8)) / 8 + 1 / 128


def on_the_threshold(random):
    return *answers(random, 16, levels=4), 0.5


def few_positives(random):
    return *answers(random, 24, positives=0.1), 0.25


def nothing_said(random):
    """No yes, or no positive: one of the ratios is 0/0."""
    labels, scores = answers(random, 6)
    if random.integers(2):
        return labels, scores, 2.0
    return [0] * 6, scores, float(random.choice([0.25, 2]))


def draw(axes, case, result):
    """The scores on a line; positives filled; what was said by colour."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    labels, scores, threshold = case
    for label, score in zip(labels, scores, strict=True):
        right = (score >= threshold) == bool(label)
        colour = COLOURS["kept" if right else "dropped"]
        axes.plot(score, 0, "o", markersize=14, color=colour, markeredgewidth=2,
                  markerfacecolor=colour if label else "white")  # fmt: skip
    axes.axvline(threshold, color=COLOURS["faint"], linestyle="--")
    axes.text(threshold, 0.7, " yes", va="center")
    axes.text(threshold, 0.7, "no ", va="center", ha="right")
    names = ["TP", "FP", "FN", "TN", "P", "R", "F1"]
    told = [f"{name} {float(value):.3g}" for name, value in zip(names, result, strict=True)]
    axes.set_xlabel("score; filled: positives;\norange: wrong answers")
    axes.set_title(", ".join(told), fontsize=9)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])


EXERCISE = Exercise(
    title="Confusion counts, precision, recall",
    functions=[confusion],
    tests=[
        worked("six scores, two cuts", 3, CASES, "a cut between the third and the fourth",
               "one further down"),
        worked("on the threshold", 1, CASES, "exactly on the threshold", "an oracle"),
        worked("zero by zero", 2, CASES, "missed danger", "false alarm", "nothing at all"),
        hidden("any threshold", 2, any_threshold),
        hidden("scores of exactly the threshold", 1, on_the_threshold),
        hidden("few positives", 1, few_positives),
        hidden("nothing said or nothing to find", 1, nothing_said, calls=8),
    ],
    mistakes=MISTAKES,
    prepare=lambda labels, scores, threshold: (
        torch.tensor(labels, dtype=torch.int64), torch.tensor(scores, dtype=torch.float32),
        threshold,
    ),
    tolerance=(1e-6, 1e-6),
    agree=numbers_agree(1e-6, 1e-6),
    line_budget=16,
    example=next(case.args for case in CASES if case.name.startswith("a cut between")),
    draw=draw,
)  # fmt: skip
