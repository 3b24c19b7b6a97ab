"""Exercise: the mask of an object as its RoI sees it. RoIs are no larger than the grid, so that one
sample in each bin is enough."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.targets.mask_targets import CASES, LEFT, MISTAKES, TOP
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.targets import mask_targets as library_targets


def mask_targets(gt_masks, rois, gt_indices, size):
    """Return the part of its object's mask that each RoI sees, on a grid of size x size bins.

    gt_masks: (G, H, W) bool; the masks of the objects of an image. G may be 0.
    rois: (P, 4) float32, (x1, y1, x2, y2) in pixels, inside the image; each side at least 1 and at
    most `size` pixels long. P may be 0.
    gt_indices: (P,) int64; the object of each RoI, from 0 to G - 1.

    Returns (P, size, size) float32, from 0 to 1.
    """
    return library_targets(gt_masks, rois, gt_indices, size)


def fits(case):
    """Whether a case is one of this exercise."""
    masks, rois, _, size = case.args
    sides = [side for x1, y1, x2, y2 in rois for side in (x2 - x1, y2 - y1)]
    of_bits = all(value in (0, 1) for mask in masks for row in mask for value in row)
    return of_bits and all(1 <= side <= size for side in sides) and case.name != "over the border"


WORKED = [
    *filter(fits, CASES),
    Case("each its own object", ([LEFT, TOP], [[0, 0, 2, 2], [1, 0, 3, 2], [1, 1, 3, 3]], [1, 0, 1],
                                 4), None),
    Case("at the border", ([LEFT, TOP], [[2, 2, 4, 4], [0, 2, 2, 4]], [1, 0], 4), None),
]  # fmt: skip


def masks_of(random, objects, height, width):
    """Ellipses, and some pixels of noise: their outlines are what matters."""
    y, x = numpy.mgrid[:height, :width]
    masks = []
    for _ in range(objects):
        cy, cx = random.uniform(0, height), random.uniform(0, width)
        ry, rx = random.uniform(1, height / 2), random.uniform(1, width / 2)
        inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
        masks.append((inside ^ (random.random((height, width)) < 0.125)).astype(int).tolist())
    return masks


def scene(random, objects, rois, height, width, size, step=4):
    """RoIs in quarters of a pixel, or in whole ones (`step` 1), inside the image."""
    boxes = []
    for _ in range(rois):
        corners = []
        for side in (width, height):
            longest = min(size, side)
            length = int(random.integers(step, longest * step + 1))
            low = int(random.integers(0, side * step - length + 1))
            corners.append((low / step, (low + length) / step))
        (x1, x2), (y1, y2) = corners
        boxes.append([x1, y1, x2, y2])
    masks = masks_of(random, objects, height, width)
    return masks, boxes, random.integers(0, max(objects, 1), rois).tolist(), size


def one_object(random):
    return scene(random, 1, 3, 6, 9, 8)


def several_objects(random):
    return scene(random, 4, 6, 10, 7, 4)


def between_pixels(random):
    return scene(random, 2, 4, 8, 12, 2)


def whole_pixels(random):
    return scene(random, 3, 4, 12, 8, 8, step=1)


def few_or_none(random):
    rois, objects = random.integers(0, 3, 2).tolist()
    return scene(random, objects + 1, rois, 5, 4, 4)


def prepare(masks, rois, indices, size):
    shape = numpy.shape(masks) if masks else (0, 4, 4)
    return (
        torch.tensor(masks, dtype=torch.bool).reshape(shape), boxes_tensor(rois),
        torch.tensor(indices, dtype=torch.int64), size,
    )  # fmt: skip


def draw(axes, case, result):
    """The mask with the bins of the RoI, and the target beside it."""
    from edudet.draw import COLOURS

    masks, rois, indices, size = case
    mask, target = numpy.asarray(masks[indices[0]]), numpy.asarray(result)[0]
    height, width = mask.shape
    axes.imshow(mask, cmap="Greys", vmin=0, vmax=2)
    x1, y1, x2, y2 = rois[0]  # a pixel is drawn around its position, as it is read
    axes.hlines(numpy.linspace(y1, y2, size + 1), x1, x2, colors=COLOURS["kept"])
    axes.vlines(numpy.linspace(x1, x2, size + 1), y1, y2, colors=COLOURS["kept"])
    middles = (numpy.arange(size) + 0.5) / size
    xs, ys = numpy.meshgrid(x1 + middles * (x2 - x1), y1 + middles * (y2 - y1))
    axes.plot(xs, ys, ".", color=COLOURS["marked"], markersize=7)
    left, cell = width + 0.5, max(height, 1) / size
    extent = (left, left + cell * size, height - 0.5, -0.5)
    axes.imshow(target, cmap="Greys", vmin=0, vmax=2, extent=extent)
    for (i, j), value in numpy.ndenumerate(target):
        axes.text(left + (j + 0.5) * cell, (i + 0.5) * cell - 0.5, f"{value:.3g}", ha="center",
                  va="center", fontsize=9)  # fmt: skip
    axes.set_xlim(-0.5, left + cell * size)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_xticks(range(width))
    axes.set_yticks(range(height))


EXERCISE = Exercise(
    title="What a mask head should draw",
    functions=[mask_targets],
    tests=[
        worked("one object", 2, WORKED, "a bin a pixel", "small, made larger", "upper half"),
        worked("between pixels", 2, WORKED, "between pixels", "a corner of a wide image",
               "at the border"),
        worked("each its own, or none", 2, WORKED, "each its own object", "no RoIs", "no objects"),
        hidden("one object, several RoIs", 2, one_object),
        hidden("several objects", 3, several_objects),
        hidden("quarters of a pixel", 2, between_pixels),
        hidden("whole pixels", 1, whole_pixels),
        hidden("few RoIs", 1, few_or_none, calls=8),
    ],
    mistakes={hint: wrong for hint, wrong in MISTAKES.items() if "larger than a pixel" not in hint},
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    line_budget=22,
    example=([[[0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 0],
               [0, 1, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0]]],
             [[0.5, 0, 3.5, 4]], [0], 4),
    draw=draw,
)  # fmt: skip
