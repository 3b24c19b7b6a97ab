"""R-CNN: crops before and after warping, the margins of its SVMs, and boxes put right."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.detections import draw_detections
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure

LINES = ((-1.0, ":"), (0.0, "-"), (1.0, ":"))  # margins: the border between yes and no, and 1 off
STAGES = (
    "1  selective search: {} proposals",
    "2  each is cut out and warped to {} × {} pixels (right: the first {})",
    "3  the network sees a crop (left); an SVM for each class says how sure it is (right)",
    "4  {} proposals with a margin above 0 (left); moved, and after NMS {} (right)",
)


def show_montage(axes: Any, crops: Tensor, columns: int = 10, title: str = "") -> None:
    """Show (K, 3, S, S) pictures side by side, `columns` in a row, white between them."""
    k, channels, height, width = crops.shape
    rows = -(-k // columns)
    sheet = torch.ones(channels, rows * (height + 2), columns * (width + 2))
    for i, crop in enumerate(crops):
        y, x = i // columns * (height + 2) + 1, i % columns * (width + 2) + 1
        sheet[:, y : y + height, x : x + width] = crop
    show_image(axes, sheet.clamp(0, 1), title)


def draw_crops(rows: Mapping[str, tuple[Tensor, str]]) -> Figure:
    """Rows of crops, each framed: name -> ((K, 3, S, S) in [0, 1], colour)."""
    most = max(len(crops) for crops, _ in rows.values())
    figure, axes = new_figure(9, 0.95 * len(rows), len(rows), most + 2)
    for line, (name, (crops, colour)) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        line[0].text(0, 0.5, name, va="center", fontsize=10, color=COLOURS[colour])
        for ax, crop in zip(line[2:], crops, strict=False):
            show_image(ax, crop.clamp(0, 1))
            side = crop.shape[-1]
            draw_boxes(ax, torch.tensor([[0.0, 0, side, side]]), colour, width=4)
    return figure


def draw_warps(image: Tensor, boxes: Tensor, crops: Tensor, context: float) -> Figure:
    """Above, what (K, 4) boxes cut out of an image, all to one scale; below, the (K, 3, S, S) crops
    that the network sees, of which `context` pixels on each side lie outside the box (dashed)."""
    side = crops.shape[-1]
    inner = torch.tensor([[context, context, side - context, side - context]])
    longest = float((boxes[:, 2:] - boxes[:, :2]).max()) / 2
    figure, axes = new_figure(9, 3.4, 2, len(boxes))
    for k, (box, crop) in enumerate(zip(boxes, crops, strict=True)):
        x, y = ((box[:2] + box[2:]) / 2).tolist()
        above, below = axes[0, k], axes[1, k]
        x1, y1, x2, y2 = box.round().int().clamp(min=0).tolist()
        cut = image[:, y1:y2, x1:x2]
        above.imshow(cut.movedim(0, -1).numpy(), extent=(x1, x2, y2, y1), interpolation="nearest")
        above.set(xlim=(x - longest, x + longest), ylim=(y + longest, y - longest))
        above.set_title(f"{x2 - x1} × {y2 - y1}", fontsize=10)
        above.set_axis_off()
        show_image(below, crop.clamp(0, 1), f"{side} × {side}")
        below.title.set_size(10)
        draw_boxes(below, inner, "kept", width=1.2, dashed=True)
    return figure


def draw_margins(axes: Any, margins: Tensor, categories: Sequence[str], title: str = "") -> None:
    """Draw the (C,) margins of the classes, background left out: blue above 0, else grey."""
    values = margins.tolist()
    colours = [COLOURS["kept" if value > 0 else "faint"] for value in values]
    axes.barh(list(categories), values, color=colours)
    for place, line in LINES:
        axes.axvline(place, color="black", linewidth=1, linestyle=line)
    axes.set(xlabel="margin", title=title)
    axes.invert_yaxis()


def draw_margin_counts(axes: Any, positive: Tensor, negative: Tensor) -> None:
    """Count the margins of regions that show the class (blue) and that do not (grey)."""
    low = float(torch.cat([positive, negative]).min())
    high = float(torch.cat([positive, negative]).max())
    edges = torch.linspace(low, high, 41).tolist()
    for margins, name, colour in ((negative, "others", "faint"), (positive, "objects", "kept")):
        axes.hist(margins.numpy(), edges, color=COLOURS[colour], alpha=0.7,
                  label=f"{name}: {len(margins)}")  # fmt: skip
    for place, line in LINES:
        axes.axvline(place, color="black", linewidth=1, linestyle=line)
    axes.set_yscale("log")
    axes.set(xlabel="margin", ylabel="regions")
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def step_mining(
    features: Tensor, positive: Tensor, rounds: Sequence[tuple[Tensor, Tensor, Tensor]]
) -> Steps:
    """A linear SVM of two features looks for its hard negatives.

    features: (N, 2); positive: (N,) bool. rounds: w (2,), b () and used (N,) bool, which of the
    negatives this training saw. Examples beyond the margin on the wrong side are ringed.
    """
    captions = []
    for k, (w, b, used) in enumerate(rounds):
        hard = ~positive & (features @ w + b > -1)
        captions.append(f"training {k + 1}: {int((used & ~positive).sum())} of "
                        f"{int((~positive).sum())} negatives; {int((hard & ~used).sum())} others "
                        "are wrong or too near")  # fmt: skip
    low, high = features.amin(0).tolist(), features.amax(0).tolist()

    def draw(axes: Any, i: int) -> None:
        w, b, used = rounds[i]
        hard = ~positive & (features @ w + b > -1) & ~used
        parts = ((~positive & ~used, "faint", ".", 4), (~positive & used, "dropped", "o", 5),
                 (positive, "kept", "o", 6))  # fmt: skip
        for part, colour, mark, size in parts:
            axes.plot(*features[part].T.numpy(), mark, color=COLOURS[colour], markersize=size)
        axes.plot(*features[hard].T.numpy(), "o", color=COLOURS["marked"], markersize=10,
                  markerfacecolor="none")  # fmt: skip
        for place, line in LINES:
            point, slope = w * (place - b) / (w @ w), float(-w[0] / w[1])
            axes.axline(point.tolist(), slope=slope, color="black", linewidth=1, linestyle=line)
        axes.set(xlim=(low[0] - 0.3, high[0] + 0.3), ylim=(low[1] - 0.3, high[1] + 0.3))
        axes.set(xlabel="feature 1", ylabel="feature 2")

    return Steps(captions, draw, 5.6, 4.4)


def draw_gain(axes: Any, before: Tensor, after: Tensor) -> None:
    """Draw (N,) IoU before and after a correction: blue what has become better, else vermilion."""
    better = after > before
    for part, colour in ((better, "kept"), (~better, "dropped")):
        axes.plot(before[part].numpy(), after[part].numpy(), ".", color=COLOURS[colour],
                  markersize=5)  # fmt: skip
    axes.plot([0, 1], [0, 1], color="black", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="IoU before", ylabel="IoU after")
    axes.set_aspect("equal")


def step_rcnn(
    image: Tensor, proposals: Tensor, crops: Tensor, margins: Tensor, chosen: int,
    found: Mapping[str, Tensor], categories: Sequence[str],
) -> Steps:  # fmt: skip
    """R-CNN in four steps.

    image: (3, H, W); proposals: (P, 4); crops: (P, 3, S, S) of them; margins: (P, C), those of the
    categories; chosen: the proposal whose margins are shown; found: detections after NMS.
    """
    best, label = margins.max(1)
    sure = best > 0
    every = {"boxes": proposals[sure], "labels": label[sure] + 1, "scores": best[sure].sigmoid()}
    side, shown = crops.shape[-1], min(len(crops), 80)
    told = ((len(proposals),), (side, side, shown), (), (int(sure.sum()), len(found["boxes"])))

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        if i == 2:
            show_image(left, crops[chosen].clamp(0, 1))
            draw_margins(right, margins[chosen], categories)
            return
        show_image(left, image)
        if i < 2:
            draw_boxes(left, proposals[:shown] if i else proposals, "marked", width=0.7)
        if i == 1:
            show_montage(right, crops[:shown])
            return
        show_image(right, image)
        if i == 0:
            draw_boxes(right, proposals[chosen : chosen + 1], "kept", width=3)
            right.set_title("we follow this one")
        else:
            draw_detections(left, every, categories)
            draw_detections(right, found, categories)

    captions = [caption.format(*facts) for caption, facts in zip(STAGES, told, strict=True)]
    return Steps(captions, draw, 7.5, 3.9, 1, 2)
