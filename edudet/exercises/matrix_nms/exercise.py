"""Exercise: Matrix NMS, linear and Gaussian."""

import torch

from edudet import ops
from edudet.cases.ops.matrix_nms import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import (
    boxes_tensor,
    draw_lowered_scores,
    random_boxes,
    random_scores,
    redrawn,
)

NEAR = 1e-4


def matrix_nms(boxes, scores, method, sigma, score_threshold):
    """Return the indices of the boxes that keep a score, best first, and their new scores.

    Args:
        boxes: (N, 4) float32; (x1, y1, x2, y2) in pixels.
        scores: (N,) float32. Of equal scores the lower index counts as better.
        method: "linear", f(x) = 1 - x, or "gaussian", f(x) = exp(-x^2 / sigma).
        sigma: of the Gaussian method only.
        score_threshold: boxes whose old or new score is *less* are left out.

    Returns:
        (keep, new_scores): keep (number kept,) int64, by falling new score, of equal ones the lower
        index first; new_scores of that shape, float32.
    """
    return ops.matrix_nms(boxes, scores, method, sigma, score_threshold)


def prepare(boxes, scores, *settings):
    return boxes_tensor(boxes), torch.tensor(scores, dtype=torch.float32), *settings


def is_clear(args):
    """Whether rounding decides nothing: no new score near another's, or near the threshold."""
    least = args[-1]
    _, new_scores = ops.matrix_nms(*prepare(*args[:-1], 0.0))
    levels = torch.cat([new_scores, torch.tensor([least])]).sort().values
    return levels.diff().min().item() > NEAR


def crowd(random, method, n=14):
    def make():
        sigma = float(random.choice([0.25, 0.5, 1]))
        return random_boxes(random, n, 16, 4), random_scores(random, n), method, sigma, 0.0625

    return redrawn(make, is_clear, 1000)


def linear_crowd(random):
    return crowd(random, "linear")


def gaussian_crowd(random):
    return crowd(random, "gaussian")


def few(random):
    method = str(random.choice(["linear", "gaussian"]))
    return crowd(random, method, int(random.integers(0, 4)) or 6)


def pairs(random):
    """Boxes with a half or an equal one each, in any order, with equal scores: all exact."""
    boxes = []
    for i in range(5):
        whole = [8 * i, 0, 8 * i + 4, 4]
        boxes += [whole, [8 * i, 0, 8 * i + 4, int(random.choice([2, 4]))]]
    random.shuffle(boxes)
    least = float(random.choice([0, 0.125, 0.25]))
    return boxes, random_scores(random, 10, levels=8), "linear", 0.5, least


def draw(axes, case, result):
    draw_lowered_scores(axes, boxes_tensor(case[0]), case[1], result)


EXERCISE = Exercise(
    title="Matrix NMS",
    functions=[matrix_nms],
    tests=[
        worked("one box or two", 1, CASES, "one", "apart", "duplicate", "none",
               "exactly on the score threshold"),
        worked("three boxes by hand", 3, CASES, "a covered region does not count in full",
               "in the order of the old scores", "the strongest factor, not all",
               "sorted by new score"),
        worked("duplicates, where 0 / 0 looms", 2, CASES, "equal scores",
               "a duplicate takes nothing from others", "three of a kind"),
        worked("Gaussian", 2, CASES, "Gaussian", "Gaussian, covered"),
        hidden("pairs, equal scores", 2, pairs),
        hidden("a crowd, linear", 2, linear_crowd),
        hidden("a crowd, Gaussian", 2, gaussian_crowd),
        hidden("few boxes", 1, few),
    ],
    mistakes=MISTAKES,
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    given=["box_iou"],
    line_budget=20,
    example=([[0, 0, 8, 8], [0, 0, 8, 4], [4, 0, 8, 4]], [1.0, 0.5, 0.25], "linear", 0.5, 0.001),
    draw=draw,
)  # fmt: skip
