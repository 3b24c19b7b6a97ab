"""Numbers on a grid: score maps, matrices, cells of feature maps."""

from typing import Any

import torch
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from edudet.draw.style import COLOURS

PALE = LinearSegmentedColormap.from_list("pale", ["white", "#7d7d7d"])  # lines stay visible on it
WARM = LinearSegmentedColormap.from_list("warm", ["white", COLOURS["marked"]])
MOST_WRITTEN = 16  # rows or columns of a matrix with numbers in its cells
MOST_CELLS = 144  # of a map with numbers in its cells


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


def show_cells(
    axes: Any, cells: Tensor, title: str = "", stride: float = 1, numbers: bool = False,
    limits: tuple[float, float] | None = None, colours: Any = PALE,
) -> Any:
    """Show an (H, W) map as cells of `stride` pixels, the larger the darker.

    numbers: whether to write each value into its cell; of many, only those that are not 0.
    limits: the values of the palest and of the darkest colour, if not the map's own.
    """
    height, width = cells.shape
    low, high = limits or (float(cells.min()), float(cells.max()))
    shown = axes.imshow(
        cells.detach().numpy(), cmap=colours, vmin=low, vmax=max(high, low + 1e-6),
        extent=(0, width * stride, height * stride, 0), interpolation="nearest",
    )
    for x in range(width + 1):
        axes.axvline(x * stride, color="white", linewidth=0.8, zorder=1)
    for y in range(height + 1):
        axes.axhline(y * stride, color="white", linewidth=0.8, zorder=1)
    written = torch.ones_like(cells) if cells.numel() <= MOST_CELLS else cells
    for y, x in written.nonzero().tolist() if numbers else []:
        value = cells[y, x].item()
        axes.text((x + 0.5) * stride, (y + 0.5) * stride, f"{value:.{2 * (value % 1 != 0)}f}",
                  ha="center", va="center", fontsize=8, clip_on=True)  # fmt: skip
    axes.set_title(title)
    axes.tick_params(labelsize=8)
    return shown
