"""Heatmaps and the positions that are read from them.

Positions are in the house's pixels: the centre of column 0 is 0.5.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import show_image
from edudet.draw.grids import WARM, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.soft_argmax import soft_argmax1d, soft_argmax2d

MOST_CELLS = 40  # rows or columns of a map whose cells are told apart


def show_heatmap(
    axes: Any, heatmap: Tensor, title: str = "", over: Tensor | None = None,
    points: Mapping[str, Tensor | Sequence[float]] | None = None,
) -> None:
    """Show an (H, W) heatmap, the higher the more orange.

    over: a photo of the same size, shown in grey below the map, whose zeros are transparent;
    points: colour -> (x, y), or (P, 2) of a path whose last point is the large one.
    """
    heatmap = heatmap.detach()
    low, high = float(heatmap.min()), float(heatmap.max())
    if over is not None:
        height, width = heatmap.shape
        show_image(axes, over if over.ndim == 2 else over.mean(0), title)
        low = max(low, 0.0)
        strength = ((heatmap - low) / max(high - low, 1e-12)).clamp(min=0).numpy()
        axes.imshow(torch.ones_like(heatmap).numpy(), cmap=WARM, vmin=0, vmax=1, alpha=strength,
                    extent=(0, width, height, 0), interpolation="nearest")  # fmt: skip
    elif max(heatmap.shape) <= MOST_CELLS:
        show_cells(axes, heatmap, title, limits=(min(low, 0.0), high), colours=WARM)
    else:
        height, width = heatmap.shape
        axes.imshow(heatmap.numpy(), cmap=WARM, vmin=min(low, 0.0), vmax=high,
                    extent=(0, width, height, 0), interpolation="nearest")  # fmt: skip
        axes.set_title(title)
    for colour, place in (points or {}).items():
        path = torch.as_tensor(place).detach().reshape(-1, 2)
        axes.plot(*path.T.tolist(), ".-", color=COLOURS[colour], linewidth=1, markersize=4)
        axes.plot(*path[-1].tolist(), "o", color=COLOURS[colour], markersize=9,
                  markeredgecolor="white")  # fmt: skip


def peak_of(heatmap: Tensor) -> Tensor:
    """(2,): x, y of the centre of the largest cell of (H, W), the argmax."""
    y, x = divmod(int(heatmap.argmax()), heatmap.shape[1])
    return torch.tensor([x + 0.5, y + 0.5])


def step_balance(row: Tensor, betas: Sequence[float]) -> Steps:
    """A (W,) row of scores, beside it its weights as columns on a beam, for each beta: the beam is
    in balance on the soft-argmax."""
    places = [float(soft_argmax1d(row[None, None], beta)) for beta in betas]
    captions = [f"β = {beta:g}: the beam balances at {place:.6g}"
                for beta, place in zip(betas, places, strict=True)]  # fmt: skip
    centres = torch.arange(len(row)) + 0.5

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        weights = (betas[i] * row).softmax(0)
        for ax, scores, colour in ((left, row, "faint"), (right, weights, "marked")):
            heights = scores.tolist()
            bars = ax.bar(centres.tolist(), heights, 0.9, color=COLOURS[colour])
            ax.bar_label(bars, [f"{round(height, 3):g}" for height in heights], fontsize=9)
            ax.set_xlim(0, len(row))
            ax.set_xticks(range(len(row) + 1))
            ax.set_xlabel("x (pixels)")
        left.set_title("scores S")
        left.margins(y=0.15)
        right.set_title("weights exp(βS) / sum")
        right.plot([0, len(row)], [-0.02, -0.02], color="black", linewidth=3)
        right.plot(places[i], -0.1, "^", color=COLOURS["kept"], markersize=17)
        right.set_ylim(-0.18, 1.12)

    return Steps(captions, draw, 8, 3.4, 1, 2)


def step_beta(heatmap: Tensor, betas: Sequence[float], over: Tensor | None = None) -> Steps:
    """An (H, W) heatmap with its largest cell (green) and its soft-argmax for each beta so far
    (blue), over a photo if there is one, and beside it the weights of this beta."""
    places = torch.stack([soft_argmax2d(heatmap[None, None], beta)[0, 0] for beta in betas])
    captions = [f"β = {beta:g}: ({x:.2f}, {y:.2f})"
                for beta, (x, y) in zip(betas, places.tolist(), strict=True)]  # fmt: skip
    best = peak_of(heatmap)

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        weights = (betas[i] * heatmap.flatten()).softmax(0).reshape(heatmap.shape)
        marks = {"truth": best, "kept": places[: i + 1]}
        show_heatmap(left, heatmap, "heatmap S", over, marks)
        share = float(weights.max())
        title = f"weights; the largest is {share:.2g}"
        show_heatmap(right, weights, title, None, {"truth": best, "kept": places[i]})

    height, width = heatmap.shape
    return Steps(captions, draw, 8.5, 0.9 + 3.9 * height / width, 1, 2)


def draw_bias(betas: Sequence[float], sides: Sequence[int], height: float = 1.0) -> Figure:
    """How far the soft-argmax misses a peak at the first of `side` cells; the others hold 0.

    betas: one curve each; height: of the peak.
    """
    figure, axes = new_figure(7, 3.8)
    names = ("faint", "second", "marked", "kept", "truth", "dropped")
    rows = []
    for side in sides:
        row = torch.zeros(1, 1, side)
        row[..., 0] = height
        rows.append(row)
    for beta, colour in zip(betas, names, strict=False):
        away = [float(soft_argmax1d(row, beta)) - 0.5 for row in rows]
        axes.plot(sides, away, ".-", color=COLOURS[colour])
        axes.annotate(f"β = {beta:g}", (sides[-1], away[-1]), (6, 0), textcoords="offset points",
                      va="center", color=COLOURS[colour], annotation_clip=False)  # fmt: skip
    axes.set_xlabel("cells in the row")
    axes.set_ylabel("distance from the peak (pixels)")
    return figure


def draw_tracks(axes: Any, truth: Tensor, tracks: Mapping[str, tuple[Tensor, str]]) -> None:
    """Draw positions that were read against the true ones, both (P,) in pixels.

    tracks: name -> (positions, colour); the line where both are equal is green.
    """
    ends = [float(truth.min()), float(truth.max())]
    axes.plot(ends, ends, color=COLOURS["truth"], linewidth=1.5)
    for name, (read, colour) in tracks.items():
        axes.plot(truth.numpy(), read.detach().numpy(), ".", color=COLOURS[colour], markersize=7)
        axes.annotate(name, (ends[1], float(read[-1])), (8, 0), textcoords="offset points",
                      va="center", color=COLOURS[colour], annotation_clip=False)  # fmt: skip
    axes.set_xlabel("true position (pixels)")
    axes.set_ylabel("position read (pixels)")


def draw_slopes(
    axes: Any, slopes: Tensor, title: str = "",
    points: Mapping[str, Tensor | Sequence[float]] | None = None,
) -> None:
    """Show an (H, W) map of derivatives around 0: orange cells push up, violet ones down.

    points: colour -> (x, y).
    """
    limit = float(slopes.abs().max()) or 1.0
    show_cells(axes, slopes, title, limits=(-limit, limit), colours="PuOr_r")
    for colour, place in (points or {}).items():
        axes.plot(*torch.as_tensor(place).tolist(), "o", color=COLOURS[colour], markersize=9,
                  markeredgecolor="white")  # fmt: skip
