"""Exercise: precision and recall at every threshold, and the smoothed curve."""

import torch

from edudet.cases.metrics.precision_recall import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import random_scores
from edudet.metrics import precision_recall_curve


def precision_recall(labels, scores, num_positives):
    """Return precision and recall at every threshold that makes a difference, the highest first.

    labels          (N,) int64: 1 if the answer is right, else 0
    scores          (N,) float32: how sure the detector was of each answer
    num_positives   how many there are to find; at least as many as were found

    Returns four float tensors (points,): precision, recall, thresholds, smoothed. Each different
    score is a threshold and makes one point. `smoothed` is the largest precision at this point or
    a later one. Recall is 1 where there is nothing to find.
    """
    return tuple(precision_recall_curve(labels, scores, num_positives))


def answers(random, n, levels, missed):
    labels = random.integers(0, 2, n).tolist()
    return labels, random_scores(random, n, levels), sum(labels) + missed


def ranking(random):
    labels, scores, positives = answers(random, 15, 4096, int(random.integers(0, 4)))
    return labels, scores, positives + 1


def ties(random):
    return answers(random, 14, 5, int(random.integers(1, 4)))


def bad_start(random):
    """The best answers are wrong, so that smoothing lifts the whole beginning."""
    right = random.permutation([0, 0, 0, 1, 1, 1]).tolist()
    scores = [(12 - i) / 16 for i in range(9)]
    order = random.permutation(9)
    labels = [0, 0, 0, *right]
    return [labels[i] for i in order], [scores[i] for i in order], 3 + int(random.integers(0, 2))


def nothing_to_find(random):
    n = int(random.integers(1, 4))
    wrong = [0] * n, random_scores(random, n), int(random.integers(0, 2))
    return wrong if random.integers(2) else answers(random, 6, 64, 1)


def draw(axes, case, result):
    """The raw curve, a saw, and the smoothed one."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    precision, recall, thresholds, smoothed = (torch.as_tensor(part) for part in result)
    axes.plot(recall, precision, "o-", color=COLOURS["faint"], label="precision")
    axes.step(recall, smoothed, where="pre", color=COLOURS["kept"], label="smoothed")
    for point in zip(recall.tolist(), precision.tolist(), thresholds.tolist(), strict=True):
        axes.text(*point[:2], f" {point[2]:.3g}", fontsize=7, va="bottom")
    axes.set_xlim(-0.05, 1.12)
    axes.set_ylim(-0.05, 1.12)
    axes.set_xlabel("recall; numbers: thresholds")
    axes.legend(fontsize=8)


def with_number(mistake):
    return lambda labels, scores, positives: mistake(
        labels, scores, sum(labels) if positives is None else positives
    )


EXERCISE = Exercise(
    title="The precision-recall curve",
    functions=[precision_recall],
    tests=[
        worked("six answers", 3, CASES, "right at ranks 1 and 4", "right at ranks 2 and 4",
               "the best lies two points further right"),
        worked("what was missed", 1, CASES, "three of four found", "right at ranks 1 and 4"),
        worked("order and ties", 2, CASES, "not sorted", "equal scores"),
        worked("nothing", 1, CASES, "nothing to find", "no answers"),
        hidden("a ranking", 3, ranking),
        hidden("equal scores", 2, ties),
        hidden("a bad start", 1, bad_start),
        hidden("little or nothing to find", 1, nothing_to_find, calls=6),
    ],
    mistakes={hint: with_number(mistake) for hint, mistake in MISTAKES.items()},
    prepare=lambda labels, scores, positives: (
        torch.tensor(labels, dtype=torch.int64), torch.tensor(scores, dtype=torch.float32),
        sum(labels) if positives is None else positives,
    ),
    tolerance=(1e-6, 1e-6),
    line_budget=16,
    example=([1, 0, 1, 1, 0, 0, 1], [0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], 5),
    draw=draw,
)  # fmt: skip
