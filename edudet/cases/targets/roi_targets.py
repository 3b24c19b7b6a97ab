"""Worked examples of the targets of the second stage: (proposals, ground truth, its labels, size,
positive fraction, threshold, lowest IoU of background, whether the ground truth is appended[, crowd
boxes]) -> (RoIs, labels, deltas, indices of the ground truth). The sample takes all that it may
take, so that nothing is left to chance. The weights of the deltas are 10, 10, 5, 5. Logarithms are
not exact in float32: compare to 1e-5.
"""

import math

from edudet.cases.case import Case
from edudet.cases.targets.matching import GT, _inside, _iou, _over
from edudet.cases.targets.rpn_targets import FAR, HERE, NONE, drawn, encoded

HALF = [0, 0, 10, 5]
TALLER = [0, 5, 0, 5 * math.log(2)]  # what makes GT of HALF: down by half a height, twice as high

CASES = [
    Case("object and background", ([HALF, FAR], [GT], [3], 8, 0.5, 0.5, 0.0, False),
         ([HALF, FAR], [3, 0], [TALLER, NONE], [0, -1]), "an IoU of exactly 1/2 is positive"),
    Case("positive ones first", ([FAR, HALF], [GT], [3], 8, 0.5, 0.5, 0.0, False),
         ([HALF, FAR], [3, 0], [TALLER, NONE], [0, -1])),
    Case("the ground truth joins", ([FAR], [GT], [3], 8, 0.5, 0.5, 0.0, True),
         ([GT, FAR], [3, 0], [HERE, NONE], [0, -1]), "no proposal is good, and yet one is learnt"),
    Case("behind the proposals", ([HALF, FAR], [GT], [3], 8, 0.5, 0.5, 0.0, True),
         ([HALF, GT, FAR], [3, 3, 0], [TALLER, HERE, NONE], [0, 0, -1])),
    Case("the class of its object", ([[20, 0, 30, 10], GT, FAR], [GT, [20, 0, 30, 10]], [7, 2], 8,
         0.5, 0.5, 0.0, False), ([[20, 0, 30, 10], GT, FAR], [2, 7, 0], [HERE, HERE, NONE],
         [1, 0, -1])),
    Case("two equally near", ([[0, 0, 10, 8]], [GT, GT], [4, 5], 8, 0.5, 0.5, 0.0, False),
         ([[0, 0, 10, 8]], [4], [[0, 1.25, 0, 5 * math.log(1.25)]], [0]), "the first"),
    Case("hard background only", ([*_over(5, 4, 1.25, 1), FAR], [GT], [3], 8, 0.5, 0.5, 0.125,
         False), ([*_over(5, 4, 1.25)], [3, 0, 0], [TALLER, NONE, NONE], [0, -1, -1]),
         "IoU .4 and exactly .125 are background; .1 and 0 are left out"),
    Case("a quarter at most", ([GT, FAR, FAR, FAR, FAR], [GT], [1], 4, 0.25, 0.5, 0.0, False),
         ([GT, FAR, FAR, FAR], [1, 0, 0, 0], [HERE, NONE, NONE, NONE], [0, -1, -1, -1])),
    Case("no place for positives", ([GT, FAR], [GT], [1], 3, 0.25, 0.5, 0.0, False),
         ([FAR], [0], [NONE], [-1]), "a quarter of 3 is none"),
    Case("a higher threshold", (_over(8, 6), [GT], [1], 8, 0.5, 0.75, 0.0, False),
         (_over(8, 6), [1, 0], [[0, 1.25, 0, 5 * math.log(1.25)], NONE], [0, -1]),
         "nothing between: what is not positive is background"),
    Case("no objects", ([GT, FAR], [], [], 8, 0.5, 0.5, 0.0, True),
         ([GT, FAR], [0, 0], [NONE, NONE], [-1, -1]), "background, no error"),
    Case("no proposals", ([], [GT], [2], 8, 0.5, 0.5, 0.0, True), ([GT], [2], [HERE], [0])),
    Case("nothing at all", ([], [], [], 8, 0.5, 0.5, 0.0, True), ([], [], [], [])),
    Case("a crowd", ([GT, FAR, [20, 20, 30, 30]], [GT], [1], 8, 0.5, 0.5, 0.0, False,
         [[30, 30, 60, 60]]), ([GT, [20, 20, 30, 30]], [1, 0], [HERE, NONE], [0, -1])),
]

WEIGHTS = (10, 10, 5, 5)


def _targets(
    *, join=lambda proposals, truth: [*proposals, *truth], positive=lambda iou, high: iou >= high,
    hard=lambda iou, low: iou >= low, name=lambda label, j: label, weights=WEIGHTS, first=True,
    fraction_of=lambda fraction: fraction, background=False, nobody=-1, encode=encoded, last=False,
):
    """roi_targets with one part exchanged."""
    def targets(
        proposals, truth, classes, size, fraction, high, low, append, crowd=(), order=None
    ):
        rois = join(proposals, truth) if append else list(proposals)
        labels, indices = [], []
        for roi in rois:
            iou = [_iou(roi, box) for box in truth]
            best = max(range(len(truth)), key=lambda j: (iou[j], j if last else -j), default=-1)
            value = iou[best] if truth else 0
            label = 0 if hard(value, low) and not any(_inside(roi, c) > 0.5 for c in crowd) else -1
            if truth and positive(value, high):
                label = 1
            labels.append(label)
            indices.append(best)
        order = range(len(rois)) if order is None else order
        positives, negatives = drawn(labels, size, fraction_of(fraction), order)
        chosen = [*sorted(positives), *sorted(negatives)]
        if not first:
            chosen.sort()
        result: tuple[list, ...] = ([], [], [], [])
        for i in chosen:
            found = labels[i] > 0
            deltas = NONE
            if found or (background and truth):
                deltas = encode(truth[indices[i]], rois[i])
            row = (
                rois[i], name(classes[indices[i]], indices[i]) if found else 0,
                [d * w for d, w in zip(deltas, weights, strict=True)],
                indices[i] if found else nobody,
            )  # fmt: skip
            for part, value in zip(result, row, strict=True):
                part.append(value)
        return result

    return targets


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "an IoU of exactly the threshold is positive": _targets(positive=lambda iou, high: iou > high),
    "background has an IoU of background_from at least": _targets(hard=lambda iou, low: True),
    "an IoU of exactly background_from is background": _targets(
        hard=lambda iou, low: iou > low or low == 0
    ),
    "the ground truth joins the proposals": _targets(join=lambda proposals, truth: proposals),
    "the ground truth stands behind the proposals": _targets(
        join=lambda proposals, truth: [*truth, *proposals]
    ),
    "the label is the class of the object, not 1": _targets(name=lambda label, j: 1),
    "the label is the class of the object, not its number": _targets(name=lambda label, j: j + 1),
    "the deltas are multiplied by the weights": _targets(weights=(1, 1, 1, 1)),
    "the deltas are multiplied by the weights, not divided": _targets(
        weights=(1 / 10, 1 / 10, 1 / 5, 1 / 5)
    ),
    "the deltas lead from the RoI to the object, not back": _targets(
        encode=lambda box, roi: encoded(roi, box)
    ),
    "the deltas of background are 0": _targets(background=True),
    "the positive RoIs come first": _targets(first=False),
    "the fraction limits the positive ones": _targets(fraction_of=lambda fraction: 1),
    "background has the index -1, not 0": _targets(nobody=0),
    "of two equally near objects the first counts": _targets(last=True),
}
