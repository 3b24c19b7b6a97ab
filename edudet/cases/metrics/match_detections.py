"""Worked examples of matching: gt_boxes, boxes, scores, threshold, rule, gt_ignore
-> claims of the detections, claims on the objects, which detections are ignored."""

from edudet.cases.case import Case

A, B = [0, 0, 10, 10], [40, 0, 50, 10]
FAR = [80, 80, 90, 90]


def wide(width):
    """A box whose IoU with A is width / 10."""
    return [0, 0, width, 10]


# IoU: (G2, P3) .9, (G1, P1) .8, (G1, P2) .6
LECTURE_4 = ([A, B], [wide(8), wide(6), [40, 0, 49, 10]], [0.25, 0.75, 0.5], 0.5)

# Boxes in one line, of heights alike. G1 = 0..64, G2 = 16..80, P1 = 2..68, P2 = 0..36.
# IoU: (G1, P1) 62/68 = .91, (G2, P1) 52/78 = .67, (G1, P2) 36/64 = .56, (G2, P2) 20/80 = .25
G1, G2, P1, P2 = [0, 0, 64, 1], [16, 0, 80, 1], [2, 0, 68, 1], [0, 0, 36, 1]

NO, ONE_OF_TWO = None, [True, False]

CASES = [
    Case(
        "sorted pairs", (*LECTURE_4, "pairs", NO), ([0, -1, 1], [0, 2], [False] * 3),
        "(G2, P3), (G1, P1); the third pair is dropped, since G1 is taken",
    ),
    Case(
        "the same by confidence", (*LECTURE_4, "coco", NO), ([-1, 0, 1], [1, 2], [False] * 3),
        "P2 is more confident and comes first, though P1 fits better",
    ),
    Case("the same by VOC", (*LECTURE_4, "voc", NO), ([-1, 0, 1], [1, 2], [False] * 3)),
    Case(
        "P2 first, COCO", ([G1, G2], [P1, P2], [0.5, 0.75], 0.5, "coco", NO),
        ([1, 0], [1, 0], [False] * 2), "P1 takes the object that is left: two right",
    ),
    Case(
        "P2 first, VOC", ([G1, G2], [P1, P2], [0.5, 0.75], 0.5, "voc", NO),
        ([-1, 0], [1, -1], [False] * 2), "P1 overlaps G1 most, and that is taken: one right",
    ),
    Case(
        "P1 first, COCO", ([G1, G2], [P1, P2], [0.75, 0.5], 0.5, "coco", NO),
        ([0, -1], [0, -1], [False] * 2),
    ),
    Case(
        "P1 first, VOC", ([G1, G2], [P1, P2], [0.75, 0.5], 0.5, "voc", NO),
        ([0, -1], [0, -1], [False] * 2),
    ),
    Case(
        "P1 and P2 in pairs", ([G1, G2], [P1, P2], [0.5, 0.75], 0.5, "pairs", NO),
        ([0, -1], [0, -1], [False] * 2), "(G1, P1) has the largest IoU: one right",
    ),
    *(
        Case(
            f"three of four right, {rule}",
            ([A, B, [20, 20, 30, 30], [60, 60, 70, 70]], [A, B, [20, 20, 28, 30], FAR],
             [0.875, 0.75, 0.625, 0.5], 0.5, rule, NO),
            ([0, 1, 2, -1], [0, 1, 2, -1], [False] * 4), "precision and recall are 3/4",
        )
        for rule in ("voc", "coco", "pairs")
    ),
    *(
        Case(
            f"only the best of them, {rule}",
            ([A, B, [20, 20, 30, 30], [60, 60, 70, 70]], [A], [0.875], 0.5, rule, NO),
            ([0], [0, -1, -1, -1], [False]), "precision 1, recall 1/4",
        )
        for rule in ("voc", "coco", "pairs")
    ),
    *(
        Case(
            f"the second on one object is wrong, {rule}",
            ([A], [A, A, A], [0.5, 0.75, 0.25], 0.5, rule, NO), (claims, [max_], [False] * 3),
        )
        for rule, claims, max_ in (
            ("voc", [-1, 0, -1], 1), ("coco", [-1, 0, -1], 1), ("pairs", [0, -1, -1], 0)
        )
    ),
    *(
        Case(
            f"exactly on the threshold, {rule}", ([A], [wide(5)], [0.5], 0.5, rule, NO),
            ([0], [0], [False]), "an IoU of 1/2 is enough",
        )
        for rule in ("voc", "coco", "pairs")
    ),
    Case(
        "difficult", ([A, B], [A, A, B], [0.75, 0.5, 0.25], 0.5, "voc", ONE_OF_TWO),
        ([0, 0, 1], [-1, 2], [True, True, False]), "many may lie on it; none of them counts",
    ),
    Case(
        "a crowd", ([A, B], [[0, 0, 2, 2], [4, 4, 6, 6], B], [0.75, 0.5, 0.25], 0.5, "coco",
                    ONE_OF_TWO),
        ([0, 0, 1], [-1, 2], [True, True, False]),
        "IoU would be 4/100; of the small detections, all lies in the crowd",
    ),
    Case(
        "an object before a crowd", ([A, wide(6), A], [wide(6)], [0.75], 0.5, "coco",
                                     [True, False, True]),
        ([1], [-1, 0, -1], [False]),
    ),
    Case(
        "a poor object before a perfect crowd", ([A, A], [wide(6)], [0.75], 0.5, "coco",
                                                 ONE_OF_TWO),
        ([1], [-1, 0], [False]), "IoU .6 with the object, all of it in the crowd",
    ),
    Case("no detections", ([A], [], [], 0.5, "coco", NO), ([], [-1], [])),
    Case("no objects", ([], [A], [0.5], 0.5, "coco", NO), ([-1], [], [False])),
    Case("no objects, VOC", ([], [A], [0.5], 0.5, "voc", NO), ([-1], [], [False])),
    Case("nothing", ([], [], [], 0.5, "pairs", NO), ([], [], [])),
]

# (predicted, objects, right) of each image -> precision and recall over all
POOLED = Case(
    "all images together", ([(4, 3, 1), (1, 2, 1)],), (2 / 5, 2 / 5),
    "the means of the images' values would be .625 and .4167",
)


def _iou(a, b, over=None):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    area_a, area_b = ((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    union = area_a if over == "detection" else area_a + area_b - inter
    return inter / union if union else 0.0


def _match(gt_boxes, boxes, scores, threshold, rule, ignore, *, once=True, above=False,
           crowd=True, sort=True, use_ignore=True, ignored_count=False, crowd_last=True):
    ignore = (ignore or [False] * len(gt_boxes)) if use_ignore else [False] * len(gt_boxes)
    overlap = [
        [_iou(p, g, "detection" if crowd and rule == "coco" and ignore[j] else None)
         for j, g in enumerate(gt_boxes)] for p in boxes
    ]

    def enough(i, j):
        return overlap[i][j] > threshold if above else overlap[i][j] >= threshold

    claims = [-1] * len(boxes)
    taken = set()

    def claim(i, j):
        claims[i] = j
        if once and not ignore[j]:
            taken.add(j)

    if rule == "pairs":
        pairs = [(i, j) for j in range(len(gt_boxes)) for i in range(len(boxes)) if enough(i, j)]
        for i, j in sorted(pairs, key=lambda p: -overlap[p[0]][p[1]] if sort else 0):
            if claims[i] < 0 and j not in taken:
                claim(i, j)
    else:
        key = (lambda i: -scores[i]) if sort else (lambda i: i)
        for i in sorted(range(len(boxes)), key=key):
            free = [
                j for j in range(len(gt_boxes))
                if rule == "voc" or (j not in taken and enough(i, j))
            ]
            free.sort(key=lambda j: (rule == "coco" and crowd_last and ignore[j], -overlap[i][j]))
            if free and enough(i, free[0]) and free[0] not in taken:
                claim(i, free[0])
    ignored = [j >= 0 and ignore[j] for j in claims]
    on_objects = [-1] * len(gt_boxes)
    for i, j in enumerate(claims):
        if j >= 0 and (ignored_count or not ignored[i]):
            on_objects[j] = i
    return claims, on_objects, ignored


def _with_rule(wrong):
    def match(gt_boxes, boxes, scores, threshold, rule, ignore):
        return _match(gt_boxes, boxes, scores, threshold, wrong.get(rule, rule), ignore)

    return match


def _by_rank(gt_boxes, boxes, scores, *rest):
    claims, *others = _match(gt_boxes, boxes, scores, *rest)
    return [claims[i] for i in sorted(range(len(boxes)), key=lambda i: -scores[i])], *others


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "an object is matched more than once": lambda *args: _match(*args, once=False),
    "an IoU of exactly the threshold is enough": lambda *args: _match(*args, above=True),
    "not sorted": lambda *args: _match(*args, sort=False),
    "VOC's rule, but a detection whose object is taken looks for another one": _with_rule(
        {"voc": "coco"}
    ),
    "COCO's rule, but a detection looks at its best object only": _with_rule({"coco": "voc"}),
    "pairs are sorted by IoU, not by confidence": _with_rule({"pairs": "coco"}),
    "the overlap with a crowd is a part of the detection": lambda *args: _match(*args, crowd=False),
    "objects to ignore count like others": lambda *args: _match(*args, use_ignore=False),
    "a crowd is chosen before an object": lambda *args: _match(*args, crowd_last=False),
    "one claim for each detection in the order of the input, not of the scores": _by_rank,
    "an ignored object is nobody's": lambda *args: _match(*args, ignored_count=True),
}
MISTAKES_OF_POOLING = {
    "the mean of the images' ratios; add the counts first": lambda images: (
        sum(right / predicted for predicted, _, right in images) / len(images),
        sum(right / objects for _, objects, right in images) / len(images),
    ),
}
