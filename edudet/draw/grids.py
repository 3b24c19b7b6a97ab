"""Numbers on a grid: score maps, matrices."""

from typing import Any

from torch import Tensor

MOST_WRITTEN = 16  # rows or columns of a matrix with numbers in its cells


def show_scores(axes: Any, scores: Tensor, title: str = "", limit: float = 1.0) -> Any:
    """Show a (rows, columns) map of scores around 0: violet is no, orange is yes."""
    shown = axes.imshow(
        scores.numpy(), cmap="PuOr_r", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    axes.set_title(title)
    axes.set_axis_off()
    return shown


def show_matrix(axes: Any, matrix: Tensor, title: str = "", digits: int = 2) -> Any:
    """Show an (N, M) matrix of numbers in [0, 1], written into its cells where there is room."""
    shown = axes.imshow(matrix.numpy(), cmap="cividis", vmin=0, vmax=1)
    axes.set_title(title)
    if max(matrix.shape) > MOST_WRITTEN:
        return shown
    for i, row in enumerate(matrix.tolist()):
        for j, value in enumerate(row):
            if value > 0:
                text = f"{value:.{digits}f}".removeprefix("0")
                colour = "black" if value > 0.5 else "white"
                axes.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(matrix.shape[1]))
    axes.set_yticks(range(matrix.shape[0]))
    axes.tick_params(labelsize=8)
    return shown
