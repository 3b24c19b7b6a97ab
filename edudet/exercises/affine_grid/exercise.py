"""Exercise: where an affine map says that each pixel of the output reads."""

import torch

from edudet.cases.ops.affine_grid import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import affine_grid as library_affine_grid


def affine_grid(theta, height, width, align_corners):
    """Return the points that the pixels of a height x width output read under the map `theta`.

    theta           (2, 3) float32: (x, y) = theta . (m, n, 1), where (m, n) is the centre of the
                    output pixel, column first, all of them normalised
    align_corners   True: -1 and 1 are the centres of the outermost pixels, and a side of one pixel
                    has its centre at 0; False: they are the edges of the image

    Returns (height, width, 2) float32: x, then y, for each row and column.
    """
    return library_affine_grid(theta[None], (1, 1, height, width), align_corners)[0]


def any_map(random):
    height, width = (int(size) for size in random.permutation([2, 3, 4, 5])[:2])
    theta = (random.integers(-16, 17, (1, 2, 3)) / 8).tolist()
    return theta, (1, 1, height, width), bool(random.integers(2))


def edges(random):
    return (*any_map(random)[:2], False)


def corners(random):
    return (*any_map(random)[:2], True)


def one_row_or_column(random):
    height, width = random.permutation([1, int(random.integers(2, 7))]).tolist()
    return (any_map(random)[0], (1, 1, height, width), True)


def draw(axes, case, result):
    """The input from -1 to 1, and the points that are read, row by row of the output."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    axes.fill([-1, 1, 1, -1], [-1, -1, 1, 1], color=COLOURS["faint"], alpha=0.2)
    for i, row in enumerate(torch.as_tensor(result)):
        axes.plot(row[:, 0], row[:, 1], "o-", color=COLOURS["kept"], linewidth=1, markersize=4)
        for j, (x, y) in enumerate(row.tolist()):
            axes.text(x, y, f" {i},{j}", fontsize=7, va="bottom")
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_title("row, column of the output, where it reads the grey input", fontsize=9)


def of_one_map(mistake):
    return lambda *case: mistake(*case)[0]


EXERCISE = Exercise(
    title="Affine grids",
    functions=[affine_grid],
    tests=[
        worked("the map that changes nothing", 2, CASES, "columns and rows", "edges at -1 and 1",
               "corners at -1 and 1"),
        worked("shift, crop, shear", 2, CASES, "shift", "crop", "shear"),
        worked("a quarter turn", 1, CASES, "quarter turn", "edges at -1 and 1"),
        hidden("edges at -1 and 1", 2, edges),
        hidden("corners at -1 and 1", 2, corners),
        hidden("either", 2, any_map),
        hidden("one row or one column", 1, one_row_or_column),
    ],
    mistakes={hint: of_one_map(mistake) for hint, mistake in MISTAKES.items()
              if hint != "all maps are the first"},
    prepare=lambda theta, size, align_corners: (
        torch.tensor(theta[0], dtype=torch.float32), size[2], size[3], align_corners
    ),
    tolerance=(1e-6, 1e-6),
    line_budget=14,
    example=([[[0.5, 0.25, 0.375], [-0.25, 0.5, 0.125]]], (1, 1, 3, 4), False),
    draw=draw,
)  # fmt: skip
