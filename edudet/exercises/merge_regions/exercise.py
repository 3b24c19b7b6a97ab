"""Exercise: merge the two smallest neighbours, again and again, until one region is left."""

import numpy
import torch

from edudet import proposals
from edudet.cases.case import Case
from edudet.cases.proposals.merge_regions import CASES, MISTAKES
from edudet.course.exercise import Exercise, Test, hidden, worked
from edudet.course.material import draw_labels


def merge_regions(labels):
    """Return which two regions are merged in each step, until one is left.

    Args:
        labels: (H, W) int64, regions 0 to R - 1, each of them somewhere.

    Returns:
        (R - 1, 2) int64: step t merges these two regions, the lower number first, into a new one,
        number R + t. Merged is the pair of neighbours with the fewest pixels together; of equal
        ones the pair with the lowest first number, and of these with the lowest second number.
        Neighbours touch at a side or at a corner. (0, 2) if there is one region only.
    """
    planes = torch.zeros(1, *labels.shape, dtype=torch.uint8)
    (tree,) = proposals.merge_regions(labels, planes, [("size",)])
    return tree.merges


# By size alone: the labels of a case are enough.
CASES_BY_SIZE = [
    Case(case.name, case.args[:1], case.expected) for case in CASES if case.args[2] == ("size",)
]


def numbered(rows):
    """Regions of any names as 0 to R - 1."""
    names = sorted({name for row in rows for name in row})
    return [[names.index(name) for name in row] for row in rows]


def strips(random):
    """Regions side by side, of different widths: a chain."""
    widths = random.permutation([1, 2, 3, 4, 6, 9])[: int(random.integers(4, 7))]
    names = random.permutation(len(widths))
    row = [int(name) for name, width in zip(names, widths, strict=True) for _ in range(width)]
    return ([row] * int(random.integers(1, 3)),)


def equal_strips(random):
    """Regions of equal sizes, in any order: the lowest numbers win."""
    names = random.permutation(int(random.integers(4, 8))).tolist()
    return ([[name for name in names for _ in range(2)]],)


def patchwork(random):
    """Up to twelve numbers on 5 x 7 pixels: regions in several pieces, corners that touch."""
    rows = random.integers(0, 12, (5, 7))
    rows[:2, :3] = 12
    return (numbered(rows.tolist()),)


def corners(random):
    """Two single pixels in a ground, which touch at a corner, twice, or do not touch at all."""
    calls = []
    for step in (-1, 1, 2):
        rows = [[0] * 6 for _ in range(4)]
        y, x = int(random.integers(0, 2)), int(random.integers(1, 4))
        rows[y][x], rows[y + 1][x + step] = 1, 2
        rows[3][5] = 3
        calls.append((rows,))
    return calls


def plain(mistake):
    """A mistake of all similarities as one of size alone, also when nothing is merged."""

    def solution(labels):
        merges = mistake(labels, [[0] * len(row) for row in labels], ("size",))
        return numpy.array(merges, dtype=numpy.int64).reshape(-1, 2)

    return solution


def draw(axes, case, result):
    draw_labels(axes, case[0])
    first = 1 + max(max(row) for row in case[0])
    steps = [f"{int(a)} + {int(b)} = {first + t}" for t, (a, b) in enumerate(result)]
    axes.set_title("   ".join(steps), fontsize=9, wrap=True)


EXERCISE = Exercise(
    title="Merging regions",
    functions=[merge_regions],
    tests=[
        worked("one row", 2, CASES_BY_SIZE, "small ones first", "equal pairs", "one region",
               "sizes add up"),
        worked("looked at anew", 2, CASES_BY_SIZE, "what is merged is looked at anew",
               "small ones first", "two that touch at a corner"),
        hidden("strips", 3, strips),
        hidden("equal strips", 2, equal_strips),
        hidden("a patchwork", 3, patchwork),
        Test("touching at a corner", 1, corners),
    ],
    mistakes={hint: plain(wrong) for hint, wrong in MISTAKES.items()},
    prepare=lambda labels: (torch.tensor(labels, dtype=torch.int64),),
    line_budget=26,
    example=([[0, 0, 0, 1, 1], [0, 0, 0, 1, 2], [3, 3, 3, 3, 2]],),
    draw=draw,
)  # fmt: skip
