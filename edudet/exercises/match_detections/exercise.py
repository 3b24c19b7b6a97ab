"""Exercise: which detection is right? Three rules."""

import itertools

import numpy

from edudet.cases.metrics.match_detections import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes, random_scores, scores_tensor
from edudet.metrics import match_detections as library_match_detections
from edudet.ops import box_iou


def match_detections(gt_boxes, boxes, scores, iou_threshold, rule):
    """Return which object each detection of one image claims.

    gt_boxes        (M, 4) float32 xyxy: the objects
    boxes           (N, 4) float32 xyxy: the detections
    scores          (N,) float32; of equal scores the lower index comes first
    iou_threshold   a detection may claim an object if their IoU is this much or more
    rule            "coco", "voc" or "pairs"

    Returns (N,) int64: for each detection the index of its object, or -1.
    """
    return library_match_detections(gt_boxes, boxes, scores, iou_threshold, rule).detections


def differ(boxes, gt_boxes):
    """Whether all overlaps that could be compared differ, so that no rule meets a tie."""
    overlaps = box_iou(boxes_tensor(boxes), boxes_tensor(gt_boxes)).double().flatten().numpy()
    overlaps = overlaps[overlaps > 0.2]
    return len(numpy.unique(overlaps.round(5))) == len(overlaps) > 2


def image(random, rule, n=8, m=5, levels=1024):
    """Detections around objects that stand close together."""
    while True:
        gt_boxes = random_boxes(random, m, 20, smallest=6)
        moved = random.choice(m, n)
        boxes = (numpy.array(gt_boxes)[moved] + random.integers(-2, 3, (n, 4))).tolist()
        if differ(boxes, gt_boxes) and differ(gt_boxes, boxes):
            return gt_boxes, boxes, random_scores(random, n, levels), 0.375, rule, None


def by_coco(random):
    return image(random, "coco")


def by_voc(random):
    return image(random, "voc")


def by_pairs(random):
    return image(random, "pairs")


def equal_scores(random):
    return image(random, str(random.choice(["coco", "voc"])), levels=4)


def few_or_none(random):
    rule = str(random.choice(["coco", "voc", "pairs"]))
    gt_boxes, boxes, scores, *rest = image(random, rule, 5, 3)
    n, m = int(random.integers(1, 6)), int(random.integers(0, 3))
    return gt_boxes[:m], boxes[:n], scores[:n], *rest


def draw(axes, case, result):
    """Objects dashed, detections in blue if they claim one, with a line to its centre."""
    from edudet.draw import COLOURS, draw_boxes  # needs matplotlib, which checking does not

    gt_boxes, boxes = boxes_tensor(case[0]), boxes_tensor(case[1])
    draw_boxes(axes, gt_boxes, "truth", dashed=True, width=2.5)
    claims = [int(i) for i in result]
    for i, (box, score) in enumerate(zip(boxes, case[2], strict=True)):
        colour = "kept" if claims[i] >= 0 else "dropped"
        draw_boxes(axes, box[None], colour)
        told = f" {score:.3g} → {'object ' + str(claims[i]) if claims[i] >= 0 else 'none'}"
        place = (i % 5 + 0.5) / 5
        axes.text(box[0], box[1] + place * (box[3] - box[1]), told, fontsize=8, va="center",
                  color=COLOURS[colour])  # fmt: skip
    for j, box in enumerate(gt_boxes.tolist()):
        axes.text(box[2], box[3], f"object {j} ", fontsize=8, color=COLOURS["truth"], va="bottom",
                  ha="right")  # fmt: skip
    corners = numpy.array(list(itertools.chain(case[0], case[1]))).reshape(-1, 2)
    low, high = corners.min(0) - 1, corners.max(0) + 1
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(high[1], low[1])
    axes.set_title(f"rule {case[4]}, IoU at least {case[3]:g}", fontsize=9)


def claims_of(mistake):
    return lambda *case: mistake(*case)[0]


OF_OBJECTS_TO_IGNORE = [
    "the overlap with a crowd is a part of the detection",
    "objects to ignore count like others", "a crowd is chosen before an object",
    "an ignored object is nobody's",
]  # fmt: skip

EXERCISE = Exercise(
    title="Matching detections to objects",
    functions=[match_detections],
    tests=[
        worked("three detections", 2, CASES, "the same by confidence", "three of four right, coco",
               "only the best of them, coco", "exactly on the threshold, coco"),
        worked("who finds the best taken", 3, CASES, "P2 first, COCO", "P2 first, VOC",
               "P1 first, COCO", "P1 first, VOC", "the second on one object is wrong, voc"),
        worked("pairs", 2, CASES, "sorted pairs", "P1 and P2 in pairs",
               "three of four right, pairs", "exactly on the threshold, pairs"),
        hidden("by COCO's rule", 2, by_coco),
        hidden("by VOC's rule", 2, by_voc),
        hidden("pairs of a crowded image", 2, by_pairs),
        hidden("equal scores", 1, equal_scores),
        hidden("few, or no objects", 1, few_or_none, calls=6),
    ],
    mistakes={hint: claims_of(mistake) for hint, mistake in MISTAKES.items()
              if hint not in OF_OBJECTS_TO_IGNORE},
    prepare=lambda gt_boxes, boxes, scores, threshold, rule, ignore: (
        boxes_tensor(gt_boxes), boxes_tensor(boxes), scores_tensor(scores), threshold, rule
    ),
    given=["box_iou"],
    line_budget=25,
    example=([[1, 0, 10, 10], [6, 1, 15, 10], [17, 2, 26, 12]],
             [[2, 1, 11, 11], [6, 0, 14, 9], [17, 2, 25, 12], [18, 3, 25, 12]],
             [0.5, 0.75, 0.625, 0.25], 0.5, "coco", None),
    draw=draw,
)  # fmt: skip
