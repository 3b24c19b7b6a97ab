"""Exercise: what CornerNet should say."""

import math

import torch

from edudet.cases.targets.corner_targets import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, draw_heatmap, random_objects
from edudet.targets import corner_targets as library_targets
from edudet.targets import gaussian_heatmaps


def corner_targets(boxes, labels, num_classes, size, stride, min_overlap):
    """Return the heatmaps of both corners of all objects, and where in its cell each corner lies.

    boxes: (N, 4) float32, (x1, y1, x2, y2) in pixels, inside the map. N may be 0.
    labels: (N,) int64, the class of each object, from 0 to num_classes - 1.
    size: (height, width) of the map in cells. stride: pixels from a cell to the next.
    min_overlap: for `gaussian_radius`.

    Returns six tensors: the heatmaps (num_classes, height, width) float32 of the top left corners,
    and of the bottom right ones; the place of each top left corner (N,) int64, that is row * width
    + column of its cell, and of each bottom right one; the offset (N, 2) float32 in cells, x first,
    of each top left corner from the upper left corner of its cell, and of each bottom right one.
    """
    return tuple(library_targets(boxes, labels, num_classes, size, stride, min_overlap))


def objects(random):
    boxes, labels = random_objects(random, 5, (8, 12), 4, 0.25, 3)
    return boxes, labels, 3, (8, 12), 4, 0.25


def tall_map(random):
    boxes, labels = random_objects(random, 4, (11, 6), 8, 0.5, 2)
    return boxes, labels, 2, (11, 6), 8, 0.5


def at_the_border(random):
    """Among others, boxes that reach the right border, the lower one, or both."""
    boxes, labels = random_objects(random, 3, (7, 9), 4, 0.25, 2)
    boxes += [[0, 0, 36, 28], [31, 25, 36, 28], [13, 2, 36, 9], [3, 18, 11, 28]]
    return boxes, [*labels, *random.integers(0, 2, 4).tolist()], 2, (7, 9), 4, 0.25


def one_or_none(random):
    n = int(random.integers(0, 3))
    boxes, labels = random_objects(random, n, (4, 6), 2, 0.25, 2)
    return boxes, labels, 2, (4, 6), 2, 0.25


def with_heatmaps(mistake, cell=math.floor, clamp=True, scale=True):
    """A mistake of the cases, with the heatmaps that somebody who makes it would draw."""
    def targets(boxes, labels, num_classes, size, stride, min_overlap):
        *places, radii = mistake(boxes, labels, num_classes, size, stride, min_overlap)
        heatmaps = []
        for corner in (0, 2):
            cells = torch.zeros(len(boxes), 2)
            for i, box in enumerate(boxes):
                for axis, side in enumerate(size[::-1]):
                    at = cell(box[corner + axis] / (stride if scale else 1))
                    cells[i, axis] = min(at, side - 1) if clamp else at
            classes = torch.tensor(labels, dtype=torch.int64)
            reach = torch.tensor(radii, dtype=torch.float32)
            heatmaps.append(gaussian_heatmaps(cells, reach, classes, num_classes, size))
        return (*heatmaps, *places)

    return targets


CHANGES = {
    "pixels are not divided by the stride": {"scale": False},
    "rounded to the nearest cell; a corner belongs to the cell it lies in": {"cell": round},
    "a corner on the border of the image falls off the map": {"clamp": False},
}


def corners_exchanged(*case):
    targets = library_targets(*prepare(*case))
    return tuple(targets[i] for i in (1, 0, 3, 2, 5, 4))


def prepare(boxes, labels, *rest):
    return boxes_tensor(boxes), torch.tensor(labels, dtype=torch.int64), *rest


def draw(axes, case, result):
    boxes = boxes_tensor(case[0]) / case[4]
    heatmaps = torch.maximum(*(torch.as_tensor(part).amax(0) for part in result[:2]))
    width = case[3][1]
    points = [
        torch.stack([torch.as_tensor(places) % width, torch.as_tensor(places) // width], 1)
        + torch.as_tensor(offsets)
        for places, offsets in ((result[2], result[4]), (result[3], result[5]))
    ]
    draw_heatmap(axes, heatmaps, boxes, torch.cat(points))


EXERCISE = Exercise(
    title="Corner targets",
    functions=[corner_targets],
    tests=[
        worked("one object", 3, CASES, "one", "stride 1", "a point"),
        worked("on the border", 1, CASES, "the whole image", "a part of a cell counts"),
        worked("two or none", 1, CASES, "corners share a cell", "none"),
        hidden("objects of three classes", 3, objects),
        hidden("a tall map, another stride", 2, tall_map),
        hidden("at the border", 1, at_the_border),
        hidden("few or none", 1, one_or_none, calls=6),
    ],
    mistakes={
        **{hint: with_heatmaps(wrong, **CHANGES.get(hint, {})) for hint, wrong in MISTAKES.items()},
        "the top left corner comes first, then the bottom right one": corners_exchanged,
    },
    prepare=prepare,
    tolerance=(1e-5, 1e-4),
    given=["heatmaps.gaussian_heatmaps", "heatmaps.gaussian_radius"],
    line_budget=20,
    example=([[10, 5, 38, 31], [29, 2, 43, 12]], [0, 0], 1, (8, 12), 4, 0.25),
    draw=draw,
)  # fmt: skip
