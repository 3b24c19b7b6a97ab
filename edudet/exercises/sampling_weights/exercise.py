"""Exercise: how much each pixel counts where an image is read between its pixels."""

import numpy
import torch

from edudet.cases.ops.sampling_weights import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import sampling_weights as library_sampling_weights


def sampling_weights(point, height, width, align_corners):
    """Return how much each pixel of a height x width image counts where it is read at `point`.

    point           (2,) float32: x, y, normalised
    align_corners   True: -1 and 1 are the centres of the outermost pixels; False: the edges of
                    the image

    Returns (height, width) float32: the bilinear weights. What lies outside counts nowhere.
    """
    grid = point.reshape(1, 1, 1, 2)
    return library_sampling_weights(
        grid, (height, width), (0, 0), align_corners=align_corners
    )[0]


def point_at(position, size, align_corners):
    """A position from the centre of the first pixel, x first, as a normalised point."""
    return tuple(
        float(2 * p / (n - 1) - 1 if align_corners else (2 * p + 1) / n - 1)
        for p, n in zip(position, reversed(size), strict=True)
    )


def somewhere(random, low, high):
    """A point whose position lies between low and count - 1 + high, in eighths of a pixel."""
    size = tuple(int(n) for n in random.permutation([2, 3, 4, 5])[:2])
    align_corners = bool(random.integers(2))
    position = [
        random.integers(8 * low, 8 * (n - 1 + high) + 1) / 8 for n in reversed(size)
    ]
    return point_at(position, size, align_corners), size, "bilinear", "zeros", align_corners


def inside(random):
    return somewhere(random, 0, 0)


def near_the_rim(random):
    return somewhere(random, -1, 1)


def on_a_row(random):
    size = tuple(int(n) for n in random.permutation([3, 4, 6])[:2])
    whole = random.integers(0, min(size), 2)
    position = whole + random.permutation([0, 0.25])
    return point_at(position, size, False), size, "bilinear", "zeros", False


def draw(axes, case, result):
    """The weights, and the point with the square of one pixel around it."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    (x, y), (height, width), _, _, corners = case
    x, y = (((c + 1) * (n - corners) + corners) / 2 for c, n in ((x, width), (y, height)))
    weights = torch.as_tensor(result)
    axes.imshow(weights, cmap="cividis", alpha=0.35, extent=(0, width, height, 0))
    for row in range(height):
        for column in range(width):
            axes.text(column + 0.5, row + 0.7, f"{weights[row, column]:.3g}", ha="center",
                      va="center", fontsize=8)  # fmt: skip
    axes.plot([x - 0.5, x + 0.5, x + 0.5, x - 0.5, x - 0.5],
              [y - 0.5, y - 0.5, y + 0.5, y + 0.5, y - 0.5], color=COLOURS["kept"])  # fmt: skip
    axes.plot(x, y, "o", color=COLOURS["kept"])
    centres = [(c + 0.5, r + 0.5) for r in range(height) for c in range(width)]
    axes.plot(*zip(*centres, strict=True), ".", color=COLOURS["faint"], markersize=4)


def as_map(mistake):
    return lambda point, size, *more: numpy.reshape(mistake(point, size, *more), size)


OF_OTHER_MODES = ["border is zeros", "reflection is border", "every mode is bilinear"]

EXERCISE = Exercise(
    title="Sampling weights",
    functions=[sampling_weights],
    tests=[
        worked("one pixel, half a pixel", 2, CASES, "one pixel up", "half a pixel up",
               "unequal parts"),
        worked("four pixels", 2, CASES, "a rotation", "the same point, aligned corners",
               "unequal parts"),
        worked("outside", 1, CASES, "the edge, zeros", "far beyond"),
        hidden("inside", 3, inside),
        hidden("near the rim", 2, near_the_rim, calls=6),
        hidden("on a row or on a column", 1, on_a_row),
    ],
    mistakes={hint: as_map(mistake) for hint, mistake in MISTAKES.items()
              if hint not in OF_OTHER_MODES},
    prepare=lambda point, size, mode, padding_mode, align_corners: (
        torch.tensor(point, dtype=torch.float32), *size, align_corners
    ),
    tolerance=(1e-5, 1e-5),
    line_budget=12,
    example=((0.125, -0.4), (3, 4), "bilinear", "zeros", False),
    draw=draw,
)  # fmt: skip
