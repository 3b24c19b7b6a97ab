"""Exercise: a few of the anchors. The order of the draw is given, so that one answer is right."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.targets.sampling import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.targets import sample_balanced as library_sample


def sample_balanced(labels, order, size, positive_fraction):
    """Draw anchors, positive and negative ones, in a given random order.

    labels: (N,) int64; above 0 positive (a class, say), 0 negative, below 0 never drawn.
    order: (N,) int64; the numbers 0 to N - 1, shuffled: of two anchors, the one that comes first in
    `order` is drawn first. N may be 0.
    size: how many are drawn in all, at most; 0 or more.
    positive_fraction: in [0, 1]; at most this part of `size` is positive. Negatives take the places
    that positives leave, but not the other way round.

    Returns two int64 tensors, positive (P,) and negative (Q,): indices into labels, increasing.
    """
    counts = [len(part) for part in library_sample(labels, size, positive_fraction)]
    shuffled = labels[order]
    candidates = order[shuffled > 0], order[shuffled == 0]
    return tuple(part[:n].sort().values for part, n in zip(candidates, counts, strict=True))


def in_order(cases):
    """The cases, each with an order: every seventh, then on from the next."""
    found = []
    for case in cases:
        labels, size, fraction = case.args
        order = [i for start in range(7) for i in range(start, len(labels), 7)][::-1]
        found.append(Case(case.name, (labels, order, size, fraction), None))
    return found


def some(random, n=60, positives=0.3, size=24, fraction=0.5):
    chances = [0.15, 0.85 - positives, positives / 2, positives / 2]
    labels = random.choice([-1, 0, 1, 3], n, p=chances).tolist()
    return labels, random.permutation(n).tolist(), size, fraction


def few_positives(random):
    return some(random, 80, 0.06, 32, 0.5)


def few_negatives(random):
    return some(random, 40, 0.8, 24, 0.25)


def odd_sizes(random):
    size, fraction = int(random.choice([5, 7, 9, 11])), float(random.choice([0.25, 0.5, 0.75, 1]))
    return some(random, 30, 0.5, size, fraction)


def tiny(random):
    n, size = random.integers(0, 6, 2).tolist()
    return some(random, n, 0.4, size, 0.5)


def drawn(count, positive=lambda label: label > 0, negative=lambda label: label == 0):
    """As many as a mistake of the cases counts, of those that it takes for positive, negative."""
    def sample(labels, order, size, fraction):
        counts = count(labels, size, fraction)
        return tuple(
            sorted([i for i in order if right(labels[i])][:n])
            for right, n in zip((positive, negative), counts, strict=True)
        )

    return sample


def right_counts(labels, size, fraction):
    return [len(part) for part in library_sample(torch.tensor(labels).long(), size, fraction)]


def first_ones(labels, order, size, fraction):
    return drawn(right_counts)(labels, sorted(order), size, fraction)


def places(labels, order, size, fraction):
    """The places in `order`, not what stands there."""
    where = {i: place for place, i in enumerate(order)}
    chosen = drawn(right_counts)(labels, order, size, fraction)
    return tuple(sorted(where[i] for i in part) for part in chosen)


KINDS = {
    "ignored ones count as negative": {"negative": lambda label: label <= 0},
    "only label 1 is positive; every class above 0 is": {
        "positive": lambda label: label == 1, "negative": lambda label: label in (0, 2, 3, 7),
    },
}  # fmt: skip


def draw(axes, case, result):
    """The labels in the order of the draw; those that were drawn, filled."""
    from edudet.draw import COLOURS

    labels, order, _, _ = case
    chosen = {int(i) for part in result for i in numpy.asarray(part).tolist()}
    for place, i in enumerate(order):
        sign = "+" if labels[i] > 0 else "0" if labels[i] == 0 else "–"
        colour = COLOURS["kept" if labels[i] > 0 else "dropped" if labels[i] == 0 else "faint"]
        x, y = place % 10, place // 10
        axes.scatter(x, y, 420, colour if i in chosen else "none", edgecolors=colour, linewidths=2)
        axes.text(x, y, f"{i}\n{sign}", ha="center", va="center", fontsize=7,
                  color="white" if i in chosen else "black")  # fmt: skip
    axes.set_xlim(-0.7, 9.7)
    axes.set_ylim((len(order) - 1) // 10 + 0.7, -0.7)
    axes.set_axis_off()


EXERCISE = Exercise(
    title="A balanced sample",
    functions=[sample_balanced],
    tests=[
        worked("enough of both", 2, in_order(CASES), "enough of both", "a quarter",
               "all positive"),
        worked("too few of one kind", 2, in_order(CASES), "few positives: negatives fill up",
               "few negatives: positives do not", "no positives"),
        worked("labels, odd sizes, nothing", 2, in_order(CASES), "labels are classes",
               "ignored ones are never drawn", "an odd size", "none", "nothing asked for"),
        hidden("some of each kind", 2, some),
        hidden("few positives", 1, few_positives),
        hidden("few negatives", 1, few_negatives),
        hidden("odd sizes, other fractions", 2, odd_sizes),
        hidden("tiny ones", 1, tiny, calls=12),
    ],
    mistakes={
        **{hint: drawn(count, **KINDS.get(hint, {})) for hint, count in MISTAKES.items()},
        "the first anchors of the image are drawn, not the first in `order`": first_ones,
        "the places in `order` are returned, not the anchors that stand there": places,
        "positive and negative are exchanged": lambda *args: drawn(right_counts)(*args)[::-1],
    },
    prepare=lambda labels, order, size, fraction: (
        torch.tensor(labels, dtype=torch.int64), torch.tensor(order, dtype=torch.int64), size,
        fraction,
    ),
    line_budget=14,
    example=([0, 2, 0, 0, -1, 1, 0, 0, 1, 0, -1, 0, 0, 0, 3, 0, 0, -1, 0, 0],
             [12, 8, 3, 17, 5, 19, 0, 14, 6, 10, 2, 1, 9, 15, 4, 13, 7, 11, 18, 16], 6, 0.5),
    draw=draw,
)  # fmt: skip
