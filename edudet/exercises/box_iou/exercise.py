"""Exercise: the IoU of every pair from two sets of boxes."""

from edudet.cases.ops.box_iou import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.ops import box_iou


def many(random):
    return random_boxes(random, 12, 32), random_boxes(random, 9, 32)


def one_against_many(random):
    return random_boxes(random, 1, 8), random_boxes(random, 15, 8)


def with_empty_ones(random):
    boxes = random_boxes(random, 6, 6, smallest=0)
    return boxes, boxes[:4]


def with_none(random):
    boxes = random_boxes(random, 5, 8)
    return (random.permutation([0, 1])[0] and (boxes, [])) or ([], boxes)


def far_below_zero(random):
    return (
        [[side - 64 for side in box] for box in random_boxes(random, 8, 32)],
        [[side - 64 for side in box] for box in random_boxes(random, 5, 32)],
    )


EXERCISE = Exercise(
    title="Intersection over union",
    functions=[box_iou],
    tests=[
        worked("overlapping boxes", 2, CASES, "identical", "half covered", "quarter shift",
               "corner to corner"),
        worked("boxes apart, inside, crossing", 2, CASES, "half covered", "touching",
               "diagonally apart", "inside", "tall and wide", "negative corner"),
        worked("more than one pair, and 0 / 0", 1, CASES, "2 x 1 pairs", "empty box"),
        hidden("many boxes", 2, many),
        hidden("one against many", 1, one_against_many),
        hidden("empty boxes among others", 1, with_empty_ones),
        hidden("negative coordinates", 1, far_below_zero),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes1, boxes2: (boxes_tensor(boxes1), boxes_tensor(boxes2)),
    tolerance=(1e-6, 1e-6),
    line_budget=12,
    example=([[0, 0, 4, 4], [1, 1, 3, 3]], [[2, 0, 6, 4], [0, 0, 4, 4], [6, 6, 8, 8]]),
)  # fmt: skip
