"""Numbers on a grid: score maps, matrices, RoIAlign's samples."""

from typing import Any

from torch import Tensor

from edudet.draw.style import COLOURS

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


def draw_roi_samples(axes: Any, roi: Tensor, points: Tensor) -> None:
    """Draw the bins of one RoI (xyxy) and the points where RoIAlign reads the image.

    points: (height, width, down, across, 2) x, y in cells from the centre of cell 0, as
    `edudet.ops.roi_align.sample_points` gives them; shown in coordinates where cell 0 is [0, 1).
    """
    height, width = points.shape[:2]
    x1, y1, x2, y2 = roi.tolist()
    for i in range(height + 1):
        y = y1 + (y2 - y1) * i / height
        axes.plot([x1, x2], [y, y], color=COLOURS["kept"], linewidth=1)
    for j in range(width + 1):
        x = x1 + (x2 - x1) * j / width
        axes.plot([x, x], [y1, y2], color=COLOURS["kept"], linewidth=1)
    dots = (points.reshape(-1, 2) + 0.5).numpy()
    axes.plot(*dots.T, ".", color=COLOURS["marked"], markersize=3.5)
