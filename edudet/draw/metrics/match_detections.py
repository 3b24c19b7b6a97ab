"""Which detection belongs to which object: matched one by one, and the result."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.metrics.precision_recall import draw_curve
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.metrics.average_precision import average_precision
from edudet.metrics.match_detections import Matches, match_detections
from edudet.metrics.precision_recall import precision_recall_curve
from edudet.ops.box_iou import box_iou

Step = tuple[str, list[int], tuple[int, int | None]]  # caption, claims so far, cell


def draw_matches(
    axes: Any, gt_boxes: Tensor, boxes: Tensor, matches: Matches, labels: Sequence[str] = (),
) -> None:  # fmt: skip
    """Draw (M, 4) objects dashed (purple: need not be found), and (N, 4) detections: blue if
    right, vermilion if wrong, purple if ignored; each with its label."""
    needed = ~matches.gt_ignore
    draw_boxes(axes, gt_boxes[~needed], "second", width=2.5, dashed=True)
    draw_boxes(axes, gt_boxes[needed], "truth", width=2.5, dashed=True)
    right = (matches.detections >= 0) & ~matches.ignored
    for i in range(len(boxes)):
        colour = "second" if matches.ignored[i] else "kept" if right[i] else "dropped"
        draw_boxes(axes, boxes[i : i + 1], colour, labels[i : i + 1])


def step_matching(
    gt_boxes: Tensor, boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5,
    rule: str = "coco", image: Tensor | None = None,
) -> Steps:
    """Detections claim objects, one after the other, beside the table of their IoU.

    gt_boxes, boxes, scores, iou_threshold, rule: as for `edudet.metrics.match_detections`.
    """
    overlap = box_iou(boxes.double(), gt_boxes.double())                         # (N, M)
    matches = match_detections(gt_boxes, boxes, scores, iou_threshold, rule)
    pairs = rule == "pairs"
    rows = [*range(len(boxes))] if pairs else scores.argsort(descending=True, stable=True).tolist()
    make = _pairs if pairs else _one_by_one
    steps = make(overlap, scores, rows, matches.detections.tolist(), iou_threshold, rule)
    c = matches.counts
    told = (f"{c.tp} right, {c.fp} wrong, {c.fn} missed: precision {c.tp}/{len(boxes)}, "
            f"recall {c.tp}/{len(gt_boxes)}")  # fmt: skip
    steps.append((told, matches.detections.tolist(), (-1, None)))
    names = [f"P{i}" if pairs else f"P{i}  {scores[i]:.2f}" for i in range(len(boxes))]

    def draw(axes: Any, k: int) -> None:
        _, claims, (row, column) = steps[k]
        left, right = axes[0]
        if image is None:
            look_at(left, torch.cat([boxes, gt_boxes]))
            left.set_axis_off()
        else:
            show_image(left, image)
        judged = set(rows if k == len(steps) - 1 else [] if pairs else rows[: k + 1])
        _draw_claims(left, boxes, gt_boxes, claims, judged, row, names)
        _draw_table(right, overlap, rows, claims, row, column)

    return Steps([caption for caption, _, _ in steps], draw, 8.5, 3.8, 1, 2)


def step_detections(
    image: Tensor, gt_boxes: Tensor, boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5
) -> Steps:
    """The threshold falls over the (N, 4) detections of an image: who is right, and the curve."""
    order = scores.argsort(descending=True, stable=True)
    boxes, scores = boxes[order], scores[order]
    matched = [
        match_detections(gt_boxes, boxes[:n], scores[:n], iou_threshold)
        for n in range(1, len(boxes) + 1)
    ]
    right = (matched[-1].detections >= 0).long()
    curve = precision_recall_curve(right, scores, len(gt_boxes), split_ties=True)
    captions = [
        f"score ≥ {score:.2f}: {c.tp} right, {c.fp} wrong, {c.fn} missed; "
        f"precision {c.precision:.2f}, recall {c.recall:.2f}"
        for score, c in zip(scores.tolist(), (m.counts for m in matched), strict=True)
    ]

    def draw(axes: Any, i: int) -> None:
        left, plane = axes[0]
        show_image(left, image)
        draw_matches(left, gt_boxes, boxes[: i + 1], matched[i])
        draw_boxes(left, boxes[i : i + 1], "kept" if right[i] else "dropped",
                   [f"{scores[i]:.2f}"], width=3)  # fmt: skip
        draw_curve(plane, curve, i + 1)
        area, few, many = (
            average_precision(curve.recall[: i + 1], curve.precision[: i + 1], points)
            for points in ("all", 11, 101)
        )
        told = f"AP so far: area {area:.2f}, 11 levels {few:.2f}, 101 levels {many:.2f}"
        plane.set_title(told, loc="right", fontsize=8)

    return Steps(captions, draw, 8.5, 3.9, 1, 2)


def _one_by_one(
    overlap: Tensor, scores: Tensor, rows: list[int], claims: list[int], threshold: float,
    rule: str,
) -> list[Step]:  # fmt: skip
    so_far = [-1] * len(rows)
    steps: list[Step] = []
    for i in rows:
        j, said = claims[i], f"P{i} (score {scores[i]:.2f})"
        if j >= 0:
            told = f"claims G{j}: IoU {overlap[i, j]:.2f}, and nobody has it yet"
        elif not len(overlap[i]) or overlap[i].max() < threshold:
            told = f"overlaps no object by {threshold:g}: wrong"
        else:
            j = int(overlap[i].argmax())
            told = f"comes too late for G{j}: wrong"
            if rule == "voc" and (overlap[i] >= threshold).sum() > 1:
                told += ", and may not look further"
        so_far = [*so_far[:i], claims[i], *so_far[i + 1 :]]
        steps.append((f"{said} {told}", so_far, (i, j if j >= 0 else None)))
    return steps


def _pairs(
    overlap: Tensor, scores: Tensor, rows: list[int], claims: list[int], threshold: float,
    rule: str,
) -> list[Step]:  # fmt: skip
    so_far = [-1] * len(rows)
    steps: list[Step] = []
    pairs = [(j, i) for j in range(overlap.shape[1]) for i in rows if overlap[i, j] >= threshold]
    for j, i in sorted(pairs, key=lambda pair: -overlap[pair[1], pair[0]].item()):
        told = "both are free" if claims[i] == j else (
            f"G{j} is taken" if j in so_far else f"P{i} is taken"
        )  # fmt: skip
        if claims[i] == j:
            so_far = [*so_far[:i], j, *so_far[i + 1 :]]
        steps.append((f"(G{j}, P{i}), IoU {overlap[i, j]:.2f}: {told}", so_far, (i, j)))
    return steps


def _draw_claims(
    axes: Any, boxes: Tensor, gt_boxes: Tensor, claims: list[int], judged: set[int], now: int,
    names: list[str],
) -> None:  # fmt: skip
    """The objects with their names; detections in orange until they claim one or are judged."""
    draw_boxes(axes, gt_boxes, "truth", width=2.5, dashed=True)
    for j, (_, _, x2, y2) in enumerate(gt_boxes.tolist()):
        axes.annotate(f"G{j}", (x2, y2), (-3, 3), textcoords="offset points", ha="right",
                      fontsize=9, fontweight="bold", color=COLOURS["truth"])  # fmt: skip
    for i, j in enumerate(claims):
        colour = "kept" if j >= 0 else "dropped" if i in judged else "marked"
        draw_boxes(axes, boxes[i : i + 1], colour, [names[i]], width=2.8 if i == now else 1.5)


def _draw_table(
    axes: Any, overlap: Tensor, rows: list[int], claims: list[int], row: int, column: int | None
) -> None:
    """The IoU of detections and objects: claimed cells filled, the cell looked at framed."""
    for place, i in enumerate(rows):
        for j, value in enumerate(overlap[i].tolist()):
            claimed = COLOURS["kept"] if claims[i] == j else "white"
            axes.add_patch(_cell(j, place, facecolor=claimed, alpha=0.35))
            axes.add_patch(_cell(j, place, facecolor="none", edgecolor=COLOURS["faint"]))
            axes.text(j, place, f"{value:.2f}", ha="center", va="center",
                      color="black" if value else COLOURS["faint"])  # fmt: skip
        if i == row:
            first, width = (0, overlap.shape[1]) if column is None else (column, 1)
            axes.add_patch(_cell(first, place, width, facecolor="none", linewidth=3,
                                 edgecolor=COLOURS["marked"], clip_on=False, zorder=3))  # fmt: skip
    axes.set_xticks(range(overlap.shape[1]), [f"G{j}" for j in range(overlap.shape[1])])
    axes.set_yticks(range(len(rows)), [f"P{i}" for i in rows])
    axes.set_xlim(-0.6, overlap.shape[1] - 0.4)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=10)
    axes.set_title("IoU")


def _cell(column: int, row: int, width: int = 1, **looks: Any) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), width, 1, **looks)
