"""Exercise: what CenterNet should say."""

import math

import torch

from edudet.cases.targets.center_targets import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, draw_heatmap, random_objects
from edudet.targets import center_targets as library_targets
from edudet.targets import gaussian_heatmaps


def center_targets(boxes, labels, num_classes, size, stride, min_overlap):
    """Return the heatmaps of the centres of all objects, and each one's offset and size.

    boxes: (N, 4) float32, (x1, y1, x2, y2) in pixels, inside the map. N may be 0.
    labels: (N,) int64, the class of each object, from 0 to num_classes - 1.
    size: (height, width) of the map in cells. stride: pixels from a cell to the next.
    min_overlap: for `gaussian_radius`.

    Returns four tensors: the heatmaps (num_classes, height, width) float32; the place of each
    centre (N,) int64, that is row * width + column of its cell; its offset (N, 2) float32 in cells,
    x first, from the upper left corner of its cell; width and height of each box (N, 2) float32, in
    cells.
    """
    return tuple(library_targets(boxes, labels, num_classes, size, stride, min_overlap))


def objects(random):
    boxes, labels = random_objects(random, 6, (8, 12), 4, 0.25, 3)
    return boxes, labels, 3, (8, 12), 4, 0.25


def tall_map(random):
    boxes, labels = random_objects(random, 4, (11, 6), 8, 0.5, 2)
    return boxes, labels, 2, (11, 6), 8, 0.5


def crowd(random):
    """Centres in few cells, and two that lie on the border: boxes without area."""
    boxes, labels = random_objects(random, 6, (3, 4), 4, 0.25, 2)
    return [*boxes, [16, 6, 16, 10], [5, 12, 8, 12]], [*labels, 0, 1], 2, (3, 4), 4, 0.25


def one_or_none(random):
    n = int(random.integers(0, 3))
    boxes, labels = random_objects(random, n, (4, 6), 2, 0.25, 2)
    return boxes, labels, 2, (4, 6), 2, 0.25


def with_heatmaps(mistake, cell=math.floor, clamp=True, corner=False):
    """A mistake of the cases, with the heatmaps that somebody who makes it would draw."""
    def targets(boxes, labels, num_classes, size, stride, min_overlap):
        *places, radii = mistake(boxes, labels, num_classes, size, stride, min_overlap)
        cells = torch.zeros(len(boxes), 2)
        for i, box in enumerate(boxes):
            for axis, side in enumerate(size[::-1]):
                point = box[axis] if corner else (box[axis] + box[2 + axis]) / 2
                at = cell(point / stride)
                cells[i, axis] = min(at, side - 1) if clamp else at
        classes = torch.tensor(labels, dtype=torch.int64)
        reach = torch.tensor(radii, dtype=torch.float32)
        return gaussian_heatmaps(cells, reach, classes, num_classes, size), *places

    return targets


CHANGES = {
    "the upper left corner, not the centre": {"corner": True},
    "rounded to the nearest cell; a centre belongs to the cell it lies in": {"cell": round},
    "a centre on the border of the image falls off the map": {"clamp": False},
}


def draw(axes, case, result):
    """The heatmap, the centres, and the boxes that the targets say."""
    heatmaps, places, offsets, sizes = (torch.as_tensor(part) for part in result)
    width = case[3][1]
    points = torch.stack([places % width, places // width], 1) + offsets
    boxes = torch.cat([points - sizes / 2, points + sizes / 2], 1)
    draw_heatmap(axes, heatmaps.amax(0), boxes, points)


EXERCISE = Exercise(
    title="Centre targets",
    functions=[center_targets],
    tests=[
        worked("one object", 3, CASES, "one", "between cells", "stride 1"),
        worked("on the border, two, none", 2, CASES, "a point in the last corner",
               "two in one cell", "none"),
        hidden("objects of three classes", 3, objects),
        hidden("a tall map, another stride", 2, tall_map),
        hidden("a crowd", 1, crowd),
        hidden("few or none", 1, one_or_none, calls=6),
    ],
    mistakes={
        hint: with_heatmaps(wrong, **CHANGES.get(hint, {})) for hint, wrong in MISTAKES.items()
    },
    prepare=lambda boxes, labels, *rest: (
        boxes_tensor(boxes), torch.tensor(labels, dtype=torch.int64), *rest
    ),
    tolerance=(1e-5, 1e-4),
    given=["heatmaps.gaussian_heatmaps", "heatmaps.gaussian_radius"],
    line_budget=18,
    example=([[6, 3, 28, 29], [31, 6, 43, 16]], [0, 0], 1, (8, 12), 4, 0.25),
    draw=draw,
)  # fmt: skip
