"""A network that proposes: its two stages and their losses."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.draw.style import COLOURS, HouseFigure, new_figure

# name -> x, y, colour: what learns is blue, what flows is grey
STATIONS = {
    "image": (0, 0, "faint"), "backbone": (1.35, 0, "kept"), "maps": (2.65, 0, "faint"),
    "RPN": (4, 1, "kept"), "proposals": (5.5, 1, "faint"), "RoIAlign": (5.5, 0, "faint"),
    "heads": (7, 0, "kept"), "detections": (8.6, 0, "faint"),
}  # fmt: skip
FLOW = (("image", "backbone"), ("backbone", "maps"), ("maps", "RPN"), ("RPN", "proposals"),
        ("proposals", "RoIAlign"), ("maps", "RoIAlign"), ("RoIAlign", "heads"),
        ("heads", "detections"))  # fmt: skip


def draw_two_stages(losses: Mapping[str, float] | None = None) -> HouseFigure:
    """Faster R-CNN as stations and arrows, each of its losses beside the part that it judges; those
    of the first stage have "rpn" or "objectness" in their names."""
    figure, axes = new_figure(9, 3 if losses else 1.7)
    for start, end in FLOW:
        (x1, y1, _), (x2, y2, _) = STATIONS[start], STATIONS[end]
        away, near = (10 + 3.1 * len(name) if y1 == y2 else 18 for name in (start, end))
        arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": away, "shrinkB": near}
        axes.annotate("", (x2, y2), (x1, y1), arrowprops=arrow)
    for name, (x, y, colour) in STATIONS.items():
        _station(axes, x, y, name, colour, filled=colour == "kept")
    told: dict[str, list[str]] = {"RPN": [], "heads": []}
    for name, value in (losses or {}).items():
        part = "RPN" if "rpn" in name or "objectness" in name else "heads"
        told[part].append(f"{name} {value:.3f}")
    for part, lines in told.items():
        x, y, _ = STATIONS[part]
        up = 1 if part == "RPN" else -1
        axes.text(x, y + up * 0.33, "\n".join(lines), ha="center", color="#8A5A00",
                  va="bottom" if up > 0 else "top", fontsize=9)  # fmt: skip
    axes.set(xlim=(-0.6, 9.4), ylim=(-1.0, 1.95) if losses else (-0.35, 1.35))
    axes.set_axis_off()
    return figure


def _station(
    axes: Any, x: float, y: float, text: str, colour: str, filled: bool = False, size: float = 9.5
) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=size,
              color="white" if filled else "black",
              bbox={"boxstyle": "round,pad=0.45", "edgecolor": COLOURS[colour], "linewidth": 1.5,
                    "facecolor": COLOURS[colour] if filled else "white"})  # fmt: skip


def draw_training(losses: Mapping[str, Sequence[float]]) -> HouseFigure:
    """The losses of a training by name, each over the steps on axes of its own, from 0."""
    figure, axes = new_figure(9, 2.4, 1, len(losses))
    for ax, (name, values) in zip(axes.flat if len(losses) > 1 else [axes], losses.items(),
                                  strict=True):  # fmt: skip
        ax.plot(range(len(values)), values, ".-", color=COLOURS["kept"])
        ax.set(ylim=(0, 1.08 * max(values)), xlabel="step")
        ax.set_title(name, fontsize=10)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.tick_params(labelsize=8)
    return figure


def draw_two_way(pairs: Tensor) -> HouseFigure:
    """The probability of "object" by a softmax of (N, 2) logits, background first, as dots over the
    difference of the two; the line is the logistic function of that difference."""
    figure, axes = new_figure(6.5, 3.2)
    difference = pairs[:, 1] - pairs[:, 0]
    line = torch.linspace(-1, 1, 121) * difference.abs().max()
    axes.plot(line, line.sigmoid(), color=COLOURS["kept"], linewidth=2)
    axes.plot(difference, pairs.softmax(1)[:, 1], "o", color=COLOURS["marked"])
    axes.set(xlabel="logit of object − logit of background", ylabel="probability of object")
    axes.text(1.3, 0.6, "line: one logit, logistic function", color=COLOURS["kept"])
    axes.text(1.3, 0.48, "dots: two logits, softmax", color="#8A5A00")
    return figure
