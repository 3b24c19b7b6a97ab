"""Worked examples of COCO's numbers: ground truth, detections -> some of the numbers."""

from functools import partial

from edudet.cases.case import Case


def truth(*objects, images=(1, 2), categories=(1,)):
    """Objects are (image, box) or (image, box, more)."""
    return {
        "images": [{"id": i, "height": 400, "width": 400} for i in images],
        "categories": [{"id": c} for c in categories],
        "annotations": [
            {
                "id": n, "image_id": o[0], "category_id": 1, "bbox": o[1], "iscrowd": 0,
                "area": o[1][2] * o[1][3], **(o[2] if len(o) > 2 else {}),
            }
            for n, o in enumerate(objects, 1)
        ],
    }


def found(*detections):
    """Detections are (image, box, score) or (image, box, score, category)."""
    return [
        {"image_id": d[0], "bbox": d[1], "score": d[2], "category_id": (*d, 1)[3]}
        for d in detections
    ]


def at(x, size=20):
    return [x, 0, size, size]


FOUR = truth((1, at(0)), (1, at(50)), (2, at(0)), (2, at(50)))


def _ranked(wrong):
    right = [(1, at(0)), (2, at(0)), (1, at(50))]
    right.insert(wrong - 1, (2, at(150)))
    return found(*((i, box, s) for (i, box), s in zip(right, (0.9, 0.8, 0.7, 0.6), strict=True)))


def _alike(value, *keys):
    return dict.fromkeys(keys, value)


CASES = [
    Case("an oracle", (truth((1, at(0))), found((1, at(0), 0.5))), {
        **_alike(1.0, "AP", "AP50", "AP75", "AP_small", "AR_1", "AR_10", "AR_100"),
        **_alike(-1.0, "AP_medium", "AP_large"),
    }, "nothing medium or large is to be found: -1"),
    Case("nothing found", (FOUR, []), _alike(0.0, "AP", "AR_100")),
    Case("nothing to find", (truth(), found((1, at(0), 0.5))), _alike(-1.0, "AP", "AR_100")),
    *(
        Case(f"the {name} best is wrong", (FOUR, _ranked(wrong)), {
            **_alike(total / 101, "AP", "AP50"), "AR_1": 0.5, "AR_10": 0.75,
        }, "101 levels of recall; the best in each image are right")
        for wrong, name, total in ((4, "4th", 76), (3, "3rd", 69.75))
    ),
    Case("the 2nd best is wrong", (FOUR, _ranked(2)), {
        **_alike(63.5 / 101, "AP", "AP50"), "AR_1": 0.25, "AR_10": 0.75,
    }, "AR_1: image 2 shows only the wrong one"),
    Case("an area of exactly 32^2", (truth((1, at(0, 32))), found((1, at(0, 32), 0.5))), {
        **_alike(1.0, "AP", "AP_small", "AP_medium"), "AP_large": -1.0,
    }, "small and medium: both limits belong to the range"),
    Case("an area of exactly 96^2", (truth((1, at(0, 96))), found((1, at(0, 96), 0.5))), {
        **_alike(1.0, "AP", "AP_medium", "AP_large"), "AP_small": -1.0,
    }),
    Case("IoU .8", (truth((1, [0, 0, 10, 10])), found((1, [0, 0, 8, 10], 0.5))), {
        "AP": 0.7, "AP50": 1.0, "AP75": 1.0,
    }, "right at .50, .55, ..., .80: seven of ten"),
    Case("the best free object", (
        truth((1, [0, 0, 64, 1]), (1, [16, 0, 64, 1])),
        found((1, [2, 0, 66, 1], 0.5), (1, [0, 0, 36, 1], 0.75)),
    ), {"AP50": 1.0}, "VOC's rule would call the second one wrong"),
    Case("in a crowd", (
        truth((1, at(0)), (1, [100, 0, 80, 80], {"iscrowd": 1})),
        found((1, at(100), 0.9), (1, at(130), 0.8), (1, at(0), 0.7)),
    ), {"AP": 1.0, "AR_100": 1.0}, "neither right nor wrong"),
    Case("outside the range of areas", (
        truth((1, at(0)), (1, at(100, 50))), found((1, at(200, 50), 0.9), (1, at(0), 0.8)),
    ), {"AP_small": 1.0, "AP_medium": 0.0, "AP50": 25.5 / 101},
        "of small ones, the big mistake says nothing"),
    Case("found twice", (truth((1, at(0))), found((1, at(0), 0.5), (1, at(0), 0.9))), {
        "AP": 1.0, "AR_1": 1.0,
    }, "the second is wrong, but comes after all were found"),
    Case("found twice, and another one later", (
        truth((1, at(0)), (1, at(50))),
        found((1, at(0), 0.9), (1, at(0), 0.8), (1, at(50), 0.7)),
    ), {"AP": (51 + 50 * 2 / 3) / 101}),
    Case("equal scores", (truth((2, at(0))), found((2, at(0), 0.5), (1, at(0), 0.5))), {
        "AP": 0.5,
    }, "the smaller image id comes first, whatever the order of the input"),
    Case("equal scores in an image", (
        truth((1, at(0))), found((1, at(100), 0.5), (1, at(0), 0.5)),
    ), {"AP": 0.5, "AR_1": 0.0}, "the order of the input decides"),
    Case("an id of 0", (truth((1, at(0), {"id": 0})), found((1, at(0), 0.5))), {
        "AP": 1.0,
    }, "pycocotools says 0: it takes the id for 'not matched'"),
    Case("a class without objects", (
        truth((1, at(0)), categories=(1, 2)), found((1, at(0), 0.5), (1, at(0), 0.9, 2)),
    ), {"AP": 1.0}, "is left out of the mean"),
    Case("a class that nobody found", (
        truth((1, at(0)), (1, at(50), {"category_id": 2}), categories=(1, 2)),
        found((1, at(0), 0.5)),
    ), {"AP": 0.5, "AR_100": 0.5}),
    Case("the 101st detection", (
        truth((1, at(0))), found(*((1, at(100), 0.9) for _ in range(100)), (1, at(0), 0.5)),
    ), {"AP": 0.0, "AR_100": 0.0}, "is not looked at"),
    Case("the 100th detection", (
        truth((1, at(0))), found(*((1, at(100), 0.9) for _ in range(99)), (1, at(0), 0.5)),
    ), {"AP": 0.01, "AR_10": 0.0, "AR_100": 1.0}),
]

AREAS = {
    "": (0, 1e10), "_small": (0, 32**2), "_medium": (32**2, 96**2), "_large": (96**2, 1e10),
}


def _evaluate(gt, dt, *, half_open=False, crowds=True, voc=False, once=True, points=101,
              by_image=False, id_bug=False, absent=None, limit=100, ious=10, outside=True,
              stable=True, one=None):
    """COCO's evaluation in few lines, with parts to exchange.

    one: (IoU threshold, smallest area, largest area), if only this AP is asked for."""
    thresholds = [0.5 + 0.05 * k for k in range(ious)]
    images = sorted(i["id"] for i in gt["images"])

    def iou(a, b, crowd):
        sides = [min(a[k] + a[k + 2], b[k] + b[k + 2]) - max(a[k], b[k]) for k in (0, 1)]
        inter = max(sides[0], 0) * max(sides[1], 0)
        area = a[2] * a[3]
        return inter / (area if crowd else area + b[2] * b[3] - inter) if inter else 0.0

    def curve(category, low, high, threshold, limit):
        answers, wanted = [], 0
        for image in images:
            mine = [
                [x for x in part if x["image_id"] == image and x["category_id"] == category]
                for part in (gt["annotations"], dt)
            ]

            def beyond(area):
                return not (low <= area < high if half_open else low <= area <= high)

            ignore = [
                beyond(g["area"]) or bool(crowds and g["iscrowd"]) for g in mine[0]
            ]
            wanted += ignore.count(False)
            taken = set()
            ranked = sorted(mine[1], key=lambda d: -d["score"])[:limit]
            for d in ranked:
                fits = []
                for j, g in enumerate(mine[0]):
                    overlap = iou(d["bbox"], g["bbox"], crowds and g["iscrowd"])
                    if overlap >= threshold - 1e-9 and (voc or j not in taken):
                        fits.append((ignore[j], -overlap, j))
                best = min(fits, default=None)
                if best and best[2] in taken:
                    best = None
                if best:
                    if once and not (crowds and mine[0][best[2]]["iscrowd"]):
                        taken.add(best[2])
                    if not best[0]:
                        hit = not (id_bug and mine[0][best[2]]["id"] == 0)
                        answers.append((d["score"], hit))
                elif not (outside and beyond(d["bbox"][2] * d["bbox"][3])):
                    answers.append((d["score"], False))
        if not by_image:
            answers.sort(key=lambda a: (-a[0], not a[1]) if not stable else -a[0])
        return answers, wanted

    def summary(low, high, thresholds, limit):
        aps, recalls = [], []
        for category in (c["id"] for c in gt["categories"]):
            for threshold in thresholds:
                answers, wanted = curve(category, low, high, threshold, limit)
                if not wanted:
                    if absent is not None:
                        aps.append(absent)
                        recalls.append(absent)
                    continue
                hits = [sum(a[1] for a in answers[: i + 1]) for i in range(len(answers))]
                rows = [(h / wanted, h / (i + 1)) for i, h in enumerate(hits)]
                levels = [k / (points - 1) for k in range(points)]
                best = [max((p for r, p in rows if r >= x), default=0) for x in levels]
                aps.append(sum(best) / points)
                recalls.append(rows[-1][0] if rows else 0.0)
        mean = [sum(x) / len(x) if x else -1.0 for x in (aps, recalls)]
        return mean

    if one:
        threshold, low, high = one
        return summary(low, high, [threshold], limit)[0]
    numbers = {}
    for name, (low, high) in AREAS.items():
        numbers[f"AP{name}"] = summary(low, high, thresholds, limit)[0]
    numbers["AP50"] = summary(0, 1e10, [0.5], limit)[0]
    numbers["AP75"] = summary(0, 1e10, [0.75], limit)[0]
    for n in (1, 10, 100):
        numbers[f"AR_{n}"] = summary(0, 1e10, thresholds, min(n, limit) if n > 1 else n)[1]
    return numbers


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "an area of exactly 32^2 is medium only; it is small, too": partial(_evaluate, half_open=True),
    "crowds count like other objects": partial(_evaluate, crowds=False),
    "a detection whose best object is taken looks for the best free one":
        partial(_evaluate, voc=True),
    "an object is found more than once": partial(_evaluate, once=False),
    "101 levels of recall, not 11": partial(_evaluate, points=11),
    "detections of all images are sorted together": partial(_evaluate, by_image=True),
    "an object whose id is 0 counts as not found, as in pycocotools":
        partial(_evaluate, id_bug=True),
    "a class without objects is left out of the mean": partial(_evaluate, absent=0.0),
    "more than 100 detections are looked at": partial(_evaluate, limit=1000),
    "AP is the mean over ten IoU thresholds": partial(_evaluate, ious=1),
    "a wrong detection outside the range of areas does not count":
        partial(_evaluate, outside=False),
    "of equal scores, the right ones are put first": partial(_evaluate, stable=False),
}
