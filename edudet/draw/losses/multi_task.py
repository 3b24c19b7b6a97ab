"""Two losses and one number: L = alpha S + (1 - alpha) R, and what alpha does to a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.losses.multi_task import multi_task_loss

S, R, L = COLOURS["kept"], COLOURS["marked"], COLOURS["second"]  # each loss has its colour
PALETTE = {"S": S, "R": R, "L": L}
OTHERS = (COLOURS["kept"], COLOURS["marked"], COLOURS["truth"], COLOURS["dropped"])


def step_alpha(s: float, r: float, alphas: Sequence[float]) -> Steps:
    """The same two losses, S and R, under each alpha: their shares of L, and L over alpha."""
    losses = [_mixed(s, r, alpha) for alpha in alphas]
    captions = [
        f"α = {alpha:g}:  L = {alpha:g} · {s:g} + {1 - alpha:.3g} · {r:g} = {loss:.3g}"
        for alpha, loss in zip(alphas, losses, strict=True)
    ]
    top = 1.15 * max(s, r)

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        shares = alphas[i] * s, (1 - alphas[i]) * r
        left.bar(["S", "R"], [s, r], 0.6, color=[S, R], alpha=0.35)
        left.bar(["L", "L"], shares, 0.6, [0, shares[0]], color=[S, R])
        left.bar_label(left.containers[0], [f"{s:g}", f"{r:g}"])
        left.annotate(f"{losses[i]:.3g}", (2, sum(shares)), (0, 3), textcoords="offset points",
                      ha="center", color=L)  # fmt: skip
        left.set_ylim(0, top)
        left.set_ylabel("loss")
        right.plot([0, 1], [_mixed(s, r, 0.0), _mixed(s, r, 1.0)], color=L)
        right.plot(alphas[i], losses[i], "o", color=L, markersize=11)
        right.set(xlim=(-0.04, 1.04), ylim=(0, top), xlabel="α", ylabel="L")

    return Steps(captions, draw, 7.5, 3.2, 1, 2)


def _mixed(s: float, r: float, alpha: float) -> float:
    return float(multi_task_loss(torch.tensor(s), torch.tensor(r), alpha))


def draw_history(
    axes: Any, losses: Mapping[str, Sequence[float]], smooth: int = 10, ylabel: str = "loss"
) -> None:
    """Draw losses over the steps of a training, each the mean of the last `smooth` steps, with its
    name at the end of its curve: S, R and L have colours of their own."""
    for k, (name, values) in enumerate(losses.items()):
        seen = torch.as_tensor(values, dtype=torch.float64)
        means = [seen[max(0, i + 1 - smooth) : i + 1].mean().item() for i in range(len(seen))]
        colour = PALETTE.get(name, OTHERS[k % len(OTHERS)])
        axes.plot(range(1, len(means) + 1), means, color=colour, linewidth=2)
        axes.annotate(name, (len(means), means[-1]), (5, 0), textcoords="offset points",
                      va="center", color=colour, annotation_clip=False)  # fmt: skip
    axes.set(xlabel="step of training", ylabel=ylabel)
    axes.set_ylim(0, None)


def draw_tradeoff(
    alphas: Sequence[float], losses: Mapping[str, Sequence[float]],
    measures: Mapping[str, Sequence[float]],
) -> Figure:
    """Networks that were trained with different alpha. Left: their losses by name, a ring around
    the least L. Right: shares of pictures by name, a ring around the largest of the last."""
    figure, (row,) = new_figure(9, 3.6, 1, 2)
    ringed = {"L": min, list(measures)[-1]: max}
    for axes, curves in zip(row, (losses, measures), strict=True):
        for k, (name, values) in enumerate(curves.items()):
            colour = PALETTE.get(name, OTHERS[k % len(OTHERS)])
            axes.plot(alphas, values, "o-", color=colour, linewidth=2, markersize=5, label=name)
            if name in ringed:
                best = values.index(ringed[name](values))
                axes.plot(alphas[best], values[best], "o", color=colour, markersize=15,
                          markerfacecolor="none", markeredgewidth=2)  # fmt: skip
        axes.set_xlabel("α")
        axes.set_ylim(0, None)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    row[0].set_ylabel("loss on held-out pictures")
    row[1].set_ylabel("share of held-out pictures")
    row[1].set_ylim(0, 1.03)
    return figure


def draw_answers_on(
    row: Sequence[Any], images: Tensor, gt_boxes: Tensor, boxes: Tensor,
    names: Sequence[str], right: Sequence[bool],
) -> None:
    """Draw one picture in each axes with its true box (green) and the box that was said: blue, and
    its class beside it, where the class is right, else vermilion.

    images: (N, 3, H, W); gt_boxes, boxes: (N, 4) xyxy in pixels; names, right: of the N classes
    that were said.
    """
    every = zip(row, images, gt_boxes, boxes, names, right, strict=True)
    for axes, image, gt_box, box, name, good in every:
        show_image(axes, image)
        draw_boxes(axes, gt_box[None], "truth", width=3)
        draw_boxes(axes, box[None], "kept" if good else "dropped", width=2)
        axes.set_title(name, color=COLOURS["kept" if good else "dropped"])


def step_answers(
    images: Tensor, gt_boxes: Tensor, answers: Sequence[tuple[Tensor, Sequence[str]]],
    gt_names: Sequence[str], captions: Sequence[str],
) -> Steps:
    """What a network says of the same N pictures at several moments of its training.

    images: (N, 3, H, W); gt_boxes: (N, 4); answers: of each moment boxes (N, 4) and N class names;
    gt_names: N.
    """

    def draw(axes: Any, i: int) -> None:
        boxes, names = answers[i]
        right = [name == wanted for name, wanted in zip(names, gt_names, strict=True)]
        draw_answers_on(axes[0], images, gt_boxes, boxes, names, right)

    return Steps(captions, draw, 1.45 * len(images), 2.1, 1, len(images))
