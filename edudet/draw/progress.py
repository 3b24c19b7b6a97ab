"""What each successor of R-CNN changed: the family as a table."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edudet.draw.style import COLOURS, new_figure


def draw_changes(
    columns: Sequence[str], rows: Mapping[str, tuple[str, Sequence[str]]]
) -> Figure:
    """A table of methods in which what differs from the predecessor stands out.

    columns: what is told of each method.
    rows: method -> (predecessor, "" for none; a text for each column). The predecessor is named
        where it is not the row above.
    """
    figure, axes = new_figure(9, 0.45 * (len(rows) + 1))
    width = (1 - 0.15) / len(columns)
    for j, name in enumerate(columns):
        axes.text(0.15 + (j + 0.5) * width, -0.5, name, ha="center", va="center", fontsize=9,
                  style="italic")  # fmt: skip
    for i, (method, (base, texts)) in enumerate(rows.items()):
        far = base and base != list(rows)[i - 1]
        axes.text(0, i + (0.35 if far else 0.5), method, va="center", fontsize=10, weight="bold")
        axes.text(0, i + 0.72, f"from {base}" if far else "", va="center", fontsize=8)
        before = rows[base][1] if base else texts
        for j, (text, old) in enumerate(zip(texts, before, strict=True)):
            changed, left = text != old, 0.15 + j * width
            colour = COLOURS["kept"] if changed else "white"
            axes.add_patch(Rectangle((left, i + 0.06), width * 0.98, 0.88, color=colour,
                                     alpha=0.18 if changed else 1))  # fmt: skip
            axes.text(left + width * 0.49, i + 0.5, textwrap.fill(text, 20), ha="center",
                      va="center", fontsize=8.5, linespacing=0.95,
                      color="black" if changed else COLOURS["faint"])  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(len(rows), -1))
    axes.set_axis_off()
    return figure
