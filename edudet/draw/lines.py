"""Curves whose names stand beside their ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from edudet.draw.style import COLOURS, new_figure

ORDER = ("kept", "dropped", "truth", "second", "marked", "faint")


def draw_lines(
    lines: Mapping[str, tuple[Any, Any]], xlabel: str, ylabel: str, logs: str = "",
    width: float = 7.5, height: float = 3.2,
) -> Figure:  # fmt: skip
    """Curves, x and y for each name, which stands at the right, in the order of their ends; few
    points are marked by dots.

    logs: the axes that are logarithmic: "", "x", "y" or "xy".
    """
    figure, axes = new_figure(width, height)
    for colour, (x, y) in zip(ORDER, lines.values(), strict=False):
        style = "o-" if len(x) <= 20 else "-"
        axes.plot(x, y, style, color=COLOURS[colour], linewidth=1.8, markersize=5)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    for name in logs:
        getattr(axes, f"set_{name}scale")("log")
    axes.grid(alpha=0.25)
    axes.autoscale_view()  # else the transformation is still that of an empty figure
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = [to_axes.transform((float(x[-1]), float(y[-1])))[1] for x, y in lines.values()]
    heights = spread(ends, 0.25 / height)
    for colour, name, at in zip(ORDER, lines, heights, strict=False):
        axes.annotate(name, (1.02, at), xycoords="axes fraction", color=COLOURS[colour],
                      va="center", annotation_clip=False)  # fmt: skip
    return figure


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Numbers in the same order, moved as little as this takes to be `gap` apart."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    groups: list[tuple[float, list[int]]] = []  # centre and members; too close ones are joined
    for i in order:
        centre, members = values[i], [i]
        while groups and centre - groups[-1][0] < gap * (len(members) + len(groups[-1][1])) / 2:
            members = groups.pop()[1] + members
            centre = sum(values[k] for k in members) / len(members)
        groups.append((centre, members))
    out = list(values)
    for centre, members in groups:
        for n, i in enumerate(members):
            out[i] = centre + (n - (len(members) - 1) / 2) * gap
    return out
