"""What anchors should answer: labels by IoU, and the masked targets as a table."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.box_iou import box_iou
from edudet.targets.matching import IGNORED, POSITIVE, match_anchors

LABELS = {"negative": "faint", "ignored": "marked", "best": "second", "positive": "kept"}
MOST_LISTED = 40  # anchors whose IoU is shown, the largest first
PARTS = ("object", "dx", "dy", "dw", "dh")


def label_names(
    anchors: Tensor, gt_boxes: Tensor, positive_threshold: float = 0.7,
    negative_threshold: float = 0.3,
) -> list[str]:  # fmt: skip
    """Of each of (N, 4) anchors "positive", "best" (positive, but only as the best of an object),
    "ignored" or "negative": the keys of `LABELS`, which are their colours."""
    thresholds = positive_threshold, negative_threshold
    labels = match_anchors(anchors, gt_boxes, *thresholds).labels.tolist()
    by_iou = match_anchors(anchors, gt_boxes, *thresholds, best_for_each=False).labels.tolist()
    names = {POSITIVE: "positive", IGNORED: "ignored"}
    return [
        "best" if label != before else names.get(label, "negative")
        for label, before in zip(labels, by_iou, strict=True)
    ]


def draw_labels(
    axes: Any, anchors: Tensor, gt_boxes: Tensor, names: Sequence[str],
    outlined: Sequence[str] = ("ignored", "best", "positive"),
) -> None:  # fmt: skip
    """Draw (M, 4) objects, green, and (N, 4) anchors in the colours of their `label_names`: a dot
    in the centre, and the box of those with a name in `outlined`."""
    draw_boxes(axes, gt_boxes, "truth", width=5, alpha=0.6)
    for name in LABELS:
        chosen = anchors[[i for i, other in enumerate(names) if other == name]]
        centres = (chosen[:, :2] + chosen[:, 2:]) / 2
        small = name == "negative"
        axes.plot(*centres.T.numpy(), "." if small else "o", color=COLOURS[LABELS[name]],
                  markersize=2.5 if small else 4)  # fmt: skip
        if name in outlined:
            draw_boxes(axes, chosen, LABELS[name], dashed=name == "ignored",
                       width=1.0 if name in ("negative", "ignored") else 2.2)  # fmt: skip


def draw_overlaps(
    axes: Any, anchors: Tensor, gt_boxes: Tensor, names: Sequence[str],
    thresholds: tuple[float, float] = (0.7, 0.3),
) -> None:  # fmt: skip
    """The largest IoU of each anchor as a dot between the two thresholds, largest first."""
    best = box_iou(anchors, gt_boxes).amax(1)
    order = best.argsort(descending=True, stable=True)[:MOST_LISTED].tolist()
    for place, i in enumerate(order):
        axes.plot(place, best[i], "o", color=COLOURS[LABELS[names[i]]], markersize=6)
    for threshold, rule in zip(thresholds, ("> {:g}\npositive", "< {:g}\nnegative"), strict=True):
        axes.axhline(threshold, color="black", linewidth=1)
        axes.annotate(rule.format(threshold), (1, threshold), (3, 0), fontsize=8, va="center",
                      xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(ylim=(-0.03, 1.03), xlabel="anchors, best first", ylabel="largest IoU")


def step_labels(
    anchors: Tensor, gt_boxes: Tensor, thresholds: tuple[float, float] = (0.7, 0.3),
    image: Tensor | None = None,
) -> Steps:  # fmt: skip
    """The objects move, (S, M, 4) boxes in S steps, and the (N, 4) anchors change their labels."""
    named = [label_names(anchors, boxes, *thresholds) for boxes in gt_boxes]
    captions = []
    for boxes, names in zip(gt_boxes, named, strict=True):
        counts = ", ".join(f"{names.count(name)} {name}" for name in ("positive", "best"))
        captions.append(
            f"best IoU {box_iou(anchors, boxes).max():.2f}: {counts}, "
            f"{names.count('ignored')} ignored, {names.count('negative')} negative"
        )

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        if image is None:
            look_at(left, torch.cat([anchors, *gt_boxes]))
            left.set_axis_off()
        else:
            show_image(left, image)
        draw_labels(left, anchors, gt_boxes[i], named[i])
        draw_overlaps(right, anchors, gt_boxes[i], named[i], thresholds)

    return Steps(captions, draw, 8.5, 3.9, 1, 2)


def draw_masked(
    rows: dict[str, Tensor], mask: Tensor, kinds: Sequence[str], hide: Sequence[str] = ()
) -> Figure:
    """Numbers of N anchors as one table, anchor by anchor; blue: what the mask lets through.

    rows: name -> (N, 5): object, dx, dy, dw, dh. mask: (N, 5). kinds: what each anchor is.
    hide: the rows that show "–" where the mask is 0.
    """
    figure, axes = new_figure(9, 0.9 + 0.42 * len(rows))
    axes.imshow(mask.reshape(1, -1).expand(len(rows), -1).numpy(), cmap="Blues", vmin=0, vmax=3,
                aspect="auto")  # fmt: skip
    for y, (name, numbers) in enumerate(rows.items()):
        for x, (value, m) in enumerate(zip(numbers.flatten(), mask.flatten(), strict=True)):
            hidden = name in hide and m == 0
            axes.text(x, y, "–" if hidden else f"{value:.3g}", ha="center", va="center",
                      fontsize=9)  # fmt: skip
    for n, kind in enumerate(kinds):
        axes.text(5 * n + 2, -0.62, kind, ha="center", fontsize=10)
        axes.axvline(5 * n - 0.5, color="black", linewidth=1.5)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xticks(range(mask.numel()), PARTS * len(mask), fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
