"""What suppression leaves of a score: step by step, over IoU, and of every box of a crowd."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.ops.nms import list_scores, show_ground
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.soft_nms import soft_nms_steps

Rescoring = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # boxes, scores -> keep, new scores
ORDER = ("dropped", "kept", "second", "marked", "truth")


def new_scores(method: Rescoring, boxes: Tensor, scores: Tensor) -> Tensor:
    """The score that `method` leaves of each of (N, 4) boxes: 0 for one that it does not keep."""
    keep, kept_scores = method(boxes, scores)
    out = torch.zeros_like(scores)
    out[keep] = kept_scores
    return out


def draw_decay(methods: Mapping[str, Rescoring], points: int = 201) -> Figure:
    """What is left of a score of 1 beside a better box, over their IoU, for every method.

    methods: functions of (boxes, scores) that return the kept indices and their new scores.
    """
    ious = torch.linspace(0, 1, points)
    pairs = torch.tensor([0.0, 0, 1, 1]).repeat(points, 2, 1)  # a unit square, and a part of it
    pairs[:, 1, 2] = ious
    figure, axes = new_figure(7, 3.4)
    for k, (colour, (name, method)) in enumerate(zip(ORDER, methods.items(), strict=False)):
        left = [float(new_scores(method, pair, torch.ones(2))[1]) for pair in pairs]
        size = max(8 - 2.5 * k, 2)  # where curves lie on each other, all are seen
        axes.plot(ious.numpy(), left, ".", markersize=size, color=COLOURS[colour], label=name)
    axes.set_xlabel("IoU with a better box")
    axes.set_ylabel("the score is multiplied by")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, markerscale=2)
    return figure


def draw_rescored(
    boxes: Tensor, scores: Tensor, methods: Mapping[str, Rescoring], threshold: float | None = None
) -> Figure:
    """The score of each of (N, 4) boxes before (grey) and after every method, as bars.

    threshold: a score, drawn as a line: what lies below is not reported.
    """
    figure, axes = new_figure(8.5, 3.2)
    after = {name: new_scores(method, boxes, scores) for name, method in methods.items()}
    width = 0.8 / (1 + len(after))
    groups = [("before", scores, "faint")]
    groups += [(name, values, c) for c, (name, values) in zip(ORDER, after.items(), strict=False)]
    for k, (name, values, colour) in enumerate(groups):
        at = [i + (k - len(after) / 2) * width for i in range(len(boxes))]
        bars = axes.bar(at, values.tolist(), width * 0.9, color=COLOURS[colour], label=name)
        axes.bar_label(bars, [f"{v:.2f}".removeprefix("0") if v else "0" for v in values.tolist()],
                       fontsize=8)  # fmt: skip
    if threshold is not None:
        axes.axhline(threshold, color=COLOURS["faint"], linestyle="--", linewidth=1, zorder=0)
    axes.set_xticks(range(len(boxes)), [f"box {i}" for i in range(len(boxes))])
    axes.set_ylabel("score")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False)
    return figure


def step_soft_nms(
    boxes: Tensor, scores: Tensor, method: str = "linear", iou_threshold: float = 0.3,
    sigma: float = 0.5, score_threshold: float = 0.001, image: Tensor | None = None,
) -> Steps:  # fmt: skip
    """Soft-NMS of (N, 4) boxes: the scores fall in place of the boxes."""
    now = dict(enumerate(scores.tolist()))
    states: list[tuple[int, dict[int, float], dict[int, float], set[int]]] = []
    captions = [f"{len(boxes)} boxes with their scores"]
    kept: set[int] = set()
    states.append((-1, dict(now), {}, set()))
    settings = (method, iou_threshold, sigma, score_threshold)
    for best, score, lowered in soft_nms_steps(boxes, scores, *settings):
        kept = kept | {best}
        before = dict(now)
        now |= {i: float(value) for i, value in lowered.items()}
        states.append((best, dict(now), before, set(kept)))
        falls = ", ".join(f"{i}: {before[i]:.2f} → {value:.2f}" for i, value in lowered.items())
        captions.append(f"take {best} (score {score:.2f})" + (f"; {falls}" if falls else ""))

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        best, values, before, taken = states[step]
        show_ground(left, boxes, image)
        for i in range(len(boxes)):
            colour = "kept" if i in taken else "dropped" if i in before and (
                values[i] < before[i]) else "marked"  # fmt: skip
            draw_boxes(left, boxes[i : i + 1], colour, [str(i)], width=2.6 if i == best else 1.4,
                       alpha=max(0.15, values[i]))  # fmt: skip
        colours = [("kept" if i in taken else "marked", i == best) for i in range(len(boxes))]
        list_scores(right, [values[i] for i in range(len(boxes))], colours, scores.tolist())

    return Steps(captions, draw, 8.5, 4.2, 1, 2)
