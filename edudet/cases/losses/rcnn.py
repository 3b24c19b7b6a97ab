"""Worked examples of Faster R-CNN's losses, with beta = 1 -> (classes or objectness, boxes)."""

import math

from edudet.cases.case import Case

LOG2 = 0.69314718
DASH = [math.nan] * 4  # no object, no box
ZERO = [0.0] * 4

# objectness, deltas, labels, target deltas
CASES = [
    Case("one object", ([0.0], [ZERO], [1], [[0.5, 0.0, -2.0, 0.0]]), (LOG2, 1.625), "1/8 + 3/2"),
    Case("one background", ([0.0], [[9.0] * 4], [0], [DASH]), (LOG2, 0.0)),
    Case("both", ([0.0, 0.0], [ZERO, ZERO], [1, 0], [[2.0, 0, 0, 0], DASH]), (LOG2, 0.75),
         "3/2 over the 2 sampled, not over the 1 positive"),
    Case("ignored", ([0.0, 50.0], [ZERO, [9.0] * 4], [1, -1], [[2.0, 0, 0, 0], DASH]),
         (LOG2, 1.5), "the second neither costs nor counts"),
    Case("sure and right", ([200.0, -200.0], [ZERO, ZERO], [1, 0], [ZERO, DASH]), (0.0, 0.0)),
    Case("sure and wrong", ([-200.0, 200.0], [ZERO, ZERO], [1, 0], [ZERO, DASH]), (200.0, 0.0)),
    Case("all ignored", ([3.0], [ZERO], [-1], [DASH]), (0.0, 0.0), "0/0 is 0"),
    Case("no anchors", ([], [], [], []), (0.0, 0.0)),
]

# class logits, deltas, labels, target deltas
CASES_OF_FAST_RCNN = [
    Case("of class 1", ([[0.0, 0.0]], [[*ZERO, 1.0, 0, 0, 0]], [1], [[3.0, 0, 0, 0]]),
         (LOG2, 1.5), "its own box: |1 - 3| - 1/2"),
    Case("background", ([[0.0, 0.0]], [[9.0] * 8], [0], [DASH]), (LOG2, 0.0)),
    Case("half background", ([[0.0, 0.0]] * 2, [[0.0] * 8] * 2, [0, 1], [DASH, [2.0, 0, 0, 0]]),
         (LOG2, 0.75), "3/2 over 2 RoIs, not over 1 positive"),
    Case("class after class", ([[0.0] * 3], [[8.0] * 4 + [7.0] * 4 + ZERO], [2], [ZERO]),
         (1.0986123, 0.0), "numbers 8 to 11 belong to class 2"),
    Case("sure", ([[0.0, 200.0]], [[0.0] * 8], [1], [ZERO]), (0.0, 0.0)),
    Case("no RoIs", ([], [], [], []), (0.0, 0.0)),
]


def _box_loss(box, target):
    distances = [abs(a - b) for a, b in zip(box, target, strict=True)]
    return sum(d * d / 2 if d < 1 else d - 0.5 for d in distances)


def _log1p_exp(z):
    return max(z, 0) + math.log1p(math.exp(-abs(z)))


def _rpn(objectness, deltas, labels, targets, *, sampled=(0, 1), boxes=(1,), count=None,
         objects=(1,)):
    costs = [
        _log1p_exp(-z if label in objects else z)
        for z, label in zip(objectness, labels, strict=True) if label in sampled
    ]
    box = sum(
        _box_loss(*pair) for *pair, label in zip(deltas, targets, labels, strict=True)
        if label in boxes
    )
    return sum(costs) / (len(costs) or 1), box / ((count or len)(costs) or 1)


def _fast(logits, deltas, labels, targets, *, first=1, place=None, positives_only=False):
    place = place or (lambda label, columns: slice(4 * label, 4 * label + 4))
    classes = sum(
        math.log(sum(math.exp(x - max(z)) for x in z)) - (z[label] - max(z))
        for z, label in zip(logits, labels, strict=True)
    )
    positive = [i for i, label in enumerate(labels) if label >= first]
    box = sum(_box_loss(deltas[i][place(labels[i], len(deltas[i]))], targets[i]) for i in positive)
    n = len(labels) or 1
    return classes / n, box / ((len(positive) or 1) if positives_only else n)


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "boxes on background are compared": lambda *args: _rpn(*args, boxes=(0, 1)),
    "ignored anchors are taken for background": lambda *args: _rpn(*args, sampled=(-1, 0, 1)),
    "only positive anchors train the objectness": lambda *args: _rpn(*args, sampled=(1,)),
    "object and background are exchanged": lambda *args: _rpn(*args, objects=(0,)),
    "boxes are divided by the positives, not by all sampled": lambda *args: (
        _rpn(*args)[0], _rpn(*args, sampled=(1,))[1]
    ),
    "boxes are summed, not divided by the sampled": lambda *args: _rpn(
        *args, count=lambda costs: 1
    ),
}
MISTAKES_OF_FAST_RCNN = {
    "background has no box to compare": lambda *args: _fast(*args, first=0),
    "the box of class 0 is compared, whatever the label": lambda *args: _fast(
        *args, place=lambda label, columns: slice(0, 4)
    ),
    "numbers are read coordinate after coordinate, not class after class": lambda *args: _fast(
        *args, place=lambda label, columns: slice(label, None, columns // 4)
    ),
    "boxes are divided by the positives, not by all RoIs": lambda *args: _fast(
        *args, positives_only=True
    ),
}
