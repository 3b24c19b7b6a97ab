"""Worked examples of VOC's mAP: ground truth, detections, threshold, year -> APs, their mean.

A detection is (box, score, label), an object (box, label) or (box, label, difficult); each image
has a list of them. None stands for an AP that is not defined."""

from edudet.cases.case import Case

A, B, C, D = ([x, 0, x + 10, 10] for x in (0, 20, 40, 60))
FAR = [0, 80, 10, 90]
FOUR = [[(A, 1), (B, 1)], [(C, 1), (D, 1)]]


def _ranked(wrong):
    """Four detections of one class in two images; the `wrong`-th best is beside everything."""
    scores = [0.875, 0.75, 0.625, 0.5]
    boxes = [A, B, C]
    boxes.insert(wrong - 1, FAR)
    found = [(box, score, 1) for box, score in zip(boxes, scores, strict=True)]
    return [[f for f in found if f[0] is not C], [f for f in found if f[0] is C]]


CASES = [
    Case(f"the {name} best is wrong, {year}", (FOUR, _ranked(wrong), 0.5, year), ({1: ap}, ap))
    for wrong, name, by_year in (
        (4, "4th", {2010: 3 / 4, 2007: 8 / 11}), (3, "3rd", {2010: 11 / 16, 2007: 7.5 / 11}),
        (2, "2nd", {2010: 5 / 8, 2007: 6.75 / 11}),
    )
    for year, ap in by_year.items()
]
CASES += [
    Case(
        "the mean of two classes", ([[(A, 1), (B, 2)]], [[(A, 0.5, 1), (FAR, 0.5, 2)]], 0.5, 2010),
        ({1: 1.0, 2: 0.0}, 0.5),
    ),
    Case(
        "a class without objects", ([[(A, 1)]], [[(A, 0.5, 1), (B, 0.5, 2)]], 0.5, 2010),
        ({1: 1.0, 2: None}, 1.0), "its AP is 0/0 and takes no part in the mean",
    ),
    Case(
        "a class that nobody found", ([[(A, 1), (B, 2)]], [[(A, 0.5, 1)]], 0.5, 2010),
        ({1: 1.0, 2: 0.0}, 0.5),
    ),
    Case(
        "difficult objects do not count",
        ([[(A, 1, True), (B, 1), (C, 1, True)]], [[(A, 0.75, 1), (B, 0.5, 1)]], 0.5, 2010),
        ({1: 1.0}, 1.0),
    ),
    Case(
        "found twice", ([[(A, 1), (B, 1)]], [[(A, 0.75, 1), (A, 0.5, 1), (B, 0.25, 1)]], 0.5, 2010),
        ({1: 1 / 2 + 1 / 2 * 2 / 3}, 1 / 2 + 1 / 2 * 2 / 3), "the second on A is wrong",
    ),
    Case(
        "sorted over all images",
        ([[], [(A, 1)]], [[(FAR, 0.5, 1)], [(A, 0.75, 1)]], 0.5, 2010), ({1: 1.0}, 1.0),
        "the wrong one comes last, though its image comes first",
    ),
    Case(
        "the wrong label", ([[(A, 1), (B, 1), (C, 2)]], [[(A, 0.75, 2), (B, 0.5, 1)]], 0.5, 2010),
        ({1: 1 / 2, 2: 0.0}, 1 / 4), "well framed, but nothing of class 2 lies there",
    ),
    Case(
        "exactly on the threshold", ([[(A, 1)]], [[([0, 0, 5, 10], 0.5, 1)]], 0.5, 2010),
        ({1: 1.0}, 1.0), "an IoU of 1/2 is enough",
    ),
    Case("nothing to find", ([[]], [[(A, 0.5, 1)]], 0.5, 2010), ({1: None}, None)),
    Case("no image", ([], [], 0.5, 2010), ({}, None)),
]


def _iou(a, b):
    inter = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return inter / (sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)) - inter)


def _voc(ground_truth, detections, threshold, year, *, by_image=False, difficult=True,
         once=True, absent=None, one_class=False, points=None, above=False):
    objects = [
        [(o[0], 0 if one_class else o[1], difficult and len(o) > 2) for o in image]
        for image in ground_truth
    ]
    found = [
        (score, image, box, 0 if one_class else label)
        for image, listed in enumerate(detections) for box, score, label in listed
    ]
    if not by_image:
        found.sort(key=lambda f: -f[0])
    aps = {}
    for label in {f[3] for f in found} | {o[1] for image in objects for o in image}:
        positives = sum(o[1] == label and not o[2] for image in objects for o in image)
        taken, right = set(), []
        for _, image, box, of in found:
            if of != label:
                continue
            ious = {j: _iou(box, o[0]) for j, o in enumerate(objects[image]) if o[1] == label}
            best = max(ious, key=lambda j: ious[j], default=-1)
            limit = threshold + 1e-9 if above else threshold
            hit = best >= 0 and ious[best] >= limit
            if hit and objects[image][best][2]:
                continue
            right.append(hit and (image, best) not in taken)
            if hit and once:
                taken.add((image, best))
        recall = [sum(right[: i + 1]) / max(positives, 1) for i in range(len(right))]
        precision = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
        best_from = [max(precision[i:]) for i in range(len(right))]
        if (points or {2007: 11, 2010: None}[year]) == 11:
            ap = sum(
                max((p for p, r in zip(best_from, recall, strict=True) if r >= k / 10), default=0)
                for k in range(11)
            ) / 11
        else:
            steps = [r - q for r, q in zip(recall, [0, *recall], strict=False)]
            ap = sum(p * s for p, s in zip(best_from, steps, strict=True))
        aps[label] = ap if positives else absent
    defined = [ap for ap in aps.values() if ap is not None]
    return aps, sum(defined) / len(defined) if defined else None


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "detections are taken image by image; sort those of all images together": lambda *args: _voc(
        *args, by_image=True
    ),
    "difficult objects count like others": lambda *args: _voc(*args, difficult=False),
    "an object is found more than once": lambda *args: _voc(*args, once=False),
    "a class without objects has no AP; it is left out of the mean": lambda *args: _voc(
        *args, absent=0.0
    ),
    "all classes are thrown together": lambda *args: _voc(*args, one_class=True),
    "11 points whatever the year": lambda *args: _voc(*args, points=11),
    "the whole area whatever the year": lambda *args: _voc(*args, points="all"),
    "an IoU of exactly the threshold is enough": lambda *args: _voc(*args, above=True),
}
