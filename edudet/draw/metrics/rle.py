"""Masks as run lengths: the path along the columns, and the runs."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.style import COLOURS, new_figure
from edudet.metrics.rle import forms


def draw_runs(mask: Tensor) -> Figure:
    """An (H, W) bool mask of few pixels, read column by column, above its runs in one line."""
    counts = forms().encode(mask)
    height, width = mask.shape
    figure, axes = new_figure(7, 3.6, 2, 1)
    upper, lower = axes[0, 0], axes[1, 0]
    upper.imshow(mask.float().numpy(), cmap="Blues", vmin=0, vmax=1.8, extent=(0, width, height, 0))
    for x in range(width):
        upper.annotate("", (x + 0.5, height), (x + 0.5, 0),
                       arrowprops={"arrowstyle": "->", "color": COLOURS["marked"]})  # fmt: skip
    upper.set_xticks(range(width + 1))
    upper.set_yticks(range(height + 1))
    upper.grid(color="white", linewidth=1)
    upper.set_title("the mask, read column by column")
    draw_strip(lower, counts)
    return figure


def draw_strip(axes: Any, counts: list[int]) -> None:
    """The runs in one line, outside and inside by turns, each with its length."""
    ends = torch.tensor(counts).cumsum(0).tolist()
    for k, (count, end) in enumerate(zip(counts, ends, strict=True)):
        inside = k % 2 == 1
        colour, alpha = (COLOURS["kept"], 0.6) if inside else (COLOURS["faint"], 0.25)
        axes.barh(0, count, 1, end - count, color=colour, alpha=alpha, edgecolor="white")
        axes.text(end - count / 2, 0, str(count), ha="center", va="center")
    axes.set_xlim(0, ends[-1])
    axes.set_ylim(-0.8, 0.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("pixels in the order in which they are read; blue: inside")
