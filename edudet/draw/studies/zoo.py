"""All models of the zoo: how they learnt, and what they find."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from edudet.draw.style import COLOURS, HouseFigure, new_figure

COLUMNS, SIDE = 4, 2.6  # panels in a row, inches of one
SEEDS = tuple(COLOURS[name] for name in ("kept", "marked", "truth", "second", "dropped", "faint"))


def draw_losses(
    losses: Mapping[str, Sequence[Mapping[str, Sequence[float]]]], seeds: Sequence[int]
) -> HouseFigure:
    """The sum of the losses over the steps: a panel for each model, a line for each seed.

    Args:
        losses: of each model, for each seed, the columns of losses.csv.
        seeds: what each line is called.
    """
    columns = min(COLUMNS, len(losses))
    rows = -(-len(losses) // columns)
    figure, axes = new_figure(max(SIDE * columns, 4), 2.3 * rows, rows, columns)
    every = list(axes.flat) if len(losses) > 1 else [axes]
    for ax, (name, histories) in zip(every, losses.items(), strict=False):
        for i, (history, seed) in enumerate(zip(histories, seeds, strict=True)):
            values = np.array(history["loss"])
            width = max(len(values) // 40, 1)
            kept = len(values) // width * width  # whole means only
            means = values[:kept].reshape(-1, width).mean(1)
            steps = (np.arange(len(means)) + 0.5) * width
            ax.plot(steps, means, color=SEEDS[i % len(SEEDS)], linewidth=1.3, label=f"seed {seed}")
        ax.set_title(name)
        ax.set_ylim(0, None)
    for ax in every[len(losses):]:
        ax.set_axis_off()
    for ax in every[max(len(losses) - columns, 0): len(losses)]:
        ax.set_xlabel("step")
    every[0].set_ylabel("sum of the losses")
    handles, labels = every[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=len(labels), frameon=False)
    return figure


def draw_examples(
    found: Sequence[tuple[Tensor, Mapping[str, Any]]],
    show: Callable[[Any, Tensor, Mapping[str, Any]], None],
) -> HouseFigure:
    """Images (3, H, W), each with what was found on it, as `show(axes, image, output)` draws it."""
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure, axes = new_figure(3 * columns, 3 * rows, rows, columns)
    every = list(axes.flat) if len(found) > 1 else [axes]
    for ax in every[len(found):]:
        ax.set_axis_off()
    for ax, (image, output) in zip(every, found, strict=False):
        show(ax, image, output)
    return figure
