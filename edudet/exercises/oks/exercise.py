"""Exercise: object keypoint similarity."""

import math

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.metrics.oks import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.metrics import oks as library_oks


def oks(gt_keypoints, visible, areas, keypoints, sigmas):
    """Return the similarity of every true pose with every predicted one.

    gt_keypoints: (N, K, 2) float32, x, y of the K joints of N people, in pixels. N may be 0.
    visible: (N, K) int64; joints with 0 do not count, those with 1 or 2 do.
    areas: (N,) float32, of the people, in square pixels; above 0.
    keypoints: (M, K, 2) float32, the predictions; NaN is a joint that was not found. M may be 0.
    sigmas: (K,) float32, one of each joint; above 0.

    Returns (N, M) floats in [0, 1]; 0 for a person without visible joints.
    """
    return library_oks(gt_keypoints, visible, areas, keypoints, sigmas).float()


PLAIN = [Case(c.name, c.args[:5], None) for c in CASES if c.args[5] is None]


def poses(random, n, m, k):
    truth = random.integers(0, 32, (n, k, 2))
    visible = random.choice([0, 1, 2], (n, k), p=[0.25, 0.25, 0.5])
    areas = random.choice([16, 64, 100, 400], n)
    found = truth[random.integers(0, max(n, 1), m)] if n else random.integers(0, 32, (m, k, 2))
    found = found + random.integers(-5, 6, (m, k, 2))
    sigmas = random.choice([0.125, 0.25, 0.5], k)
    return [part.tolist() for part in (truth, visible, areas, found, sigmas)]


def every_pair(random):
    return tuple(poses(random, 4, 3, 5))


def not_found(random):
    """Of some predicted poses not all joints were found."""
    truth, visible, areas, found, sigmas = poses(random, 2, 4, 6)
    for points in found:
        for joint in random.permutation(6)[: random.integers(0, 4)]:
            points[joint] = [math.nan, math.nan]
    return truth, visible, areas, found, sigmas


def hidden_people(random):
    """The first person has no visible joint, the second one only."""
    truth, visible, areas, found, sigmas = poses(random, 3, 2, 4)
    visible[0] = [0] * 4
    visible[1] = [0, 1, 0, 0]
    return truth, visible, areas, found, sigmas


def few(random):
    n, m = random.integers(0, 3, 2).tolist()
    return tuple(poses(random, n, m, 2))


def without_boxes(mistake):
    return lambda *case: mistake(*case, None)


def prepare(truth, visible, areas, found, sigmas):
    k = len(sigmas)
    return (
        torch.tensor(truth, dtype=torch.float32).reshape(-1, k, 2),
        torch.tensor(visible, dtype=torch.int64).reshape(-1, k),
        torch.tensor(areas, dtype=torch.float32),
        torch.tensor(found, dtype=torch.float32).reshape(-1, k, 2),
        torch.tensor(sigmas, dtype=torch.float32),
    )


def draw(axes, case, result):
    """The first person, circles where a joint is worth e^-1/2, and the predictions."""
    from edudet.draw import COLOURS

    truth, visible, areas, found, sigmas = case
    turn = numpy.linspace(0, 2 * math.pi, 60)
    for (x, y), flag, sigma in zip(truth[0], visible[0], sigmas, strict=True):
        radius = 2 * sigma * math.sqrt(areas[0])
        axes.plot(x, y, "o" if flag else ".", color=COLOURS["truth"])
        if flag:
            axes.plot(x + radius * numpy.cos(turn), y + radius * numpy.sin(turn),
                      color=COLOURS["faint"])  # fmt: skip
    for points, colour, score in zip(found, ("kept", "dropped", "marked"), result[0], strict=False):
        for (px, py), (x, y), flag in zip(points, truth[0], visible[0], strict=True):
            axes.plot(px, py, "x", color=COLOURS[colour], markersize=9)
            if flag:
                axes.plot([x, px], [y, py], color=COLOURS[colour], linewidth=1)
        axes.plot([], [], "x-", color=COLOURS[colour], label=f"OKS {score:.3f}")
    axes.legend()
    axes.set_aspect("equal")
    axes.invert_yaxis()


EXERCISE = Exercise(
    title="Object keypoint similarity",
    functions=[oks],
    tests=[
        worked("one joint", 2, PLAIN, "exact", "four off", "in x and y", "a larger object",
               "a stricter joint"),
        worked("several joints", 2, PLAIN, "mean of similarities", "invisible",
               "hidden but labelled", "not found"),
        worked("several people, or nobody", 1, PLAIN, "every pair", "none visible, no box",
               "nobody found", "nobody there"),
        hidden("every pair", 3, every_pair),
        hidden("joints that were not found", 2, not_found),
        hidden("people who are hardly visible", 1, hidden_people),
        hidden("few or none", 1, few, calls=8),
    ],
    mistakes={
        hint: without_boxes(wrong) for hint, wrong in MISTAKES.items() if "box" not in hint
    },
    prepare=prepare,
    tolerance=(1e-5, 1e-6),
    line_budget=16,
    example=([[[8, 6], [24, 6], [16, 26]]], [[2, 2, 1]], [100],
             [[[10, 6], [24, 10], [16, 36]], [[14, 6], [24, 12], [22, 26]]], [0.125, 0.125, 0.5]),
    draw=draw,
)  # fmt: skip
