"""The house's colours and axes."""

import io
from typing import Any

from matplotlib.figure import Figure

# Okabe and Ito, 2008: told apart with any kind of colour vision. A meaning keeps its colour.
COLOURS = {
    "kept": "#0072B2",      # what the method says
    "truth": "#009E73",     # what is so
    "dropped": "#D55E00",   # what was suppressed, and false alarms
    "marked": "#E69F00",    # what the text speaks of
    "second": "#CC79A7",    # a second method, a second object
    "faint": "#888888",
}
DPI = 100


class HouseFigure(Figure):
    """A white figure of so many inches that clips no label, readable on a dark page too.

    Not registered with pyplot: nothing stays open, nothing needs a display. A notebook shows it as
    the value of a cell.
    """

    def __init__(self, size: tuple[float, float]) -> None:
        super().__init__(figsize=size, layout="constrained", facecolor="white")

    def png(self) -> bytes:
        """The figure as a file."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=DPI)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1
) -> tuple[HouseFigure, Any]:
    """A figure of so many inches with its axes: an array of them, if there are several."""
    figure = HouseFigure((width, height))
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        bare(ax)
    return figure, axes[0, 0] if rows == columns == 1 else axes


def bare(axes: Any) -> None:
    """The house's axes: no frame at the top and at the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.title.set_size(11)
