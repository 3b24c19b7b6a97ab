"""The demo's pictures. Each function returns (file name, heading, text, figure)."""

from collections.abc import Iterator
from typing import Any

import torch
from matplotlib.figure import Figure
from torch.nn.functional import interpolate

from edudet import draw
from edudet.demo.proposals import Places
from edudet.demo.task import IOU_THRESHOLD, Found, Task, is_right
from edudet.draw.proposals.sliding_window import duration
from edudet.draw.style import COLOURS
from edudet.ops import box_iou, nms, roi_align
from edudet.ops.nms import nms_steps
from edudet.ops.roi_align import sample_points
from edudet.proposals import exhaustive_cost, window_count

Picture = tuple[str, str, str, Figure]
LOWEST = -1.0  # the threshold at which the curves begin
MOST_IN_MATRIX = 400


def pictures(
    task: Task, found: Found, hard: int, places: list[Places]
) -> Iterator[Picture]:
    yield learned(task, hard)
    yield before(task, found)
    if len(found.keep):
        yield suppression(task, found)
    yield result(task, found)
    if task.truth is not None and len(found.keep):
        yield precision_and_recall(task, found)
    yield cost(task, found)
    yield proposals(task, places)
    if len(found.keep):
        yield matrix(found)
        yield crop(task, found)


def learned(task: Task, hard: int) -> Picture:
    figure, axes = draw.new_figure(3.6, 3.6 * task.learn.shape[1] / task.learn.shape[2])
    draw.show_image(axes, task.learn)
    draw.draw_boxes(axes, task.examples, "truth")
    text = (
        f"{len(task.examples)} example(s), each also mirrored, shifted and scaled a little. "
        f"Windows that overlap none of them are background, and {hard} of these were hard: the "
        "classifier took them for objects, or nearly, and was trained again with them."
    )
    return "1_learn", "What it learns from", text, figure


def before(task: Task, found: Found) -> Picture:
    figure, axes = draw.new_figure(9.5, 6.0 if task.offset else 3.8, 1, 2)
    left, right = axes[0]
    draw.show_image(left, task.image, f"{len(found.boxes)} windows with a score above 0")
    draw.draw_boxes(left, found.boxes, "marked", width=0.8, alpha=0.5)
    left.set_xlim(task.offset, task.image.shape[2])
    best = best_scores(task, found)
    limit = max(1.0, float(best[best.isfinite()].abs().max()))
    shown = draw.show_scores(right, best, "best score of a window centred here", limit)
    figure.colorbar(shown, ax=right, shrink=0.8)
    text = (
        f"{len(found.windows)} windows on {len(found.maps)} levels of the pyramid were classified. "
        "Around an object many windows say yes: detection needs one answer per object, so the "
        "others must go."
    )
    return "2_windows", "Windows and scores before suppression", text, figure


def best_scores(task: Task, found: Found) -> torch.Tensor:
    """(H, W) of the searched part: the best score of any size of window around each pixel."""
    best = torch.full(task.search.shape[1:], -torch.inf)
    levels = found.windows.split([scores.numel() for scores in found.maps])
    for scores, windows in zip(found.maps, levels, strict=True):
        x, y = ((windows[:, :2] + windows[:, 2:]) / 2 - torch.tensor([task.offset, 0])).int().T
        x1, y1, x2, y2 = int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1
        between = interpolate(
            scores[None, None], (y2 - y1, x2 - x1), mode="bilinear", align_corners=True
        )[0, 0]
        best[y1:y2, x1:x2] = torch.maximum(best[y1:y2, x1:x2], between)
    return torch.where(best.isinf(), torch.nan, best)  # no window is centred at the border


def suppression(task: Task, found: Found) -> Picture:
    steps = list(nms_steps(found.boxes, found.scores, IOU_THRESHOLD))[:6]
    columns = min(3, len(steps))
    rows = -(-len(steps) // columns)
    figure, axes = draw.new_figure(3 * columns, 3.2 * rows, rows, columns)
    if len(steps) == 1:
        axes = [[axes]]
    flat = [ax for row in axes for ax in row]
    for ax in flat[len(steps):]:
        ax.set_axis_off()
    for number, (ax, (best, gone)) in enumerate(zip(flat, steps, strict=False), 1):
        draw.show_image(ax, task.image, f"step {number}: drops {len(gone)}")
        draw.draw_boxes(ax, found.boxes[gone], "dropped", width=0.8, alpha=0.6)
        label = f"{found.scores[best]:.2f}"
        draw.draw_boxes(ax, found.boxes[best : best + 1], "kept", [label], width=2.2)
        _look_at(ax, found.boxes[best], task.image)
    text = (
        "Non-maximum suppression: the best box (blue) is kept and drops every box whose IoU with "
        f"it exceeds {IOU_THRESHOLD} (vermilion). Then the best of the rest, and so on; the first "
        f"{len(steps)} of {len(found.keep)} steps are shown."
    )
    return "3_suppression", "Who suppresses whom", text, figure


def _look_at(axes, box: torch.Tensor, image: torch.Tensor) -> None:
    """Zoom in on a square around the box, inside the image where that is possible."""
    height, width = image.shape[1:]
    side = min(2.2 * float((box[2:] - box[:2]).max()), height, width)
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    left = min(max(x - side / 2, 0), width - side)
    top = min(max(y - side / 2, 0), height - side)
    axes.set_xlim(left, left + side)
    axes.set_ylim(top + side, top)


def result(task: Task, found: Found) -> Picture:
    figure, axes = draw.new_figure(7, 7 * task.image.shape[1] / task.image.shape[2] + 0.4)
    draw.show_image(axes, task.image)
    if task.offset:
        axes.axvline(task.offset, color="white", linestyle=":", linewidth=1)
    boxes, scores = found.boxes[found.keep], found.scores[found.keep]
    if task.truth is not None:
        draw.draw_boxes(axes, task.truth, "truth", dashed=True, width=1.5)
    draw.draw_boxes(axes, boxes, "kept", [f"{score:.2f}" for score in scores], width=2)
    text = f"{len(boxes)} boxes are left (blue, with their scores)."
    if task.truth is not None:
        text += " Dashed green: the truth. The detector has seen nothing right of the dotted line."
    return "4_result", "What it finds", text, figure


def precision_and_recall(task: Task, found: Found) -> Picture:
    assert task.truth is not None
    scores, hits = curve(task, found)
    count = torch.arange(1, len(scores) + 1)
    figure, axes = draw.new_figure(6.5, 3.2)
    precision, recall = (hits / count).numpy(), (hits / len(task.truth)).numpy()
    axes.step(scores.numpy(), precision, where="post", color=COLOURS["kept"], label="precision")
    axes.step(scores.numpy(), recall, where="post", color=COLOURS["dropped"], label="recall",
              linestyle="--")
    axes.axvline(0, color=COLOURS["faint"], linewidth=1)
    axes.set_xlabel("score threshold")
    axes.set_ylim(0, 1.05)
    axes.set_xlim(LOWEST, None)
    axes.legend(frameon=False, loc="lower center")
    boxes, kept = found.boxes[found.keep], len(found.keep)
    right = int(is_right(task.truth, boxes, found.scores[found.keep]).sum())
    text = (
        f"At threshold 0: {right} of {len(task.truth)} objects found at IoU ≥ 0.5, {kept - right} "
        f"false alarm(s): precision {right / kept:.2f}, recall {right / len(task.truth):.2f}. "
        "A lower threshold lets false alarms in; a higher one misses objects."
    )
    return "5_precision_recall", "Precision and recall", text, figure


def curve(task: Task, found: Found) -> tuple[torch.Tensor, torch.Tensor]:
    """What each threshold from LOWEST up would keep, best first: its scores, and how many of the
    first k are right."""
    scores = torch.cat([scores.flatten() for scores in found.maps])
    chosen = scores > LOWEST
    boxes, scores = found.windows[chosen], scores[chosen]
    # Greedy from the best down: what a higher threshold keeps is the beginning of this.
    keep = nms(boxes, scores, IOU_THRESHOLD)
    assert task.truth is not None
    return scores[keep], is_right(task.truth, boxes[keep], scores[keep]).cumsum(0)


def cost(task: Task, found: Found) -> Picture:
    size = (task.image.shape[1], task.image.shape[2])
    everything = window_count(size)
    seconds = {
        f"these {len(found.windows):,} windows": len(found.windows) / 1000,
        "30 shapes around each pixel": exhaustive_cost(size, 30),
        f"all {everything:,} rectangles": exhaustive_cost(size),
    }
    figure, axes = draw.new_figure(7.5, 2.4)
    bars = axes.barh(list(seconds), list(seconds.values()), color=COLOURS["kept"], height=0.6)
    axes.bar_label(bars, [f" {duration(value)}" for value in seconds.values()])
    axes.set_xscale("log")
    axes.set_xlim(1, max(seconds.values()) * 30)
    axes.invert_yaxis()
    axes.set_xlabel("seconds, at 1 ms a window")
    text = (
        f"An image of {size[1]} x {size[0]} pixels holds {everything:,} rectangles. To ask a "
        "classifier of 1 ms about each takes "
        f"{duration(seconds[list(seconds)[2]])}: the lecture's "
        "«months». For 30 shapes around each pixel it is hours; a stride and a pyramid make it "
        "seconds, and a score that is a convolution makes it less."
    )
    return "6_cost", "How many windows are there?", text, figure


def proposals(task: Task, places: list[Places]) -> Picture:
    windows, regions = places
    columns = 2 if task.truth is not None else 1
    ratio = task.image.shape[1] / (task.image.shape[2] - task.offset)
    figure, axes = draw.new_figure(4.7 * columns, 0.5 + 4.2 * ratio, 1, columns)
    left, *right = axes[0] if columns > 1 else [axes]
    shown = regions.boxes
    if task.truth is not None:
        shown = shown[box_iou(shown, task.truth).argmax(0)]
    draw.show_image(left, task.image)
    draw.draw_boxes(left, regions.boxes, "marked", width=0.5, alpha=0.25)
    draw.draw_boxes(left, shown, "kept", width=2 if columns > 1 else 0.6)
    left.set_xlim(task.offset, task.image.shape[2])
    left.set_title(f"{len(regions.boxes)} boxes of selective search")
    text = (
        f"The sliding window lists {len(windows.boxes):,} places, in "
        f"{_milliseconds(windows.seconds)}, without looking at the photo. Selective search "
        f"segments the photo into regions and merges the most similar ones step by step: "
        f"{len(regions.boxes):,} boxes of any shape, in {_milliseconds(regions.seconds)}. A "
        "classifier of 1 ms for each box would then take "
        f"{duration(len(windows.boxes) / 1000)} or {duration(len(regions.boxes) / 1000)}."
    )
    if task.truth is not None:
        text += " Blue: the best one for each object. " + _recalls(right[0], task.truth, places)
    return "7_proposals", "Every window, or only likely places?", text, figure


def _recalls(axes: Any, truth: torch.Tensor, places: list[Places]) -> str:
    """Draw recall against the number of boxes, and say where it ends."""
    ends = []
    for one, colour, style in zip(places, ("dropped", "kept"), ("--", "-"), strict=True):
        most = len(one.boxes)
        counts = sorted({round(1.1**i) for i in range(200) if 1.1**i < most} | {most})
        recall = one.recall(truth, counts)
        axes.plot(counts, recall.numpy(), style, color=COLOURS[colour], label=one.name)
        ends.append(f"{one.name} {recall[-1]:.2f}")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("boxes looked at")
    axes.set_ylabel("recall at IoU ≥ 0.5")
    axes.set_title("objects covered by the first boxes")
    axes.legend(frameon=False, loc="upper left")
    return (
        f"Recall with all boxes: {', '.join(ends)}. (The windows know how large a coin is; "
        "selective search knows nothing of coins. Their order is random, its order is its own.)"
    )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"


def matrix(found: Found) -> Picture:
    steps = nms_steps(found.boxes, found.scores, IOU_THRESHOLD)
    groups = [i for best, gone in steps for i in (best, *gone)][:MOST_IN_MATRIX]
    figure, axes = draw.new_figure(10, 5.4, 1, 2)
    before, after = axes[0]
    boxes, kept = found.boxes[groups], found.boxes[found.keep[:12]]
    draw.show_matrix(before, box_iou(boxes, boxes), f"before suppression: {len(boxes)} windows")
    draw.show_matrix(after, box_iou(kept, kept), f"after: {len(kept)} boxes")
    before.set_xlabel("window, by who suppresses it")
    before.set_ylabel("window, by who suppresses it")
    after.set_xlabel("detection, best first")
    text = (
        "IoU of every pair. Before: each bright block is one object, seen by all the windows that "
        f"one box will suppress. After: 1 on the diagonal, and nowhere else above {IOU_THRESHOLD}, "
        "for that is what suppression has made sure of."
    )
    return "8_iou_matrix", "The IoU matrix of the detections", text, figure


def crop(task: Task, found: Found) -> Picture:
    box = found.boxes[found.keep][0]
    image = task.image.mean(0)
    bins = 7
    pooled = roi_align(image[None, None], [box[None]], bins, sampling_ratio=2, aligned=True)
    points = sample_points(box, bins, sampling_ratio=2, aligned=True)
    figure, axes = draw.new_figure(8, 4, 1, 2)
    left, right = axes[0]
    draw.show_image(left, image, f"{bins} x {bins} bins, 2 x 2 samples in each")
    draw.draw_roi_samples(left, box, points)
    x1, y1, x2, y2 = box.tolist()
    left.set_xlim(x1 - 6, x2 + 6)
    left.set_ylim(y2 + 6, y1 - 6)
    limits = {"vmin": float(image.min()), "vmax": float(image.max())}
    right.imshow(pooled[0, 0].numpy(), cmap="gray", **limits)
    right.set_title("what RoIAlign returns")
    right.set_axis_off()
    text = (
        "The best detection as a small image of fixed size. Each bin is the mean of its samples, "
        "and each sample is read between pixels, by bilinear interpolation: nothing is rounded to "
        "whole pixels."
    )
    return "9_roi_align", "One object, cropped by RoIAlign", text, figure
