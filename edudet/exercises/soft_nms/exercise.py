"""Exercise: Soft-NMS, linear and Gaussian."""

import torch

from edudet import ops
from edudet.cases.ops.soft_nms import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import (
    boxes_tensor,
    draw_lowered_scores,
    random_boxes,
    random_scores,
    redrawn,
)
from edudet.ops.soft_nms import soft_nms_steps

NEAR = 1e-4
HALVED = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 1, 1]]


def soft_nms(boxes, scores, method, iou_threshold, sigma, score_threshold):
    """Return the indices of the boxes that keep a score, best first, and their new scores.

    Args:
        boxes: (N, 4) float32; (x1, y1, x2, y2) in pixels.
        scores: (N,) float32. Of equal scores the lower index is taken first.
        method: "linear" (weight 1 - IoU) or "gaussian" (weight exp(-IoU^2 / sigma)).
        iou_threshold: of the linear method only; IoU must be *greater* to lower a score.
        sigma: of the Gaussian method only.
        score_threshold: a box is dropped once its score is *less*, before the first is taken too.

    Returns:
        (keep, new_scores): keep (number kept,) int64, new_scores of that shape, float32.
    """
    return ops.soft_nms(boxes, scores, method, iou_threshold, sigma, score_threshold)


def prepare(boxes, scores, *settings):
    return boxes_tensor(boxes), torch.tensor(scores, dtype=torch.float32), *settings


def is_clear(args):
    """Whether rounding decides nothing: no score near another's, or near the threshold."""
    boxes, scores, *settings = prepare(*args)
    least = settings[-1]
    now = {i: score for i, score in enumerate(scores.tolist()) if score >= least}
    for best, score, lowered in soft_nms_steps(boxes, scores, *settings):
        del now[best]
        if any(abs(other - score) < NEAR for other in now.values()):
            return False
        now |= lowered
        if any(abs(other - least) < NEAR for other in now.values()):
            return False
        now = {i: other for i, other in now.items() if other >= least}
    return True


def crowd(random, method, n=14):
    def make():
        thresholds = [float(random.choice([0.125, 0.25, 0.5])) for _ in range(2)]
        return (random_boxes(random, n, 16, 3), random_scores(random, n), method,
                thresholds[0], thresholds[1], 0.0625)  # fmt: skip

    return redrawn(make, is_clear)


def linear_crowd(random):
    return crowd(random, "linear")


def gaussian_crowd(random):
    return crowd(random, "gaussian")


def few(random):
    method = str(random.choice(["linear", "gaussian"]))
    return crowd(random, method, int(random.integers(0, 4)) or 6)


def halved(random):
    """Each a power of 2 smaller than another: IoU 1/2, 1/4, ... on the thresholds, all exact."""
    chosen = [HALVED[i] for i in random.integers(0, len(HALVED), 12)]
    boxes = [[x1 + 8 * (i % 3), y1, x2 + 8 * (i % 3), y2]
             for i, (x1, y1, x2, y2) in enumerate(chosen)]  # fmt: skip
    least = float(random.choice([0, 0.125, 0.25]))
    return (boxes, random_scores(random, 12, levels=8), "linear",
            float(random.choice([0.25, 0.5])), 0.5, least)  # fmt: skip


def draw(axes, case, result):
    draw_lowered_scores(axes, boxes_tensor(case[0]), case[1], result)


EXERCISE = Exercise(
    title="Soft-NMS",
    functions=[soft_nms],
    tests=[
        worked("one box or two", 1, CASES, "one", "apart", "duplicate", "none"),
        worked("by hand", 3, CASES, "by hand", "taken in the order of new scores",
               "a lowered box falls behind one that stands alone"),
        worked("on the thresholds", 2, CASES, "exactly on the IoU threshold",
               "exactly on the score threshold", "below the score threshold",
               "weak from the start", "nothing is less than 0"),
        worked("Gaussian", 2, CASES, "Gaussian", "Gaussian, IoU below the threshold",
               "Gaussian, duplicate", "Gaussian, apart"),
        hidden("halves of halves", 2, halved),
        hidden("a crowd, linear", 2, linear_crowd),
        hidden("a crowd, Gaussian", 2, gaussian_crowd),
        hidden("few boxes", 1, few),
    ],
    mistakes=MISTAKES,
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    given=["box_iou"],
    line_budget=20,
    example=([[0, 0, 8, 8], [0, 2, 8, 10], [12, 1, 18, 7]], [0.875, 0.75, 0.5], "linear", 0.3, 0.5,
             0.001),
    draw=draw,
)  # fmt: skip
