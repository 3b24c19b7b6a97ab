"""The ways to number a row of pixels, as rulers below each other."""

from fractions import Fraction
from typing import Any

import torch

from edudet.draw.boxes import draw_boxes
from edudet.draw.style import COLOURS, HouseFigure, new_figure

RULERS = {  # name -> the number at a position in the house's pixels, and one pixel's length
    "edges, this library": (lambda x, n: x, lambda n: Fraction(1)),
    "centres from 1, the lecture": (lambda x, n: x + 0.5, lambda n: Fraction(1)),
    "align_corners=False": (lambda x, n: 2 * x / n - 1, lambda n: Fraction(2, n)),
    "align_corners=True": (lambda x, n: 2 * (x - 0.5) / (n - 1) - 1, lambda n: Fraction(2, n - 1)),
}


def draw_rulers(count: int = 4, at: float | None = None) -> HouseFigure:
    """`count` pixels in a row, and what the four ways to count call their edges and centres.

    at: a point, in pixels from the left edge, that every ruler names too.
    """
    figure, axes = new_figure(8.5, 3.6)
    for j in range(count):
        draw_boxes(axes, torch.tensor([[j, 0.0, j + 1, 1]]), "faint", width=1)
        axes.text(j + 0.5, 0.5, f"pixel {j}", ha="center", va="center", fontsize=10)
    for k, (name, (number, unit)) in enumerate(RULERS.items()):
        y = 1.75 + 0.85 * k
        axes.plot([0, count], [y, y], color=COLOURS["faint"], linewidth=1)
        edges = torch.arange(count + 1.0)
        for x in (edges if "edges" in name else edges[:-1] + 0.5).tolist():
            _tick(axes, x, y, number(x, count), "kept")
        for x in (0, count) if "False" in name else ():
            _tick(axes, x, y, number(x, count), "faint")
        if at is not None:
            _tick(axes, at, y, number(at, count), "marked", below=True)
        axes.text(-0.35, y, name, ha="right", va="center", fontsize=10)
        axes.text(count + 0.35, y, f"1 pixel = {unit(count)}", va="center", fontsize=10)
    bottom = 1.75 + 0.85 * len(RULERS)
    if at is not None:
        axes.plot([at, at], [0, bottom - 0.5], color=COLOURS["marked"], linewidth=1.2, zorder=0)
    axes.set_xlim(-0.1, count + 0.1)
    axes.set_ylim(bottom - 0.3, -0.1)
    axes.set_axis_off()
    return figure  # type: ignore[return-value]


def _tick(axes: Any, x: float, y: float, value: float, colour: str, below: bool = False) -> None:
    axes.plot([x, x], [y - 0.08, y + 0.08], color=COLOURS[colour], linewidth=2)
    text = f"{value:.3g}".replace("-", "−")
    axes.text(x + 0.05 * below, y + (0.14 if below else -0.12), text, fontsize=9,
              ha="left" if below else "center", va="top" if below else "bottom",
              color=COLOURS[colour], fontweight="bold" if below else "normal")  # fmt: skip
