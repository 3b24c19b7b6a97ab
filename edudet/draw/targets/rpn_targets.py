"""What the anchors of a region proposal network are to answer, step by step."""

from typing import Any

import torch
from torch import Tensor

from edudet.boxes import decode_deltas
from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.proposals.anchors import draw_moves
from edudet.draw.steps import Steps
from edudet.draw.targets.matching import draw_labels, label_names

FEW = 12  # boxes that are numbered


def step_rpn_targets(
    anchors: Tensor, gt_boxes: Tensor, targets: Any, thresholds: tuple[float, float] = (0.7, 0.3),
    image: Tensor | None = None,
) -> Steps:
    """Anchors are matched, drawn and encoded.

    targets: what `rpn_targets` returned for (A, 4) anchors and (G, 4) objects.
    """
    names = label_names(anchors, gt_boxes, *thresholds)
    positive, negative = targets.labels == 1, targets.labels == 0
    counts = {name: names.count(name) for name in ("positive", "best", "ignored", "negative")}
    captions = [
        f"{len(anchors)} anchors, {len(gt_boxes)} objects",
        f"match: {counts['positive'] + counts['best']} positive (blue, pink), "
        f"{counts['ignored']} ignored (orange), {counts['negative']} negative (grey dot)",
        f"sample: {positive.sum()} positive, {negative.sum()} negative (vermilion)",
        "encode: how each drawn positive anchor must move",
    ]
    few = len(anchors) <= FEW
    shown = ("best", "positive", *(("negative", "ignored") if few else ()))

    def draw(axes: Any, i: int) -> None:
        show_ground(axes, image, torch.cat([anchors, gt_boxes]))
        if i < 2:
            draw_labels(axes, anchors, gt_boxes, ["negative"] * len(anchors) if i == 0 else names,
                        ["negative"] if i == 0 and few else shown)  # fmt: skip
        else:
            draw_boxes(axes, gt_boxes, "truth", width=5, alpha=0.6)
            if few:
                draw_boxes(axes, anchors[targets.labels < 0], "faint", width=0.8, dashed=True)
            if few or i == 2:
                draw_boxes(axes, anchors[negative], "dropped", width=1.8 if few else 0.6)
            moved = decode_deltas(targets.deltas, anchors) if i == 3 else anchors
            draw_moves(axes, anchors[positive], moved[positive])
        if few:
            number_boxes(axes, anchors)

    return Steps(captions, draw, 6.2, 3.4 if image is None else 5.2)


def show_ground(axes: Any, image: Tensor | None, boxes: Tensor) -> None:
    if image is None:
        look_at(axes, boxes)
        axes.set_axis_off()
    else:
        show_image(axes, image)


def number_boxes(axes: Any, boxes: Tensor) -> None:
    for i, (_, y1, x2, _) in enumerate(boxes.tolist()):
        axes.annotate(str(i), (x2, y1), (-3, -3), textcoords="offset points", ha="right", va="top",
                      fontsize=9)  # fmt: skip
