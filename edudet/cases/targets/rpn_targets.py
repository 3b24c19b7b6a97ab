"""Worked examples of the targets of a region proposal network: (anchors, ground truth, positive and
negative threshold, size, positive fraction[, crowd boxes]) -> (labels, deltas, indices of the
ground truth). The sample takes all that it may take, so that nothing is left to chance. Logarithms
are not exact in float32: compare to 1e-6.
"""

import math

from edudet.cases.case import Case
from edudet.cases.targets.matching import GT, _matching, _over

FAR = [40, 40, 50, 50]
HERE = [0, 0, 0, 0]
NONE = [0, 0, 0, 0]

CASES = [
    Case("object, between, none", (_over(8, 5, 2), [GT], 0.75, 0.25, 256, 0.5),
         ([1, -1, 0], [[0, 0.125, 0, math.log(1.25)], NONE, NONE], [0, -1, -1]),
         "IoU .8, .5, .2; the first must move down by 1 of 8 and grow from 8 to 10"),
    Case("fits already", ([GT, FAR], [GT], 0.75, 0.25, 256, 0.5), ([1, 0], [HERE, NONE], [0, -1]),
         "no move is a target too"),
    Case("too far left", ([[0, 0, 8, 8], FAR], [[1, 0, 9, 8]], 0.75, 0.25, 256, 0.5),
         ([1, 0], [[0.125, 0, 0, 0], NONE], [0, -1]), "IoU 56 / 72"),
    Case("the best is below the threshold", (_over(5, 4, 2), [GT], 0.75, 0.25, 256, 0.5),
         ([1, -1, 0], [[0, 0.5, 0, math.log(2)], NONE, NONE], [0, -1, -1])),
    Case("best for one, but nearer to another",
         ([[0, 0, 10, 5], FAR], [[0, 0, 10, 6], GT], 0.75, 0.25, 256, 0.5),
         ([1, 0], [[0, 0.1, 0, math.log(1.2)], NONE], [0, -1]), "it is moved to its own object"),
    Case("three objects", ([FAR, GT, [20, 0, 40, 10]], [[20, 0, 40, 8], [60, 60, 70, 70], GT],
         0.75, 0.25, 256, 0.5), ([0, 1, 1], [NONE, HERE, [0, -0.1, 0, math.log(0.8)]], [-1, 2, 0]),
         "label 1 whichever object it is; one that nothing touches is found by nobody"),
    Case("no objects", ([GT, FAR], [], 0.75, 0.25, 256, 0.5), ([0, 0], [NONE, NONE], [-1, -1]),
         "background, no error"),
    Case("no anchors", ([], [GT], 0.75, 0.25, 256, 0.5), ([], [], [])),
    Case("no place for positives", ([GT, FAR, FAR], [GT], 0.75, 0.25, 4, 0.0),
         ([-1, 0, 0], [NONE, NONE, NONE], [-1, -1, -1]), "what is not drawn has no target"),
    Case("nothing is drawn", ([GT, FAR], [GT], 0.75, 0.25, 0, 0.5),
         ([-1, -1], [NONE, NONE], [-1, -1])),
    Case("background fills up", ([FAR, GT, FAR, FAR], [GT], 0.75, 0.25, 4, 0.5),
         ([0, 1, 0, 0], [NONE, HERE, NONE, NONE], [-1, 0, -1, -1]), "1 positive of 2, and 3 more"),
    Case("a crowd", ([GT, FAR, [20, 20, 30, 30]], [GT], 0.75, 0.25, 256, 0.5, [[30, 30, 60, 60]]),
         ([1, -1, 0], [HERE, NONE, NONE], [0, -1, -1]), "background inside it is not drawn"),
]


def measures(box):
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def encoded(box, anchor):
    (x, y, w, h), (cx, cy, width, height) = measures(box), measures(anchor)
    return [(x - cx) / width, (y - cy) / height, math.log(w / width), math.log(h / height)]


def _by_the_object(box, anchor):
    dx, dy, dw, dh = encoded(box, anchor)
    return [dx / math.exp(dw), dy / math.exp(dh), dw, dh]


def drawn(labels, size, fraction, order, fill=False):
    """The positive and the negative ones that come first in `order`."""
    positive = [i for i in order if labels[i] > 0]
    negative = [i for i in order if labels[i] == 0]
    most = int(size * fraction)
    if fill:
        most = max(most, size - len(negative))
    positive = positive[:most]
    return positive, negative[: size - len(positive)]


RIGHT = _matching()


def _targets(
    *, match=RIGHT, encode=encoded, label=lambda j: 1, left_out=-1, of_all=False, nobody=-1,
    background=False, fill=False,
):
    """rpn_targets with one part exchanged."""
    def targets(anchors, truth, high, low, size, fraction, crowd=(), order=None):
        matched, indices = match(anchors, truth, high, low, True, crowd)
        order = range(len(anchors)) if order is None else order
        positive, negative = drawn(matched, size, fraction, order, fill)
        labels, deltas = [left_out] * len(anchors), [NONE] * len(anchors)
        moved = [i for i, value in enumerate(matched) if value > 0] if of_all else positive
        for i in negative:
            labels[i] = 0
            if background and truth:
                deltas[i] = encode(truth[0], anchors[i])
        for i in positive:
            labels[i] = label(indices[i])
        for i in moved:
            deltas[i] = encode(truth[indices[i]], anchors[i])
        kept = [indices[i] if i in moved else nobody for i in range(len(anchors))]
        return labels, deltas, kept

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "what is ignored or not drawn is -1, not background": _targets(left_out=0),
    "between the thresholds is neither object nor background": _targets(match=_matching(between=0)),
    "the best anchor of an object is positive too": _targets(match=_matching(ties="none")),
    "an anchor is moved to its own best object, not to the one that it is best for": _targets(
        match=_matching(own=False)
    ),
    "the deltas lead from the anchor to the object, not back": _targets(
        encode=lambda box, anchor: encoded(anchor, box)
    ),
    "dx and dy are divided by the size of the anchor, not of the object": _targets(
        encode=_by_the_object
    ),
    "dh before dw; the order is dx, dy, dw, dh": _targets(
        encode=lambda box, anchor: [encoded(box, anchor)[i] for i in (0, 1, 3, 2)]
    ),
    "the label says whether, not which: 1 for every object": _targets(label=lambda j: j + 1),
    "positive anchors that are not drawn have no deltas and no object": _targets(of_all=True),
    "background is moved nowhere: its deltas are 0": _targets(background=True),
    "an anchor without an object has the index -1, not 0": _targets(nobody=0),
    "positives do not fill the places that negatives leave": _targets(fill=True),
}
