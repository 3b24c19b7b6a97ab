"""The house's colours and axes."""

from typing import Any

from matplotlib.figure import Figure

# Okabe and Ito, 2008: told apart with any kind of colour vision. A meaning keeps its colour.
COLOURS = {
    "kept": "#0072B2",      # what the method says
    "truth": "#009E73",     # what is so
    "dropped": "#D55E00",   # what was suppressed, and false alarms
    "marked": "#E69F00",    # what the text speaks of
    "faint": "#888888",
}


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A white figure of so many inches that clips no label, readable on a dark page too.

    Not registered with pyplot: nothing stays open, nothing needs a display.
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.title.set_size(11)
    return figure, axes[0, 0] if rows == columns == 1 else axes
