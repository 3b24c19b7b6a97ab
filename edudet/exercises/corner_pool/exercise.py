"""Exercise: corner pooling."""

import torch

from edudet.cases.ops.corner_pool import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import show_numbers
from edudet.ops import corner_pool as library_corner_pool


def corner_pool(feature_map, corner):
    """Return, for each cell, the sum of the two largest features that a corner there looks at.

    feature_map     (C, H, W) float32
    corner          "top_left": the largest of the cell and those below it, and the largest of the
                    cell and those to its right; "bottom_right": of those above and to the left

    Returns (C, H, W) float32.
    """
    return library_corner_pool(feature_map[None], corner)[0]


def a_map(random, height, width, low=-20, high=21):
    return random.integers(low, high, (1, 2, height, width)).tolist()


def any_map(random):
    height, width = random.permutation([3, 4, 5, 6])[:2].tolist()
    return a_map(random, height, width), str(random.choice(["top_left", "bottom_right"]))


def below_zero(random):
    return a_map(random, 4, 3, -50, -1), str(random.choice(["top_left", "bottom_right"]))


def lines(random):
    height, width = random.permutation([1, int(random.integers(5, 9))]).tolist()
    return a_map(random, height, width), str(random.choice(["top_left", "bottom_right"]))


def draw(axes, case, result):
    """The sums; what the map holds is written small into the corners of the cells."""
    plane = case[0][0][0]
    show_numbers(axes, result)
    if len(plane) <= 12 and len(plane[0]) <= 12:
        for y, row in enumerate(plane):
            for x, value in enumerate(row):
                axes.text(x - 0.45, y - 0.3, f"{value:g}", fontsize=6.5, color="#0072B2")
    axes.set_title(f"{case[1].replace('_', ' ')}; small: the map", fontsize=9)


def of_one_image(mistake):
    return lambda *case: mistake(*case)[0]


EXERCISE = Exercise(
    title="Corner pooling",
    functions=[corner_pool],
    tests=[
        worked("a row", 2, CASES, "one row", "negative values, both ways", "one cell"),
        worked("top left, bottom right", 3, CASES, "top left", "bottom right"),
        worked("two channels", 1, CASES, "two channels", "one row"),
        hidden("any map", 3, any_map, calls=6),
        hidden("features below zero", 1, below_zero),
        hidden("one row or one column", 1, lines),
    ],
    # Where both maxima are added, it does not matter which of them runs along the columns.
    mistakes={hint: of_one_image(mistake) for hint, mistake in MISTAKES.items()
              if not hint.startswith("top and bottom run along")},
    prepare=lambda maps, corner: (torch.tensor(maps[0], dtype=torch.float32), corner),
    line_budget=14,
    example=([[[[0, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 0], [0, 0, 1, 2, 1, 0], [0, 4, 2, 1, 3, 0],
                [0, 0, 1, 2, 0, 0]]]], "top_left"),
    draw=draw,
)  # fmt: skip
