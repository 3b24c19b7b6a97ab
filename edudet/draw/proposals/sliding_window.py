"""A window that walks over an image and over a pyramid; and what all of it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.grids import show_scores
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.proposals import sliding_windows

Level = tuple[Tensor, tuple[float, float]]

UNITS = (("year", 31_557_600.0), ("month", 2_592_000.0), ("day", 86_400.0), ("hour", 3600.0),
         ("minute", 60.0), ("second", 1.0))  # fmt: skip


def step_windows(
    image_size: tuple[int, int], window_size: tuple[int, int], stride: int | tuple[int, int] = 1
) -> Steps:
    """Every window on an image of (height, width) cells, one after the other; beside it, the map
    with one cell for each window."""
    windows = sliding_windows(image_size, window_size, stride)
    rows = len(windows[:, 1].unique())
    places = torch.arange(len(windows)).reshape(rows, -1)
    captions = [
        f"window {i + 1} of {len(windows)}: ({', '.join(f'{n:g}' for n in window)})"
        for i, window in enumerate(windows.tolist())
    ]

    def draw(axes: Any, i: int) -> None:
        left, map_ = axes[0]
        _show_cells(left, image_size)
        left.set(xlabel="x", ylabel="y", title=f"image {image_size[0]} × {image_size[1]}")
        x1, y1, x2, y2 = windows[i].tolist()
        left.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, color=COLOURS["marked"], alpha=0.35))
        draw_boxes(left, windows[: i + 1], "faint", width=1)
        draw_boxes(left, windows[i : i + 1], "marked", width=2.6)
        _show_cells(map_, (rows, places.shape[1]))
        map_.set(title=f"map {rows} × {places.shape[1]}", xlabel="column", ylabel="row")
        for (y, x) in (places <= i).nonzero().tolist():
            colour = COLOURS["marked" if places[y, x] == i else "faint"]
            map_.add_patch(Rectangle((x, y), 1, 1, color=colour, alpha=0.5))
            map_.text(x + 0.5, y + 0.5, str(places[y, x].item() + 1), ha="center", va="center")

    return Steps(captions, draw, 8.5, 3.6, 1, 2)


def _show_cells(axes: Any, size: tuple[int, int]) -> None:
    """Empty cells: (row y, column x) covers [x, x + 1) x [y, y + 1)."""
    height, width = size
    axes.set(xticks=range(width + 1), yticks=range(height + 1), xlim=(-0.1, width + 0.1),
             ylim=(height + 0.1, -0.1), aspect="equal")  # fmt: skip
    axes.grid(color=COLOURS["faint"], alpha=0.4, linewidth=0.8)


def step_pyramid(
    levels: Sequence[Level], maps: Sequence[Tensor], window_size: tuple[int, int],
    milliseconds: float = 1.0, parts: int = 3,
) -> Steps:  # fmt: skip
    """A window of (height, width) walks over every level of a pyramid, with stride 1.

    levels: what `edudet.proposals.image_pyramid` returns; maps: for each level the (rows, columns)
    of scores, one for each window; milliseconds: what a window costs; parts: pictures per level.
    """
    captions, moments, before = [], [], 0
    for number, ((_, scale), scores) in enumerate(zip(levels, maps, strict=True)):
        for part in range(1, parts + 1):
            done = max(1, scores.numel() * part // parts)
            moments.append((number, done))
            cost = duration((before + done) * milliseconds / 1000)
            captions.append(f"level {number}, {scale[0]:.0%} of the size: "
                            f"{before + done:,} windows so far, {cost}")  # fmt: skip
        before += scores.numel()
    extent = [max(level.shape[axis] for level, _ in levels) for axis in (-2, -1)]

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        number, done = moments[i]
        scores, (height, width) = maps[number], window_size
        y, x = divmod(done - 1, scores.shape[1])
        show_image(left, levels[number][0], "the level and its window")
        draw_boxes(left, torch.tensor([[x, y, x + width, y + height]]), "marked", width=2.4)
        show_filled(right, scores, done, "its map of scores")
        for ax in (left, right):
            ax.set(xlim=(-0.5, extent[1]), ylim=(extent[0], -0.5))

    return Steps(captions, draw, 8.5, 3.8, 1, 2)


def duration(seconds: float) -> str:
    """In the largest unit that is less: 9216 -> 2.6 hours."""
    for name, length in UNITS:
        if name != "month" and seconds >= length:
            return f"{seconds / length:.3g} {name}{'s' if seconds != length else ''}"
    return f"{seconds:.3g} seconds"


def step_costs(seconds: Mapping[str, float]) -> Steps:
    """Bars of durations on a logarithmic axis that is marked in minutes, hours, days, months; one
    more with every step."""
    names, values = list(seconds), list(seconds.values())
    captions = [f"{name}: {duration(value)}" for name, value in seconds.items()]

    def draw(axes: Any, i: int) -> None:
        colours = [COLOURS["marked" if k == i else "faint"] for k in range(i + 1)]
        bars = axes.barh(range(i + 1), values[: i + 1], color=colours, height=0.6)
        axes.bar_label(bars, [duration(value) for value in values[: i + 1]], padding=4, fontsize=9)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xscale("log")
        marks = [(name, length) for name, length in UNITS[1:] if length < max(values) * 60]
        axes.set_xticks([length for _, length in marks], [f"1 {name}" for name, _ in marks])
        axes.set_xlim(min(values) / 5, max(values) * 60)
        axes.minorticks_off()
        axes.grid(axis="x", alpha=0.3)

    return Steps(captions, draw, 7.5, 0.9 + 0.4 * len(names))


def show_filled(axes: Any, scores: Tensor, done: int, title: str) -> None:
    """A map of scores of which the first `done` are known, in a frame."""
    known = (torch.arange(scores.numel()) < done).reshape(scores.shape)
    show_scores(axes, torch.where(known, scores, torch.nan), title)
    height, width = scores.shape
    frame = torch.tensor([[0.0, 0, width, height]]) - 0.5
    draw_boxes(axes, frame, "faint", width=1)
    axes.set(xlim=(-0.6, width - 0.4), ylim=(height - 0.4, -0.6))
