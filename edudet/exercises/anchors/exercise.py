"""Exercise: anchors, their shapes and where they stand."""

import torch

from edudet.cases.case import Case
from edudet.cases.proposals.anchors import CASES, MISTAKES, MISTAKES_WITH_SHAPES, SHAPES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.proposals import generate_anchors as library_generate
from edudet.proposals import grid_anchors as library_grid


def generate_anchors(scales, aspect_ratios):
    """Return one anchor for every pair of an aspect ratio and a scale, centred on (0, 0).

    scales: list of numbers: the side, in pixels, of the square that has the anchor's area.
    aspect_ratios: list of numbers: height / width. Either list may be empty.

    Returns (A, 4) float32, (x1, y1, x2, y2), not rounded; A = number of ratios * number of scales,
    all scales of the first ratio first.
    """
    return library_generate(scales, aspect_ratios, rounded=False)


def grid_anchors(base_anchors, grid_size, stride, offset):
    """Return the base anchors at every cell of a feature map.

    base_anchors: (A, 4) float32, (x1, y1, x2, y2) around (0, 0).
    grid_size: (height, width) of the map in cells; 0 is possible.
    stride: (down, right), pixels of the image from a cell to the next.
    offset: where in its cell an anchor stands, in cells: 0 upper left corner, 0.5 centre.

    Returns (H W A, 4) float32, in pixels of the image: row by row, in a row cell by cell, all
    anchors of a cell one after the other. Not clipped.
    """
    return library_grid(base_anchors, grid_size, stride, offset)


def pairs(cases):
    """The cases with a stride in both directions."""
    found = []
    for case in cases:
        base, size, stride, offset = case.args
        stride = stride if isinstance(stride, tuple) else (stride, stride)
        found.append(Case(case.name, (base, size, stride, offset), None))
    return found


def unrounded(cases):
    """The cases of the shapes, without saying whether they are rounded."""
    return [Case(case.name, case.args[:2], None) for case in cases]


def shapes(random):
    scales = random.choice([3, 8, 10, 16, 32, 48], 1 + random.integers(3), replace=False)
    ratios = random.choice([0.25, 0.5, 1, 2, 3, 4], 1 + random.integers(4), replace=False)
    return scales.tolist(), ratios.tolist()


def around_origin(random, n):
    boxes = random_boxes(random, n, 16)
    return [[x1 - 8, y1 - 8, x2 - 8, y2 - 8] for x1, y1, x2, y2 in boxes]


def grid(random):
    height, width = random.permutation(5)[:2] + 1
    stride = int(random.choice([4, 8, 16]))
    return around_origin(random, 3), (int(height), int(width)), (stride, stride), 0.0


def grid_of_centres(random):
    """Of other steps downwards than to the right."""
    down, right = random.choice([2, 4, 8, 16], 2, replace=False).tolist()
    height, width = random.integers(1, 5, 2).tolist()
    offset = float(random.choice([0.25, 0.5]))
    return around_origin(random, 2), (height, width), (down, right), offset


def without_rounding(mistake):
    return lambda scales, ratios: mistake(scales, ratios, False)


def draw_shapes(axes, case, result):
    from edudet.draw import draw_boxes, look_at

    anchors = boxes_tensor(result)
    draw_boxes(axes, anchors, "kept")
    look_at(axes, anchors)


def draw_grid(axes, case, result):
    """The cells, the anchors' centres, and the anchors, those of the first cell in blue."""
    from edudet.draw import COLOURS, draw_boxes, look_at

    base, (height, width), (down, right), _ = case
    anchors = boxes_tensor(result)
    cells = boxes_tensor([
        [x * right, y * down, (x + 1) * right, (y + 1) * down]
        for y in range(height) for x in range(width)
    ])  # fmt: skip
    draw_boxes(axes, cells, "faint", width=1, dashed=True)
    draw_boxes(axes, anchors[len(base) :], "marked", width=1, alpha=0.7)
    draw_boxes(axes, anchors[: len(base)], "kept", width=2.5)
    x, y = ((anchors[:, :2] + anchors[:, 2:]) / 2).T.numpy()
    axes.plot(x, y, "o", color=COLOURS["marked"], markersize=4)
    axes.plot(x[: len(base)], y[: len(base)], "o", color=COLOURS["kept"], markersize=6)
    look_at(axes, torch.cat([anchors, cells]))


EXERCISE = Exercise(
    title="Anchors",
    functions=[grid_anchors, generate_anchors],
    tests=[
        worked("shapes: one anchor", 1, unrounded(SHAPES), "a square",
               "ratio 1/4 is wide", "ratio 4 is tall", function="generate_anchors"),
        worked("shapes: several, or none", 2, unrounded(SHAPES), "scales within ratios",
               "not rounded", "none", function="generate_anchors"),
        worked("grid: cell by cell", 2, pairs(CASES), "one cell", "row by row",
               "all anchors of a cell, then the next", "taller than wide", "no cells"),
        worked("grid: where in the cell", 2, pairs(CASES), "in the centre of the cell",
               "strides differ"),
        hidden("shapes: many", 2, shapes, function="generate_anchors"),
        hidden("grid: at the corners of the cells", 2, grid),
        hidden("grid: in the cells, strides differ", 2, grid_of_centres),
    ],
    mistakes={
        "grid_anchors": MISTAKES,
        "generate_anchors": {
            hint: without_rounding(wrong) for hint, wrong in MISTAKES_WITH_SHAPES.items()
            if "round" not in hint
        },
    },
    prepare={
        "grid_anchors": lambda base, *rest: (boxes_tensor(base), *rest),
        "generate_anchors": lambda scales, ratios: (scales, ratios),
    },
    tolerance=(1e-5, 1e-4),
    line_budget=18,
    example=([[-4, -4, 4, 4], [-8, -2, 8, 2]], (2, 3), (16, 16), 0.5),
    draw={"grid_anchors": draw_grid, "generate_anchors": draw_shapes},
)  # fmt: skip
