"""A network that proposes: its two stages, and what they are to answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.boxes import decode_deltas
from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.proposals.anchors import draw_moves
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, HouseFigure, new_figure
from edudet.draw.targets.matching import draw_labels, label_names
from edudet.ops.box_iou import box_iou
from edudet.targets.roi_targets import WEIGHTS

# name -> x, y, colour: what learns is blue, what flows is grey
STATIONS = {
    "image": (0, 0, "faint"), "backbone": (1.35, 0, "kept"), "maps": (2.65, 0, "faint"),
    "RPN": (4, 1, "kept"), "proposals": (5.5, 1, "faint"), "RoIAlign": (5.5, 0, "faint"),
    "heads": (7, 0, "kept"), "detections": (8.6, 0, "faint"),
}  # fmt: skip
FLOW = (("image", "backbone"), ("backbone", "maps"), ("maps", "RPN"), ("RPN", "proposals"),
        ("proposals", "RoIAlign"), ("maps", "RoIAlign"), ("RoIAlign", "heads"),
        ("heads", "detections"))  # fmt: skip

FEW = 12  # boxes that are numbered


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
        _ground(axes, image, torch.cat([anchors, gt_boxes]))
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
            _number(axes, anchors)

    return Steps(captions, draw, 6.2, 3.4 if image is None else 5.2)


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
        _ground(axes, image, every)
        draw_boxes(axes, gt_boxes, "truth", width=5, alpha=0.6)
        if i < 2:
            draw_boxes(axes, every[~near if i else near | ~near], "faint", width=thin)
            draw_boxes(axes, every[near] if i else gt_boxes, "kept" if i else "truth", width=1.4)
            if few:
                _number(axes, every)
            return
        if few or i == 2:
            draw_boxes(axes, targets.rois[~found], "dropped", width=thin)
        rois, told = targets.rois[found], [names[k - 1] for k in targets.labels[found]]
        if i == 2:
            draw_boxes(axes, rois, "kept", told)
        else:
            draw_moves(axes, rois, decode_deltas(targets.deltas[found], rois, WEIGHTS))

    return Steps(captions, draw, 6.2, 3.4 if image is None else 5.2)


def _ground(axes: Any, image: Tensor | None, boxes: Tensor) -> None:
    if image is None:
        look_at(axes, boxes)
        axes.set_axis_off()
    else:
        show_image(axes, image)


def _number(axes: Any, boxes: Tensor) -> None:
    for i, (_, y1, x2, _) in enumerate(boxes.tolist()):
        axes.annotate(str(i), (x2, y1), (-3, -3), textcoords="offset points", ha="right", va="top",
                      fontsize=9)  # fmt: skip
