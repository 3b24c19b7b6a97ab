"""Worked examples of matching: (anchors, ground truth[, thresholds, best for each, crowd boxes]) ->
(labels, indices of the ground truth)."""

from edudet.cases.case import Case

GT = [0, 0, 10, 10]


def _over(*heights):
    """Anchors with an IoU of height / 10 with GT."""
    return [[0, 0, 10, height] for height in heights]


CASES = [
    Case("no ground truth", ([GT, [5, 5, 9, 9]], []), ([0, 0], [-1, -1]), "background, no error"),
    Case("no anchors", ([], [GT]), ([], [])),
    Case("object, between, none", (_over(8, 5, 2), [GT]), ([1, -1, 0], [0, -1, -1]),
         "IoU .8, .5, .2"),
    Case("the best is below the threshold", (_over(5, 4, 2), [GT]), ([1, -1, 0], [0, -1, -1]),
         "without it the object would teach nothing"),
    Case("two best ones", ([*_over(5), [0, 5, 10, 10], *_over(4)], [GT]),
         ([1, 1, -1], [0, 0, -1]), "both cover one half"),
    Case("not the best of each", (_over(5, 4, 2), [GT], 0.7, 0.3, False),
         ([-1, -1, 0], [-1, -1, -1])),
    Case("exactly on the thresholds", (_over(9, 7, 3, 2), [GT]),
         ([1, -1, -1, 0], [0, -1, -1, -1]), "higher than, lower than: the edges are between"),
    Case("nothing between", (_over(9, 5, 4), [GT], 0.5, 0.5, False), ([1, 1, 0], [0, 0, -1]),
         "equal thresholds: at least, as in the second stage of Fast R-CNN"),
    Case("the nearer of two", ([[0, 0, 10, 9], [20, 0, 30, 9]], [GT, [20, 0, 30, 10]]),
         ([1, 1], [0, 1])),
    Case("two equally near", ([[0, 0, 10, 9]], [GT, GT]), ([1], [0]), "the first"),
    Case("an object that nothing touches", ([[0, 0, 10, 9], [50, 50, 60, 60]], [GT, [80, 80, 90,
         90]]), ([1, 0], [0, -1]), "an IoU of 0 is nobody's best"),
    Case("best for one, but nearer to another", ([[0, 0, 10, 5]], [GT, [0, 0, 10, 6]]),
         ([1], [1]), "IoU 5/10 and 5/6: the larger decides"),
    Case("a crowd", ([*_over(10), [20, 0, 30, 10], [24, 0, 34, 10], [29, 0, 39, 10]], [GT], 0.7,
         0.3, True, [[20, 0, 30, 10]]), ([1, -1, -1, 0], [0, -1, -1, -1]),
         "1, .6 and .1 of the anchors lie in it"),
    Case("a crowd takes no positive", ([GT], [GT], 0.7, 0.3, True, [GT]), ([1], [0])),
]


def _iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def _inside(anchor, crowd):
    width = min(anchor[2], crowd[2]) - max(anchor[0], crowd[0])
    height = min(anchor[3], crowd[3]) - max(anchor[1], crowd[1])
    area = (anchor[2] - anchor[0]) * (anchor[3] - anchor[1])
    return max(width, 0) * max(height, 0) / area


def _matching(
    *, positive=lambda iou, high, low: iou > high or iou == high == low,
    negative=lambda iou, low: iou < low, quality=_iou, ties="all", touch=True, own=True,
    between=-1, inside=_inside, crowds_first=False, last=False,
):
    """match_anchors with one part exchanged."""
    def match(anchors, truth, high=0.7, low=0.3, best_for_each=True, crowd=()):
        iou = [[quality(a, g) for g in truth] for a in anchors]
        labels, indices = [], []
        best_of = [max((row[j] for row in iou), default=0) for j in range(len(truth))]
        for i, row in enumerate(iou):
            ranked = sorted((-value, -j if last else j, j) for j, value in enumerate(row))
            best = ranked[0][2] if ranked else -1
            value = row[best] if ranked else 0
            label = 0 if negative(value, low) else between
            if positive(value, high, low) and ranked:
                label = 1
            for j in range(len(truth)):
                first = [r[j] for r in iou].index(best_of[j]) == i
                if best_for_each and row[j] == best_of[j] and (row[j] > 0 or not touch):
                    if ties == "none" or (ties == "first" and not first):
                        continue
                    label, best = 1, best if own else j
            in_crowd = any(inside(anchors[i], c) > 0.5 for c in crowd)
            if in_crowd and (label == 0 or crowds_first):
                label = -1
            labels.append(label)
            indices.append(best if label == 1 else -1)
        return labels, indices

    return match


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "IoU >= the threshold is positive; only more is": _matching(
        positive=lambda iou, high, low: iou >= high
    ),
    "IoU <= the lower threshold is negative; only less is": _matching(
        negative=lambda iou, low: iou <= low
    ),
    "the best anchor of a ground truth is not made positive": _matching(ties="none"),
    "only the first of several best anchors becomes positive": _matching(ties="first"),
    "anchors that touch nothing become the best of an object with IoU 0": _matching(touch=False),
    "the anchor goes to the object that it is best for, not to its own best": _matching(own=False),
    "between the thresholds is negative; it is ignored": _matching(between=0),
    "of two equal ground truths the last wins": _matching(last=True),
    "crowds are matched by IoU, not by the part of the anchor inside": _matching(inside=_iou),
    "crowds make positives ignored": _matching(crowds_first=True),
    "the intersection is divided by the anchor's area, not by the union": _matching(
        quality=_inside
    ),
}
