"""Exercise: soft-argmax, the position of a heatmap's peak with a derivative."""

import torch

from edudet.cases.ops.soft_argmax import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import soft_argmax2d


def soft_argmax(heatmaps, beta):
    """Return the mean position in each heatmap, weighted by exp(beta * heatmap).

    heatmaps    (K, H, W) float32, at least one cell each
    beta        a number, 0 or more

    Returns (K, 2) float32: x, then y, in pixels; the centre of the first pixel is (0.5, 0.5). A
    gradient flows to `heatmaps`.
    """
    return soft_argmax2d(heatmaps, beta)


def heatmaps(random, n, height, width, centre=0.0):
    """Multiples of 1/8, at most 2 away from `centre`."""
    return (centre + random.integers(-16, 17, (n, height, width)) / 8).tolist()


def any_maps(random):
    height, width = (int(size) for size in random.integers(3, 7, 2))
    return [heatmaps(random, 3, height, width)], float(random.choice([0.5, 2, 4])), False


def rows_and_columns(random):
    height, width = random.permutation([1, int(random.integers(5, 12))]).tolist()
    return [heatmaps(random, 2, height, width)], float(random.choice([0, 1, 8])), False


def far_from_zero(random):
    maps = [heatmaps(random, 1, 4, 5, centre)[0] for centre in (-2048.0, 512.0, 0.0)]
    return [maps], float(random.choice([1, 2])), False


def small_maps(random):
    return [heatmaps(random, 2, 3, 4)], float(random.choice([0.5, 1, 2])), False


def draw(axes, case, result):
    """The maps in a row; a dot where the mean lies, a cross on the largest pixel."""
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    start = 0
    for heatmap, (x, y) in zip(torch.tensor(case[0][0]), result, strict=True):
        height, width = heatmap.shape
        axes.imshow(heatmap, cmap="gray", extent=(start, start + width, height, 0), vmin=-1)
        top = int(heatmap.argmax())
        axes.plot(start + top % width + 0.5, top // width + 0.5, "x", color=COLOURS["dropped"],
                  markersize=11, markeredgewidth=2.5)  # fmt: skip
        axes.plot(start + x, y, "o", color=COLOURS["kept"], markersize=9)
        axes.annotate(
            f"({x:.3g}, {y:.3g})", (start + x, y), (9, 0), textcoords="offset points", va="center",
            color="white", bbox={"facecolor": COLOURS["kept"], "edgecolor": "none", "pad": 2},
        )  # fmt: skip
        start += width + 1
    axes.set_xlim(0, start - 1)
    axes.set_title(f"beta {case[1]:g}: dot soft-argmax, cross argmax")


def narrowed(mistake):
    return lambda maps, beta, normalized: mistake(maps, beta, False)[0]


EXERCISE = Exercise(
    title="Soft-argmax",
    functions=[soft_argmax],
    tests=[
        worked("three numbers, three betas", 2, CASES, "beta 0", "beta 1", "beta 10"),
        worked("rows and columns", 2, CASES, "beta 1", "down", "flat",
               "a peak against a background"),
        worked("two maps", 1, CASES, "two maps", "flat"),
        worked("huge values", 1, CASES, "beta 1", "huge values"),
        worked("a gradient", 1, CASES, "beta 1", "a peak against a background", gradient=True),
        hidden("maps of any size", 3, any_maps),
        hidden("flat and upright maps", 1, rows_and_columns),
        hidden("maps far from zero", 2, far_from_zero),
        hidden("gradients of any map", 1, small_maps, gradient=True),
    ],
    mistakes={hint: narrowed(mistake) for hint, mistake in MISTAKES.items()
              if not hint.startswith("normalized")},
    prepare=lambda maps, beta, normalized: (torch.tensor(maps[0], dtype=torch.float32), beta),
    tolerance=(1e-5, 1e-5),
    line_budget=14,
    example=([[[[0, 0, 0, 0, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0], [1, 4, 3, 0, 0, 0, 0],
                [0, 1, 0, 0, 0, 0, 0]]]], 1.0, False),
    draw=draw,
)  # fmt: skip
