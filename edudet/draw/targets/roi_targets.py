"""What the RoIs of a second stage are to answer, step by step."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.boxes import decode_deltas
from edudet.draw.boxes import draw_boxes
from edudet.draw.proposals.anchors import draw_moves
from edudet.draw.steps import Steps
from edudet.draw.targets.rpn_targets import FEW, number_boxes, show_ground
from edudet.ops.box_iou import box_iou
from edudet.targets.roi_targets import WEIGHTS


def step_roi_targets(
    proposals: Tensor, gt_boxes: Tensor, gt_labels: Tensor, targets: Any,
    names: Sequence[str], threshold: float = 0.5, image: Tensor | None = None,
) -> Steps:
    """The ground truth joins the proposals; they are labelled, drawn and encoded.

    targets: what `roi_targets` returned for (P, 4) proposals and (G, 4) objects. names: of the
    classes 1, 2, ...
    """
    every = torch.cat([proposals, gt_boxes])
    near = box_iou(every, gt_boxes).amax(1) >= threshold if len(gt_boxes) else every[:, 0] < -1e9
    found = targets.labels > 0
    captions = [
        f"{len(proposals)} proposals, and {len(gt_boxes)} objects that join them: {len(every)}",
        f"label: {near.sum()} with IoU ≥ {threshold:g} (blue), {(~near).sum()} with less",
        f"sample: {found.sum()} with a class, {(~found).sum()} of background (vermilion)",
        "encode: how each RoI with a class must move",
    ]
    few = len(every) <= FEW
    thin = 1.8 if few else 0.7

    def draw(axes: Any, i: int) -> None:
        show_ground(axes, image, every)
        draw_boxes(axes, gt_boxes, "truth", width=5, alpha=0.6)
        if i < 2:
            draw_boxes(axes, every[~near if i else near | ~near], "faint", width=thin)
            draw_boxes(axes, every[near] if i else gt_boxes, "kept" if i else "truth", width=1.4)
            if few:
                number_boxes(axes, every)
            return
        if few or i == 2:
            draw_boxes(axes, targets.rois[~found], "dropped", width=thin)
        rois, told = targets.rois[found], [names[k - 1] for k in targets.labels[found]]
        if i == 2:
            draw_boxes(axes, rois, "kept", told)
        else:
            draw_moves(axes, rois, decode_deltas(targets.deltas[found], rois, WEIGHTS))

    return Steps(captions, draw, 6.2, 3.4 if image is None else 5.2)
