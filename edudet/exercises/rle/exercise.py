"""Exercise: masks as run lengths, there and back."""

import torch

from edudet.cases.case import Case
from edudet.cases.metrics.rle import CASES, MISTAKES, MISTAKES_OF_DECODING
from edudet.course.exercise import Exercise, hidden, worked
from edudet.metrics import rle as library
from edudet.metrics import rle_decode as library_rle_decode


def rle_encode(mask):
    """Return the lengths of a mask's runs: pixels outside, then inside, then outside, ...

    mask    (H, W) bool with one pixel at least, read column by column

    Returns a list of whole numbers, which add up to H * W. The first run is outside: 0 long if the
    first pixel is inside. No other run is empty.
    """
    return library.forms().encode(mask)


def rle_decode(counts, height, width):
    """Return the mask that has these run lengths.

    counts      a list of whole numbers, as `rle_encode` returns them; they add up to height * width

    Returns (height, width) bool.
    """
    return library_rle_decode({"size": [height, width], "counts": counts})


def mask_of(random, height, width, share):
    """Blocks rather than noise: an object with a hole or two."""
    mask = random.random((height, width)) < share
    top, left = (int(random.integers(0, n)) for n in (height, width))
    mask[top : top + 3, left : left + 3] = True
    return mask.astype(int).tolist()


def any_mask(random):
    height, width = (int(n) for n in random.permutation([3, 4, 5, 7])[:2])
    return (mask_of(random, height, width, 0.3),)


def begins_inside(random):
    (mask,) = any_mask(random)
    mask[0][0] = int(random.integers(0, 2))
    mask[-1][-1] = int(random.integers(0, 2))
    return (mask,)


def lines_and_plain_ones(random):
    kinds = [mask_of(random, 1, 9, 0.5), mask_of(random, 9, 1, 0.5), [[1] * 4] * 3, [[0] * 3] * 5]
    return (kinds[random.integers(4)],)


def backwards(make):
    def generator(random):
        (mask,) = make(random)
        counts = library.forms().encode(torch.tensor(mask, dtype=torch.bool))
        return counts, len(mask), len(mask[0])

    return generator


DECODED = [
    Case(case.name, (case.expected[0], len(case.args[0]), len(case.args[0][0])), case.args[0])
    for case in CASES
]
OF_TEXT = [
    "differences begin with the third count, not with the fourth",
    "no differences to the count two places before",
    "bit 4 of the last digit is the sign: 16 needs a second digit",
]


def counts_of(mistake):
    return lambda mask: mistake(mask)[0]


def draw_counts(axes, case, result):
    """The mask with the path along its columns, and the counts below it."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    mask = torch.tensor(case[0])
    height, width = mask.shape
    axes.imshow(mask, cmap="Blues", vmin=0, vmax=1.6)
    for x in range(width):
        axes.annotate("", (x, height - 0.6), (x, -0.4),
                      arrowprops={"arrowstyle": "->", "color": COLOURS["dropped"]})  # fmt: skip
    for y in range(height if width <= 12 else 0):
        for x in range(width):
            axes.text(x + 0.12, y, int(mask[y, x]), va="center", fontsize=8)
    axes.text(width / 2 - 0.5, height - 0.45, str([int(n) for n in result]), ha="center", va="top")
    axes.set_axis_off()


EXERCISE = Exercise(
    title="Masks as run lengths",
    functions=[rle_encode, rle_decode],
    tests=[
        worked("encode small masks", 2, CASES, "by hand", "a column", "a row", "falling counts"),
        worked("encode: where it begins and ends", 1, CASES, "begins inside", "nothing",
               "everything"),
        worked("decode small masks", 2, DECODED, "by hand", "a column", "a row", "begins inside",
               "nothing", function="rle_decode"),
        hidden("encode any mask", 3, any_mask),
        hidden("encode masks that begin inside", 1, begins_inside),
        hidden("encode lines, nothing, everything", 1, lines_and_plain_ones, calls=6),
        hidden("decode any mask", 2, backwards(begins_inside), function="rle_decode"),
        hidden("decode lines, nothing, everything", 1, backwards(lines_and_plain_ones), calls=6,
               function="rle_decode"),
    ],
    prepare={
        "rle_encode": lambda mask: (torch.tensor(mask, dtype=torch.bool),),
        "rle_decode": lambda *args: args,
    },
    mistakes={
        "rle_encode": {hint: counts_of(mistake) for hint, mistake in MISTAKES.items()
                       if hint not in OF_TEXT},
        "rle_decode": MISTAKES_OF_DECODING,
    },
    line_budget=20,
    example=([[0, 0, 1, 1, 0], [0, 1, 1, 1, 0], [0, 1, 0, 1, 1]],),
    draw={"rle_encode": draw_counts},
)  # fmt: skip
