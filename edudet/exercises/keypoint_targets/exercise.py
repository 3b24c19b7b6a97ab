"""Exercise: the cell of each joint. Sides are powers of two, so that no rounding moves a joint."""

import torch

from edudet.cases.targets.keypoint_targets import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.targets import keypoint_targets as library_targets


def keypoint_targets(keypoints, rois, size):
    """Return the cell of each joint in the grid of its RoI.

    keypoints: (P, K, 3) float32; x, y in pixels and v (0 not labelled, 1 hidden, 2 seen) of the K
    joints of the person that each RoI belongs to. P may be 0.
    rois: (P, 4) float32, (x1, y1, x2, y2) in pixels, every side longer than 0.
    size: cells along each side of the grid.

    Returns two tensors: cells (P, K) int64, row * size + column, 0 where the joint has no cell; and
    valid (P, K) bool, whether it has one.
    """
    return tuple(library_targets(keypoints, rois, size))


WORKED = [case for case in CASES if case.name != "a RoI without area"]


def people(random, rois, joints, size, places=lambda random, n: random.integers(-2, 19, n) / 16):
    """RoIs of 4, 8 or 16 pixels each way; joints at parts of their sides, inside and beyond."""
    keypoints, boxes = [], []
    for _ in range(rois):
        x1, y1 = random.integers(0, 32, 2).tolist()
        width, height = random.choice([4, 8, 16], 2).tolist()
        boxes.append([x1, y1, x1 + width, y1 + height])
        x, y = (x1 + width * places(random, joints)), (y1 + height * places(random, joints))
        v = random.integers(0, 3, joints)
        keypoints.append([list(joint) for joint in zip(x.tolist(), y.tolist(), v.tolist(),
                                                       strict=True)])  # fmt: skip
    return keypoints, boxes, size


def some_people(random):
    return people(random, 4, 6, int(random.choice([4, 8, 16])))


def on_the_sides(random):
    return people(random, 3, 6, 4, lambda random, n: random.choice([0, 0.25, 0.5, 1.0], n))


def around_the_roi(random):
    return people(random, 3, 6, 8, lambda random, n: random.choice([-0.125, 0.375, 0.75, 1.125], n))


def few(random):
    rois, joints = random.integers(0, 3, 2).tolist()
    return people(random, rois, joints + 1, 2)


def draw(axes, case, result):
    """The RoI as a grid, the joints, and the cells that are meant."""
    from edudet.draw import COLOURS, draw_boxes

    joints, (x1, y1, x2, y2), size = case[0][0], case[1][0], case[2]
    cells, valid = (torch.as_tensor(part)[0].tolist() for part in result)
    width, height = (x2 - x1) / size, (y2 - y1) / size
    for i in range(size + 1):
        axes.plot([x1, x2], [y1 + i * height] * 2, color=COLOURS["faint"], linewidth=0.8)
        axes.plot([x1 + i * width] * 2, [y1, y2], color=COLOURS["faint"], linewidth=0.8)
    for cell, good in zip(cells, valid, strict=True):
        if good:
            left, top = x1 + cell % size * width, y1 + cell // size * height
            box = [left, top, left + width, top + height]
            draw_boxes(axes, boxes_tensor([box]), "kept")
            axes.text(left + 0.06 * width, top + 0.06 * height, cell, va="top", fontsize=8)
    for x, y, v in joints:
        colour = COLOURS["marked" if v == 2 else "dropped" if v == 1 else "faint"]
        axes.plot(x, y, "o" if v else "x", color=colour, markersize=7)
    axes.set_xlim(x1 - width, x2 + width)
    axes.set_ylim(y2 + height, y1 - height)
    axes.set_aspect("equal")


EXERCISE = Exercise(
    title="What a keypoint head should point at",
    functions=[keypoint_targets],
    tests=[
        worked("one cell", 2, WORKED, "a joint", "cells are wide or high", "rounded down",
               "counted from the RoI"),
        worked("sides", 2, WORKED, "the right and the lower side", "just outside"),
        worked("seen, hidden, not labelled", 1, WORKED, "seen, hidden, not labelled",
               "two RoIs of one person"),
        hidden("some people", 3, some_people),
        hidden("joints on the sides", 2, on_the_sides),
        hidden("joints around the RoI", 1, around_the_roi),
        hidden("few people, few joints", 1, few, calls=8),
    ],
    mistakes=MISTAKES,
    prepare=lambda keypoints, rois, size: (
        torch.tensor(keypoints, dtype=torch.float32) if keypoints else torch.zeros(0, 1, 3),
        boxes_tensor(rois), size,
    ),
    line_budget=20,
    example=([[[13, 21.5, 2], [11, 25, 2], [18, 26, 1], [14, 28, 2], [19, 22, 2], [16.5, 23, 0]]],
             [[10, 20, 18, 28]], 4),
    draw=draw,
)  # fmt: skip
