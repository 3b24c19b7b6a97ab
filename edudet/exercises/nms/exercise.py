"""Exercise: non-maximum suppression."""

import torch

from edudet.cases.ops.nms import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, draw_kept_boxes, random_boxes, random_scores
from edudet.ops import nms


def crowd(random):
    return random_boxes(random, 20, 24), random_scores(random, 20), 0.5


def equal_scores(random):
    return random_boxes(random, 16, 12), random_scores(random, 16, levels=4), 0.25


def exactly_half(random):
    """Every second box is the upper half of the one before: IoU 1/2, on the threshold."""
    boxes = random_boxes(random, 6, 16, smallest=2)
    boxes = [[x1, y1, x2, y1 + 2 * (y2 - y1)] for x1, y1, x2, y2 in boxes]
    halves = [[x1, y1, x2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes]
    pairs = [box for pair in zip(boxes, halves, strict=True) for box in pair]
    return pairs, random_scores(random, 12), 0.5


def sparse_or_none(random):
    n = int(random.integers(0, 3))
    return random_boxes(random, n + 8, 64), random_scores(random, n + 8), 0.125


def draw(axes, case, result):
    names = [f"{chr(65 + i)} {score:.3g}" for i, score in enumerate(case[1])]
    draw_kept_boxes(axes, boxes_tensor(case[0]), names, [int(i) for i in result])
    axes.set_title("kept: " + ", ".join(names[i][0] for i in result))


EXERCISE = Exercise(
    title="Non-maximum suppression",
    functions=[nms],
    tests=[
        worked("one object or two", 2, CASES, "one", "two apart", "duplicate", "none"),
        worked("five boxes by hand", 3, CASES, "by hand", "a dropped box suppresses nobody"),
        worked("on the threshold", 1, CASES, "exactly on the threshold", "just above",
               "threshold 1", "threshold 0"),
        worked("unusual boxes and scores", 1, CASES, "empty boxes", "negative scores",
               "negative corner", "tall and wide", "inside a larger one", "equal scores"),
        hidden("a crowd", 3, crowd),
        hidden("equal scores", 2, equal_scores),
        hidden("exactly half covered", 2, exactly_half),
        hidden("few overlaps", 1, sparse_or_none),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes, scores, threshold: (
        boxes_tensor(boxes), torch.tensor(scores, dtype=torch.float32), threshold
    ),
    given=["box_iou"],
    line_budget=12,
    example=next(case.args for case in CASES if case.name == "by hand"),
    draw=draw,
)  # fmt: skip
