"""Exercise: which anchor is to find which object."""

import torch

from edudet.cases.case import Case
from edudet.cases.targets.matching import CASES, GT, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.targets import match_anchors as library_match


def match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold):
    """Label every anchor and name its ground truth.

    anchors: (N, 4) float32, gt_boxes: (M, 4) float32; (x1, y1, x2, y2) in pixels. N or M may be 0.
    positive_threshold, negative_threshold: numbers, the first the larger.

    Returns two int64 tensors (N,): labels, 1 for positive, 0 for negative, -1 for ignored; and the
    index of the ground truth of a positive anchor, -1 for the others.
    """
    return tuple(library_match(anchors, gt_boxes, positive_threshold, negative_threshold))


def at_quarters(cases):
    """The cases without options, with the thresholds 3/4 and 1/4, and two for these thresholds."""
    plain = [Case(c.name, (*c.args, 0.75, 0.25), None) for c in cases if len(c.args) == 2]
    edges = [[0, 0, 10, height] for height in (9, 7.5, 2.5, 2)]
    whole_and_part = [GT, [0, 0, 10, 9]]
    return [*plain, Case("on the thresholds", (edges, [GT], 0.75, 0.25), None),
            Case("equal objects", (whole_and_part, [GT, GT], 0.75, 0.25), None)]  # fmt: skip


def street(random):
    return random_boxes(random, 40, 32), random_boxes(random, 5, 32), 0.5, 0.25


def parts_of_objects(random):
    """Every anchor is 1 to 8 eighths of an object: thresholds are met exactly."""
    truth = [[x, y, x + 8, y + side] for x, y, side in random.integers(1, 20, (3, 3)).tolist()]
    anchors = []
    for x1, y1, x2, y2 in truth * 7:
        eighths = int(random.integers(1, 9))
        anchors.append([x1, y1, x1 + eighths, y2] if random.integers(2) else [x1, y1, x2, y2])
    return anchors, truth, 0.75, 0.25


def poorly_covered(random):
    """Objects that few anchors touch, or none: their best anchors are far below the threshold."""
    anchors = random_boxes(random, 24, 64)
    return anchors, random_boxes(random, 6, 64), 0.875, 0.125


def few(random):
    n, m = random.integers(0, 3, 2).tolist()
    return random_boxes(random, n + 1, 8), random_boxes(random, m, 8), 0.5, 0.25


def equal_objects(random):
    """Every object twice: the first of the two counts."""
    truth = random_boxes(random, 3, 16)
    return random_boxes(random, 20, 16), truth + truth, 0.5, 0.25


def draw(axes, case, result):
    from edudet.draw import draw_boxes, look_at

    anchors, truth = boxes_tensor(case[0]), boxes_tensor(case[1])
    labels, indices = (torch.as_tensor(part) for part in result)
    draw_boxes(axes, truth, "truth", [f"object {j}" for j in range(len(truth))], 4, 0.6)
    for label, colour in ((0, "faint"), (-1, "marked"), (1, "kept")):
        chosen = (labels == label).nonzero().flatten()
        draw_boxes(axes, anchors[chosen], colour, dashed=label != 1)
        for i in chosen.tolist():
            x1, _, x2, y2 = anchors[i].tolist()
            what = {1: f"{i}: of {int(indices[i])}", 0: f"{i}: none", -1: f"{i}: ignored"}[label]
            axes.text((x1 + x2) / 2, y2, what, ha="center", va="bottom", fontsize=8)
    look_at(axes, torch.cat([anchors, truth]))


EXERCISE = Exercise(
    title="Matching anchors to objects",
    functions=[match_anchors],
    tests=[
        worked("by the thresholds", 2, at_quarters(CASES), "object, between, none",
               "the nearer of two", "no ground truth"),
        worked("the best of each object", 2, at_quarters(CASES), "the best is below the threshold",
               "two best ones", "an object that nothing touches"),
        worked("edges", 2, at_quarters(CASES), "on the thresholds", "equal objects",
               "best for one, but nearer to another"),
        hidden("a street", 3, street),
        hidden("parts of objects", 2, parts_of_objects),
        hidden("poorly covered objects", 2, poorly_covered),
        hidden("few or none", 1, few, calls=8),
        hidden("every object twice", 1, equal_objects),
    ],
    mistakes={hint: wrong for hint, wrong in MISTAKES.items() if "crowd" not in hint},
    prepare=lambda anchors, truth, *thresholds: (
        boxes_tensor(anchors), boxes_tensor(truth), *thresholds
    ),
    given=["box_iou"],
    line_budget=20,
    example=([[0, 0, 20, 18], [4, 10, 24, 24], [22, 0, 36, 10], [30, 6, 50, 22], [36, 2, 48, 14]],
             [[0, 0, 20, 20], [30, 2, 44, 14]], 0.75, 0.25),
    draw=draw,
)  # fmt: skip
