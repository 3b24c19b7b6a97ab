"""Variants of one detector side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from edudet.draw.style import COLOURS, HouseFigure, new_figure

PALETTE = tuple(COLOURS[name] for name in ("kept", "marked", "truth", "second", "dropped", "faint"))
Rows = Sequence[Mapping[str, Any]]


def draw_ablation(
    rows: Rows, panels: Sequence[tuple[str, Mapping[str, str]]], axis: str = "", title: str = ""
) -> HouseFigure:
    """Numbers of all variants: curves over `axis`, or bars where the variants are no numbers.

    Args:
        rows: a row for each variant and seed: "variant", "value", "seed", and numbers by name.
        panels: (label of the vertical axis, {name of a number: what it is called}).
        axis: what "value" is; "": bars.
        title: of the figure.

    Bars and curves are means over seeds; each seed is a dot.
    """
    figure, axes = new_figure(1.0 + 5.2 * len(panels), 4.2, 1, len(panels))
    every = [axes] if len(panels) == 1 else list(axes[0])
    for one, (label, shown) in zip(every, panels, strict=True):
        draw = _draw_curves if axis else _draw_bars
        draw(one, rows, shown)
        one.set_ylabel(label)
        one.set_ylim(0, None)
        if axis:
            one.set_xlabel(axis)
    if not axis:
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return figure


def variants_of(rows: Rows) -> list[str]:
    """Their names, each once, in their order."""
    return list(dict.fromkeys(row["variant"] for row in rows))


def _draw_bars(axes: Any, rows: Rows, shown: Mapping[str, str]) -> None:
    names = variants_of(rows)
    width = 0.8 / len(names)
    for v, name in enumerate(names):
        mine = [row for row in rows if row["variant"] == name]
        for place, key in enumerate(shown):
            values = [row[key] for row in mine]
            mean, x = sum(values) / len(values), place + (v - (len(names) - 1) / 2) * width
            bar = axes.bar(x, max(mean, 0), width * 0.92, color=PALETTE[v % len(PALETTE)],
                           label=name if place == 0 else None)  # fmt: skip
            text = f"{mean:,.0f}" if mean >= 10 else f"{mean:.2f}" if mean >= 0 else "none"
            # Above the dots, too: several seeds reach higher than their mean.
            lift = (max(values) - mean) if len(values) > 1 else 0.0
            if lift:
                axes.plot([x] * len(values), values, ".", color="black", markersize=4)
                axes.annotate(text, (x, mean + lift), (0, 3), textcoords="offset points",
                              ha="center", fontsize=8.5)  # fmt: skip
            else:
                axes.bar_label(bar, [text], padding=2, fontsize=8.5)
    axes.set_xticks(range(len(shown)), list(shown.values()))
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.1)


def _draw_curves(axes: Any, rows: Rows, shown: Mapping[str, str]) -> None:
    values = sorted({row["value"] for row in rows})
    for k, (key, text) in enumerate(shown.items()):
        colour = PALETTE[k % len(PALETTE)]
        each = [[row[key] for row in rows if row["value"] == value] for value in values]
        axes.plot(values, [sum(one) / len(one) for one in each], "o-", color=colour, label=text,
                  linewidth=2, markersize=5)  # fmt: skip
        for value, one in zip(values, each, strict=True):
            if len(one) > 1:
                axes.plot([value] * len(one), one, ".", color=colour, alpha=0.5, markersize=5)
    axes.set_xticks(values)
    axes.legend(frameon=False)
    axes.grid(axis="y", alpha=0.25)
    axes.margins(y=0.1)
