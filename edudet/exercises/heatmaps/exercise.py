"""Exercise: Gaussian heatmaps, and how wide their Gaussians may be."""

import torch

from edudet.cases.targets.heatmaps import CASES, MISTAKES, MISTAKES_WITH_SIZES, SIZES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.targets import gaussian_heatmaps as library_heatmaps
from edudet.targets import gaussian_radius as library_radius


def gaussian_heatmaps(points, radii, labels, num_classes, size):
    """Return one heatmap for each class, with a Gaussian around each of its points.

    points: (N, 2) float32, x, y in cells: a point with 2 <= x < 3 belongs to column 2, and the
    Gaussian stands on its cell. A point may lie outside the map. N may be 0.
    radii: (N,) float32, in cells, 0 or more: nothing is drawn where |dx| or |dy| is larger.
    labels: (N,) int64, the class of each point, from 0 to num_classes - 1.
    size: (height, width) of the map.

    Returns (num_classes, height, width) float32: where Gaussians meet, the larger value.
    """
    return library_heatmaps(points, radii, labels, num_classes, size)


def gaussian_radius(sizes, min_overlap):
    """Return by how much the corners of boxes may be off, so that the IoU is still min_overlap.

    sizes: (N, 2) float32, height and width of each box, 0 or more. N may be 0.
    min_overlap: a number above 0, at most 1.

    Returns (N,) float32, in the unit of `sizes`, not rounded; 0 for a box without area.
    """
    return library_radius(sizes, min_overlap)


def points_on(random, n, height, width, beyond=0):
    x = random.integers(-4 * beyond, 4 * (width + beyond), n) / 4
    y = random.integers(-4 * beyond, 4 * (height + beyond), n) / 4
    return [list(pair) for pair in zip(x.tolist(), y.tolist(), strict=True)]


def one_class(random):
    radii = random.integers(0, 4, 4).tolist()
    return points_on(random, 4, 6, 9), radii, [0] * 4, 1, (6, 9)


def classes(random):
    """More points than they have room, of three classes, one of which may be missing."""
    radii, labels = random.integers(0, 7, 6) / 2, random.integers(0, 3, 6)
    return points_on(random, 6, 8, 5), radii.tolist(), labels.tolist(), 3, (8, 5)


def beyond_the_border(random):
    n = int(random.integers(1, 5))
    radii = random.integers(1, 4, n).tolist()
    return points_on(random, n, 4, 6, beyond=2), radii, [1] * n, 2, (4, 6)


def boxes(random):
    return random.integers(1, 65, (10, 2)).tolist(), float(random.choice([0.25, 0.5, 0.75]))


def long_boxes(random):
    """Long and thin ones, and some without area."""
    sides = random.choice([0, 1, 2, 40, 64], (8, 2))
    return sides.tolist(), float(random.choice([0.125, 0.5, 0.875]))


EXERCISE = Exercise(
    title="Gaussian heatmaps",
    functions=[gaussian_heatmaps, gaussian_radius],
    tests=[
        worked("heatmaps: one point", 2, CASES, "radius 0", "radius 1", "stands on its cell",
               "none"),
        worked("heatmaps: two points", 2, CASES, "two meet", "a small one beside a large one",
               "two classes"),
        worked("heatmaps: at the border", 1, CASES, "cut off at the border", "a point outside"),
        worked("radius: by hand", 2, SIZES, function="gaussian_radius"),
        hidden("heatmaps: one class", 2, one_class),
        hidden("heatmaps: three classes", 2, classes),
        hidden("heatmaps: beyond the border", 1, beyond_the_border),
        hidden("radius: many boxes", 2, boxes, function="gaussian_radius"),
        hidden("radius: long or empty boxes", 1, long_boxes, function="gaussian_radius"),
    ],
    mistakes={"gaussian_heatmaps": MISTAKES, "gaussian_radius": MISTAKES_WITH_SIZES},
    prepare={
        "gaussian_heatmaps": lambda points, radii, labels, num_classes, size: (
            torch.tensor(points, dtype=torch.float32).reshape(-1, 2),
            torch.tensor(radii, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64),
            num_classes, size,
        ),
        "gaussian_radius": lambda sizes, min_overlap: (
            torch.tensor(sizes, dtype=torch.float32).reshape(-1, 2), min_overlap
        ),
    },
    tolerance=(1e-5, 1e-4),
    line_budget=26,
    example=([[2.75, 2.25], [6, 3], [8.5, 0.5]], [2, 1, 0], [0, 0, 0], 1, (6, 9)),
)  # fmt: skip
