"""Right and wrong answers: counted at a threshold, and drawn as curves and areas."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.metrics.average_precision import average_precision
from edudet.metrics.confusion import confusion
from edudet.metrics.precision_recall import PrecisionRecall, smoothed_precision

KINDS = {"TP": "kept", "FP": "dropped", "FN": "truth", "TN": "faint"}  # each with its colour
FEW = 20  # answers that fit below each other
SHORT = 1e-9  # a recall that is short of a level by less has reached it


def draw_answers(
    axes: Any, labels: Tensor, scores: Tensor, threshold: float,
    names: tuple[str, str] = ("positives", "negatives"),
) -> None:
    """Draw (N,) scores as heights, in a column for what is positive (filled) and one for what is
    not, with a line at the threshold: the four quarters are the confusion counts."""
    counts = confusion(labels, scores, threshold)
    told = {"TP": counts.tp, "FP": counts.fp, "FN": counts.fn, "TN": counts.tn}
    for i, (label, score) in enumerate(zip(labels.tolist(), scores.tolist(), strict=True)):
        kind = ("TP" if label else "FP") if score >= threshold else ("FN" if label else "TN")
        aside = 0.0 if len(scores) <= FEW else (i * 0.618) % 1 * 0.52 - 0.42
        colour = COLOURS[KINDS[kind]]
        axes.plot((not label) + aside, score, "o" if len(scores) <= FEW else ".",
                  color=colour, markerfacecolor=colour if label else "white",
                  markersize=11 if len(scores) <= FEW else 6)  # fmt: skip
    low, high = min([*scores.tolist(), threshold]), max([*scores.tolist(), threshold])
    space = 0.12 * (high - low)
    axes.axhline(threshold, color=COLOURS["marked"], linewidth=2)
    for kind, (x, side) in zip(told, ((0, 1), (1, 1), (0, -1), (1, -1)), strict=True):
        axes.annotate(
            f"{kind} {told[kind]}", (x + 0.46, threshold), (0, 9 * side),
            textcoords="offset points", ha="right", va="center", fontsize=10, fontweight="bold",
            color=COLOURS[KINDS[kind]],
        )
    axes.axvline(0.5, color=COLOURS["faint"], linewidth=0.8)
    axes.set_xlim(-0.5, 1.5)
    axes.set_ylim(low - space, high + space)
    axes.set_xticks([0, 1], names)
    axes.set_ylabel("score")


def draw_curve(
    axes: Any, curve: PrecisionRecall, points: int | None = None, smoothed: bool = True
) -> None:
    """Draw the raw curve, a saw, and the smoothed one as stairs with the area below it.

    points: only the first so many of the curve, the last of them marked; all, if None.
    """
    shown = slice(None) if points is None else slice(points)
    recall, precision = curve.recall[shown].cpu(), curve.precision[shown].cpu()
    if smoothed and len(recall):
        edges, heights = torch.cat([recall[:1] * 0, recall]), smoothed_precision(precision)
        axes.stairs(heights, edges, baseline=0, fill=True, color=COLOURS["kept"], alpha=0.2)
        axes.step(edges, torch.cat([heights[:1], heights]), where="pre", color=COLOURS["kept"],
                  linewidth=2)  # fmt: skip
    axes.plot(recall, precision, ".-", color=COLOURS["faint"], linewidth=1)
    if points:
        axes.plot(recall[-1], precision[-1], "o", color=COLOURS["marked"], markersize=9)
    _unit_square(axes)


def _unit_square(axes: Any) -> None:
    axes.set_xlim(-0.06, 1.06)
    axes.set_ylim(0, 1.06)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")


def step_threshold(
    labels: Tensor, scores: Tensor, thresholds: Sequence[float] = (),
    names: tuple[str, str] = ("positives", "negatives"),
) -> Steps:
    """The threshold falls; beside the (N,) scores, precision and recall so far.

    thresholds: falling; by default one below each score, halfway to the next.
    """
    cuts = list(thresholds) or _between(scores)
    counts = [confusion(labels, scores, cut) for cut in cuts]
    captions = [
        f"threshold {cut:.2f}: {c.tp} right, {c.fp} wrong, precision {_share(c.tp, c.tp + c.fp)}; "
        f"{c.fn} missed, recall {_share(c.tp, c.tp + c.fn)}"
        for cut, c in zip(cuts, counts, strict=True)
    ]

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        draw_answers(left, labels, scores, cuts[i], names)
        recalls = [c.recall for c in counts[: i + 1]]
        right.plot(recalls, [c.precision for c in counts[: i + 1]], "o-", color=COLOURS["faint"])
        right.plot(recalls[-1], counts[i].precision, "o", color=COLOURS["marked"], markersize=12)
        _unit_square(right)
        right.set_ylim(-0.06, 1.06)

    return Steps(captions, draw, 8.5, 3.8, 1, 2)


def _between(scores: Tensor) -> list[float]:
    """A threshold below each different score, the highest first."""
    falling = scores.unique().flip(0).tolist()
    last = falling[-1] - (0.1 * (falling[0] - falling[-1]) or 0.1)
    return [*((a + b) / 2 for a, b in pairwise(falling)), last]


def _share(part: int, whole: int) -> str:
    """As a fraction and a decimal; 0/0 counts as 1."""
    if not whole:
        return "0/0: 1"
    short = Fraction(part, whole)
    return f"{short}" if short.denominator == 1 else f"{short} = {part / whole:.2f}"


def draw_average_precision(recall: Tensor, precision: Tensor) -> Figure:
    """The three average precisions of a curve, (N,) recall and precision, as areas side by side."""
    figure, (row,) = new_figure(9, 3.2, 1, 3)
    curve = PrecisionRecall(precision, recall, recall, smoothed_precision(precision))
    readings: tuple[int | str, ...] = ("all", 11, 101)
    for axes, points in zip(row, readings, strict=True):
        value = average_precision(recall, precision, points)
        if isinstance(points, int):
            draw_levels(axes, recall, precision, points)
            axes.set_title(f"{points} levels: AP {value:.4f}")
        else:
            draw_curve(axes, curve)
            axes.set_title(f"the whole area: AP {value:.4f}")
        _unit_square(axes)
    return figure


def draw_levels(axes: Any, recall: Tensor, precision: Tensor, points: int) -> None:
    """Bars at `points` levels of recall, as high as the smoothed precision, 1 / points wide: their
    area is the average precision."""
    levels = torch.linspace(0, 1, points, dtype=torch.float64)
    first = torch.searchsorted(recall.double(), levels - SHORT)
    smoothed = torch.cat([smoothed_precision(precision.double()), torch.zeros(1).double()])
    heights = smoothed[first].tolist()
    axes.bar(levels.tolist(), heights, 1 / points, color=COLOURS["kept"], alpha=0.3,
             snap=False)  # fmt: skip
    axes.plot(levels, heights, "." if points > FEW else "o", color=COLOURS["kept"],
              markersize=2.5 if points > FEW else 5)  # fmt: skip
    _unit_square(axes)
