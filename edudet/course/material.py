"""What several exercises share: small inputs, exact in float32, and how to draw them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import torch

from edudet.course.judge import difference

MOST_WRITTEN = 12  # rows or columns of an array with its numbers written into it


def random_boxes(
    random: numpy.random.Generator, n: int, size: int, smallest: int = 1
) -> list[list[int]]:
    """`n` boxes with whole-numbered corners inside size x size, sides from `smallest` up."""
    low = random.integers(0, size - smallest, (n, 2))
    sides = random.integers(smallest, size // 2 + 1, (n, 2))
    return numpy.concatenate([low, numpy.minimum(low + sides, size)], 1).tolist()


def random_scores(random: numpy.random.Generator, n: int, levels: int = 1024) -> list[float]:
    """`n` multiples of 1 / levels between 0 and 1: with few levels, some are equal."""
    return (random.integers(1, levels, n) / levels).tolist()


def boxes_tensor(boxes: Sequence[Sequence[float]]) -> torch.Tensor:
    """Rows of four numbers as float32 (N, 4), also when there are none."""
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


def draw_kept_boxes(
    axes: Any, boxes: torch.Tensor, names: Sequence[str], kept: Sequence[int]
) -> None:
    """Named boxes in pixels, y downwards: those that are `kept` in blue, the others dashed."""
    from edudet.draw import COLOURS, draw_boxes  # needs matplotlib, which checking does not

    low, high = boxes[:, :2].amin(0).tolist(), boxes[:, 2:].amax(0).tolist()
    dropped = [i for i in range(len(boxes)) if i not in kept]
    draw_boxes(axes, boxes[dropped], "dropped", dashed=True)
    draw_boxes(axes, boxes[list(kept)], "kept")
    for i, (x1, y1, _, y2) in enumerate(boxes.tolist()):
        place = (i % 5 + 0.5) / 5  # one below the other, so that equal boxes keep their names
        axes.text(
            x1, y1 + place * (y2 - y1), f" {names[i]} ", fontsize=8, color="white", va="center",
            bbox={"facecolor": COLOURS["kept" if i in kept else "dropped"], "edgecolor": "none",
                  "pad": 1},
        )  # fmt: skip
    margin = 0.05 * max(high[0] - low[0], high[1] - low[1])
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(high[1] + margin, low[1] - margin)
    axes.set_aspect("equal")


def random_objects(
    random: numpy.random.Generator, n: int, size: tuple[int, int], stride: int,
    min_overlap: float, num_classes: int,
) -> tuple[list[list[float]], list[int]]:
    """Boxes in quarters of a cell on a map of `size` cells, and their classes; no object's Gaussian
    has a radius so near a whole number that rounding could change it."""
    from edudet.targets import gaussian_radius

    boxes: list[list[float]] = []
    while len(boxes) < n:
        x1, x2 = sorted(random.integers(0, 4 * size[1] + 1, 2).tolist())
        y1, y2 = sorted(random.integers(0, 4 * size[0] + 1, 2).tolist())
        sides = torch.tensor([[(y2 - y1) / 4, (x2 - x1) / 4]]).ceil()
        radius = gaussian_radius(sides, min_overlap).item()
        if radius == 0 or abs(radius - round(radius)) > 1e-3:
            boxes.append([value * stride / 4 for value in (x1, y1, x2, y2)])
    return boxes, random.integers(0, num_classes, n).tolist()


def draw_heatmap(
    axes: Any, heatmap: torch.Tensor, boxes: torch.Tensor, points: torch.Tensor
) -> None:
    """An (H, W) heatmap below boxes and points (N, 2), all in cells."""
    from edudet.draw import COLOURS, draw_boxes

    height, width = heatmap.shape
    axes.imshow(heatmap.numpy(), cmap="Blues", vmin=0, vmax=1.2, extent=(0, width, height, 0))
    draw_boxes(axes, boxes, "truth")
    axes.plot(*points.T.numpy(), "o", color=COLOURS["marked"], markersize=5)
    axes.set_xticks(range(width + 1))
    axes.set_yticks(range(height + 1))
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=7)


def redrawn(
    make: Callable[[], tuple[Any, ...]], fits: Callable[[tuple[Any, ...]], bool], most: int = 100
) -> tuple[Any, ...]:
    """The first arguments from `make` that fit: draw anew where rounding could decide."""
    for _ in range(most):
        args = make()
        if fits(args):
            return args
    raise RuntimeError(f"none of {most} drawn arguments fits")


def draw_lowered_scores(
    axes: Any, boxes: torch.Tensor, scores: Sequence[float], result: tuple[Any, Any]
) -> None:
    """Boxes with their old and new scores: (kept indices, their new scores) is the result."""
    keep = [int(i) for i in result[0]]
    new = dict(zip(keep, result[1], strict=True))
    names = [
        f"{chr(65 + i)} {score:.3g}" + (f" → {new[i]:.3g}" if i in new else "")
        for i, score in enumerate(scores)
    ]
    draw_kept_boxes(axes, boxes, names, keep)
    axes.set_title("kept: " + ", ".join(names[i][0] for i in keep))


def maps_tensor(rows: Sequence[Any]) -> torch.Tensor:
    """A (C, H, W) float32 tensor of one map's rows, or of several maps."""
    maps = torch.tensor(rows, dtype=torch.float32)
    return maps if maps.ndim == 3 else maps[None]


def draw_maps(axes: Any, before: Any, after: Any) -> None:
    """(C, H, W) and (C, H', W'), side by side; a channel below the other. Equal numbers have one
    colour, zeros none, so that one sees where each has gone."""
    before, after = numpy.asarray(before), numpy.asarray(after)
    if before.ndim != 3 or after.ndim != 3 or len(before) != len(after):
        raise ValueError("not maps of as many channels")
    height = max(before.shape[1], after.shape[1])
    width = before.shape[2] + 1 + after.shape[2]
    canvas = numpy.full((len(before) * (height + 1) - 1, width), numpy.nan)
    for c in range(len(before)):
        top = c * (height + 1)
        canvas[top : top + before.shape[1], : before.shape[2]] = before[c]
        canvas[top : top + after.shape[1], before.shape[2] + 1 :] = after[c]
    axes.imshow(numpy.where(canvas == 0, numpy.nan, canvas), cmap="cividis", alpha=0.45)
    for (y, x), value in numpy.ndenumerate(canvas):
        if not numpy.isnan(value):
            axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=9)
    axes.annotate(
        "", (before.shape[2] + 0.35, (height - 1) / 2), (before.shape[2] - 0.35, (height - 1) / 2),
        arrowprops={"arrowstyle": "->"},
    )
    axes.set_axis_off()


def draw_labels(
    axes: Any, labels: Sequence[Sequence[int]], written: Sequence[Sequence[Any]] | None = None
) -> None:
    """A map of regions, a colour for each; in the pixels their numbers, or what is `written`."""
    from matplotlib import colormaps  # which checking does not need

    rows = numpy.asarray(labels)
    palette = colormaps["tab20"]
    axes.imshow(palette(rows % 20)[..., :3] * 0.5 + 0.5, interpolation="nearest")
    for (y, x), label in numpy.ndenumerate(rows):
        text = label if written is None else written[y][x]
        axes.text(x, y, str(text), ha="center", va="center", fontsize=8)
    axes.set_axis_off()


def random_maps(
    random: numpy.random.Generator, n: int, channels: int, height: int, width: int
) -> list[Any]:
    """(n, channels, height, width) whole numbers from 0 to 31."""
    return random.integers(0, 32, (n, channels, height, width)).tolist()


def random_rois(
    random: numpy.random.Generator, k: int, images: int, height: int, width: int, beyond: int = 0
) -> list[list[int]]:
    """`k` boxes with area, as image, x1, y1, x2, y2; they reach up to `beyond` out of the image."""
    rows = []
    for _ in range(k):
        x1 = int(random.integers(-beyond, width + beyond))
        y1 = int(random.integers(-beyond, height + beyond))
        x2 = int(random.integers(x1 + 1, width + beyond + 1))
        y2 = int(random.integers(y1 + 1, height + beyond + 1))
        rows.append([int(random.integers(images)), x1, y1, x2, y2])
    return rows


def draw_roi_on_map(
    axes: Any, feature_map: Sequence[Sequence[float]], box: Sequence[float],
    output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int, values: Any,
) -> None:  # fmt: skip
    """A map with its numbers, a box divided into bins, its samples, and what came out."""
    from edudet.draw import COLOURS
    from edudet.ops.roi_align import sample_points

    cells = numpy.asarray(feature_map)
    axes.imshow(cells, cmap="cividis", alpha=0.35)
    for (y, x), value in numpy.ndenumerate(cells):
        axes.text(x, y, f"{value:g}", ha="center", va="center", fontsize=8, color="0.35")
    x1, y1, x2, y2 = (side * spatial_scale - 0.5 for side in box)
    rows, columns = output_size
    colour = COLOURS["kept"]
    axes.hlines(numpy.linspace(y1, y2, rows + 1), x1, x2, colors=colour)
    axes.vlines(numpy.linspace(x1, x2, columns + 1), y1, y2, colors=colour)
    roi = torch.tensor(box, dtype=torch.float32)
    points = sample_points(roi, output_size, spatial_scale, sampling_ratio, True).reshape(-1, 2)
    axes.plot(points[:, 0], points[:, 1], ".", color=colour)
    for (i, j), value in numpy.ndenumerate(numpy.asarray(values)):
        axes.text(
            x1 + (j + 0.5) * (x2 - x1) / columns, y1 + (i + 0.5) * (y2 - y1) / rows, f"{value:.4g}",
            ha="center", va="center", fontsize=9, color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 2},
        )  # fmt: skip
    axes.set_xticks(range(cells.shape[1]))
    axes.set_yticks(range(cells.shape[0]))
    axes.set_xlim(min(-0.5, x1) - 0.2, max(cells.shape[1] - 0.5, x2) + 0.2)
    axes.set_ylim(max(cells.shape[0] - 0.5, y2) + 0.2, min(-0.5, y1) - 0.2)


def numbers_agree(relative: float, absolute: float) -> Callable[[Any, Any, Any], str | None]:
    """For `Exercise.agree`, where results are ratios: an answer of 1 is as good as one of 1.0."""
    return lambda args, expected, got: difference(
        expected, got, (relative, absolute), kinds=False
    )


def scores_tensor(scores: Sequence[float]) -> torch.Tensor:
    """Numbers as float32 (N,), also when there are none."""
    return torch.tensor(scores, dtype=torch.float32)


def show_numbers(axes: Any, result: Any) -> None:
    """Show an array as a grid of numbers (of many dimensions: its first slice), or a text."""
    try:
        array = numpy.asarray(result)
    except ValueError:
        array = numpy.empty(0, object)
    if array.dtype.kind not in "biuf" or array.size == 0:
        axes.text(0.5, 0.5, _short(result), ha="center", va="center", wrap=True, fontsize=8)
        axes.set_axis_off()
        return
    while array.ndim > 2:
        array = array[0]
    array = numpy.atleast_2d(array)
    finite = numpy.where(numpy.isfinite(array), array, 0)
    axes.imshow(finite, cmap="cividis", alpha=0.35)
    axes.set_xticks(range(min(array.shape[1], 100)))
    axes.set_yticks(range(min(array.shape[0], 100)))
    axes.tick_params(labelsize=7)
    if max(array.shape) <= MOST_WRITTEN:
        for (i, j), value in numpy.ndenumerate(array):
            axes.text(j, i, number_text(value), ha="center", va="center", fontsize=8)


def number_text(value: Any) -> str:
    """A number in few letters."""
    whole = isinstance(value, (bool, int, numpy.integer, numpy.bool_))
    return str(value) if whole else f"{value:.3g}"


def _short(value: Any) -> str:
    if isinstance(value, numpy.ndarray | torch.Tensor):
        return f"nothing: shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) < 300 else text[:297] + "..."
