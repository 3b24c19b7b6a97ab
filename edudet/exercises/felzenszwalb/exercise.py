"""Exercise: graph-based segmentation."""

import numpy
import torch

from edudet import proposals
from edudet.cases.case import Case
from edudet.cases.proposals.felzenszwalb import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import draw_labels


def felzenszwalb(image, scale):
    """Return a map of regions: which pixels belong together.

    Args:
        image: (H, W, C) float32, C channels of whole numbers from 0 to 255; C is 1 or 3.
        scale: k, a number.

    Returns:
        (H, W) int64: regions 0, 1, ... in the order of their first pixels, row by row.

    Edges join a pixel to its 8 neighbours and weigh the Euclidean distance of the two colours. They
    are looked at once, lightest first. Of equal weights, the edge of the pixel that comes first in
    the image comes first, and of one pixel's edges the one to the right, then down left, down, down
    right. An edge joins two components A and B if its weight is at most both Int(A) + k / |A| and
    Int(B) + k / |B|.
    """
    pixels = image.to(torch.uint8)
    return proposals.felzenszwalb(pixels[..., 0] if image.shape[2] == 1 else pixels, scale, 0.0, 0)


def prepare(image, scale):
    pixels = torch.tensor(image, dtype=torch.float32)
    return pixels if pixels.ndim == 3 else pixels[..., None], scale


# In whole numbers, without smoothing, without a least size.
PLAIN_CASES = [
    Case(case.name, case.args[:2], case.expected)
    for case in CASES if case.args[2:] == (0, 1) and case.name != "floats are from 0 to 1"
]  # fmt: skip


def plain(mistake):
    return lambda image, scale: mistake(image, scale, 0, 1)


def noisy(random, height, width, levels):
    """Two or three flat areas with noise on them."""
    image = numpy.zeros((height, width), int)
    image[:, int(random.integers(1, width)) :] = 30
    image[int(random.integers(1, height)) :, : width // 2] += 60
    return image + random.integers(0, levels, image.shape)


def areas(random):
    return noisy(random, 6, 7, 4).tolist(), int(random.integers(4, 16))


def rough_areas(random):
    """With these scales it is k / |C| that decides, step by step."""
    return noisy(random, 5, 8, 12).tolist(), int(random.choice([12, 24, 36]))


def rows(random):
    """One row of steps of few sizes, many of them on the limit."""
    steps = random.choice([0, 4, 6, 12], 14)
    return [numpy.cumsum(steps).tolist()], int(random.choice([6, 8, 12, 24]))


def colours(random):
    """Channels that differ by 3, 4 and 12: distances of 3, 4, 5, 12, 13 and others."""
    image = random.integers(0, 2, (4, 6, 3)) * [3, 4, 12]
    image[:, int(random.integers(2, 5)) :, 0] += 20
    return image.tolist(), int(random.choice([3, 6, 9, 12]))


def spots(random):
    """Bright spots in a ground, some touching at a corner."""
    image = numpy.where(random.random((5, 6)) < 0.3, 80, 10)
    image[0, 0] = 80
    return image.tolist(), int(random.integers(1, 9))


def draw(axes, case, result):
    values = [[v if isinstance(v, int) else "\n".join(map(str, v)) for v in row] for row in case[0]]
    draw_labels(axes, result, values)
    axes.set_title(f"scale {case[1]}: {len(numpy.unique(numpy.asarray(result)))} regions")


EXERCISE = Exercise(
    title="Graph-based segmentation",
    functions=[felzenszwalb],
    tests=[
        worked("a step", 2, PLAIN_CASES, "one colour", "a step", "a larger scale", "one level less",
               "the same step, single pixels", "a large component joins no stranger"),
        worked("slopes and order", 2, PLAIN_CASES, "a slope", "a step in a slope",
               "rough and smooth", "lightest edge first"),
        worked("corners and colours", 1, PLAIN_CASES, "corners touch", "the distance is Euclid's",
               "and not the largest difference", "a spike"),
        hidden("areas with noise", 2, areas),
        hidden("rough areas", 3, rough_areas),
        hidden("rows of steps", 2, rows),
        hidden("three channels", 2, colours),
        hidden("spots", 1, spots),
    ],
    mistakes={
        hint: plain(wrong) for hint, wrong in MISTAKES.items() if "small component" not in hint
        and "min_size" not in hint
    },
    prepare=prepare,
    line_budget=32,
    example=([[10, 12, 11, 50, 52], [11, 10, 30, 51, 50], [12, 11, 31, 52, 53]], 12),
    draw=draw,
)  # fmt: skip
