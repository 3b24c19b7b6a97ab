"""Exercise: an image read at the points of a grid."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.ops.grid_sample import CASES, MISTAKES, X
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import grid_sample as library_grid_sample


def grid_sample(image, grid, mode, padding_mode):
    """Return `image` read at the points of `grid`.

    image           (C, H, W) float32, at least one pixel
    grid            (H_out, W_out, 2) float32: x, then y, normalised; -1 and 1 are the edges of
                    the image (align_corners=False)
    mode            "bilinear" or "nearest"
    padding_mode    what lies outside: "zeros", or the "border": a point outside is read at the
                    nearest point of the rectangle between the centres of the outermost pixels

    Returns (C, H_out, W_out) float32. A gradient flows to `image` and, bilinear, to `grid`.
    """
    return library_grid_sample(image[None], grid[None], mode, padding_mode, False)[0]


def points(random, size, out, low, high, steps):
    """Points whose positions lie between low and count - 1 + high pixels, `steps` to a pixel."""
    count = numpy.array([size[1], size[0]])
    whole = random.integers(low, count + high, (*out, 2))
    position = whole + random.choice(steps, (*out, 2))
    return ((2 * position + 1) / count - 1).tolist()


def reading(random, mode, padding_mode, low=0, high=-1, steps=(0, 0.25, 0.375, 0.75)):
    """An image that is not square, and an output of another shape."""
    channels, *size = (int(n) for n in random.permutation([2, 3, 4]))
    out = random.permutation([1, 2, 3])[:2].tolist()
    image = random.integers(-8, 9, (1, channels, *size)).tolist()
    return image, [points(random, size, out, low, high, steps)], mode, padding_mode, False


def bilinear(random):
    return reading(random, "bilinear", str(random.choice(["zeros", "border"])))


def beyond(random):
    return reading(random, "bilinear", str(random.choice(["zeros", "border"])), -3, 3)


def nearest(random):
    return reading(random, "nearest", str(random.choice(["zeros", "border"])), -1, 1)


def between_pixels(random):
    """Never on a pixel's row or column, where the weights have a kink; each reads a pixel."""
    steps = (0.25, 0.5, 0.625)
    return reading(random, "bilinear", str(random.choice(["zeros", "border"])), -1, 0, steps)


def narrowed(case):
    image, grid, mode, padding_mode, _ = case.args
    return Case(case.name, (image, grid, mode, padding_mode, False), None)


def of_one_image(mistake):
    def answer(image, grid, *more):
        shape = len(image[0]), len(grid[0]), len(grid[0][0])
        return numpy.reshape(mistake(image, grid, *more), shape)

    return answer


ASKED = [
    "the grid says where to read from, not where pixels go",
    "points are (x, y), pixels are [row, column]",
    "align_corners is always True",
    "every mode is bilinear",
    "every mode is nearest: kappa is a delta only there",
    "nearest cuts off instead of rounding",
    "padding is always zeros",
    "padding is always the border",
    "pixels are counted from one",
]
NARROWED = [narrowed(case) for case in CASES]
BETWEEN = [
    Case("one point", (X, [[[[-0.5, 0.45]]]], "bilinear", "zeros", False), None,
         "at (0.5, 2.4), counted from the first pixel's centre"),
    Case("two points", (X, [[[[0.3, -0.2], [-1.125, 0.125]]]], "bilinear", "border", False), None,
         "the second is moved into the image from the left: its x has no gradient"),
]

EXERCISE = Exercise(
    title="Grid sampling",
    functions=[grid_sample],
    tests=[
        worked("shifts of the lecture", 3, NARROWED, "one pixel up", "half a pixel up",
               "rotation, one point"),
        worked("crop and turn", 2, NARROWED, "quarter turn about the middle", "crop",
               "crop and zoom"),
        worked("outside", 2, NARROWED, "padding by zeros", "padding by the border",
               "half a pixel up, over the border"),
        worked("nearest", 1, NARROWED, "nearest", "half a pixel up"),
        worked("gradients of a few points", 1, BETWEEN, gradient=True),
        hidden("inside", 2, bilinear),
        hidden("inside and beyond", 2, beyond, calls=6),
        hidden("the nearest pixel", 1, nearest, calls=6),
        hidden("gradients", 1, between_pixels, gradient=True),
    ],
    mistakes={hint: of_one_image(MISTAKES[hint]) for hint in ASKED},
    prepare=lambda image, grid, mode, padding_mode, align_corners: (
        torch.tensor(image[0], dtype=torch.float32), torch.tensor(grid[0], dtype=torch.float32),
        mode, padding_mode,
    ),
    tolerance=(1e-5, 1e-5),
    line_budget=25,
    example=next(case.args for case in NARROWED if case.name == "half a pixel up"),
)  # fmt: skip
