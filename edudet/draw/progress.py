"""What each successor of R-CNN changed: the family as a table, and single changes in pictures."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.ops.roi_align import draw_roi_bins, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.roi_pool import roi_pool, roi_pool_bins

FEWEST = 5  # dots that have a mean
ORDER = ("kept", "dropped", "truth", "second", "marked", "faint")


def draw_changes(
    columns: Sequence[str], rows: Mapping[str, tuple[str, Sequence[str]]]
) -> Figure:
    """A table of methods in which what differs from the predecessor stands out.

    columns: what is told of each method.
    rows: method -> (predecessor, "" for none; a text for each column). The predecessor is named
        where it is not the row above.
    """
    figure, axes = new_figure(9, 0.45 * (len(rows) + 1))
    width = (1 - 0.15) / len(columns)
    for j, name in enumerate(columns):
        axes.text(0.15 + (j + 0.5) * width, -0.5, name, ha="center", va="center", fontsize=9,
                  style="italic")  # fmt: skip
    for i, (method, (base, texts)) in enumerate(rows.items()):
        far = base and base != list(rows)[i - 1]
        axes.text(0, i + (0.35 if far else 0.5), method, va="center", fontsize=10, weight="bold")
        axes.text(0, i + 0.72, f"from {base}" if far else "", va="center", fontsize=8)
        before = rows[base][1] if base else texts
        for j, (text, old) in enumerate(zip(texts, before, strict=True)):
            changed, left = text != old, 0.15 + j * width
            colour = COLOURS["kept"] if changed else "white"
            axes.add_patch(Rectangle((left, i + 0.06), width * 0.98, 0.88, color=colour,
                                     alpha=0.18 if changed else 1))  # fmt: skip
            axes.text(left + width * 0.49, i + 0.5, textwrap.fill(text, 20), ha="center",
                      va="center", fontsize=8.5, linespacing=0.95,
                      color="black" if changed else COLOURS["faint"])  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(len(rows), -1))
    axes.set_axis_off()
    return figure


def step_pyramid_pool(
    feature_map: Tensor, boxes: Tensor, bins: Sequence[int] = (4, 2, 1), stride: float = 1
) -> Steps:
    """Spatial pyramid pooling of an (H, W) map: for each of (S, 4) boxes (xyxy, pixels) level after
    level, with the numbers found so far beside it: as many for every box."""
    pooled = [roi_pool(feature_map[None, None], [boxes], k, 1 / stride) for k in bins]
    numbers = torch.cat([one.flatten(1) for one in pooled], 1)  # type: ignore[union-attr]
    ends = torch.tensor([k * k for k in bins]).cumsum(0).tolist()
    order = [(s, level) for s in range(len(boxes)) for level in range(len(bins))]
    sizes = [f"{x2 - x1:.0f} × {y2 - y1:.0f} pixels" for x1, y1, x2, y2 in boxes.tolist()]
    captions = [
        f"{sizes[s]}, {bins[level]} × {bins[level]} bins: {ends[level]} numbers so far"
        for s, level in order
    ]

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        s, level = order[i]
        show_cells(left, feature_map, "one channel of the map", stride)
        left.set_xlabel("pixels")
        draw_roi_bins(left, roi_pool_bins(boxes[s], bins[level], 1 / stride)[0])
        draw_boxes(left, boxes[s : s + 1], "dropped", dashed=True)
        begin = ends[level] - bins[level] ** 2
        colours = [COLOURS["faint" if k < begin else "kept"] for k in range(ends[level])]
        right.bar(range(ends[level]), numbers[s, : ends[level]].tolist(), color=colours)
        right.set(xlim=(-0.8, ends[-1] - 0.2), xticks=[0, *ends[:-1]],
                  ylim=(min(0.0, float(numbers.min())), float(numbers.max()) * 1.05),
                  xlabel="which number", title="what is handed on")  # fmt: skip

    return Steps(captions, draw, 7, 3.3, 1, 2)


def draw_roi_levels(
    image: Tensor, boxes: Tensor, levels: Tensor, names: Mapping[int, str]
) -> Figure:
    """(N, 4) boxes, each on the level of a pyramid that it is taken from, over the cells there.

    levels: (N,); level k has cells of 2^k pixels. names: of the levels, fine to coarse.
    """
    figure, axes = new_figure(3 * len(names), 3.3, 1, len(names))
    height, width = image.shape[-2:]
    for ax, (level, name) in zip(axes.flat, names.items(), strict=True):
        here, stride = levels == level, 2**level
        show_image(ax, image, f"{name}, stride {stride}: {int(here.sum())} boxes")
        lines = {"color": "white", "linewidth": 0.5, "alpha": 0.55}
        ax.vlines(range(0, width + 1, stride), 0, height, **lines)
        ax.hlines(range(0, height + 1, stride), 0, width, **lines)
        draw_boxes(ax, boxes[~here], "faint", width=1, dashed=True)
        draw_boxes(ax, boxes[here], "kept", width=2.6)
    return figure


def draw_refined(before_and_after: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """IoU with the object, (R,), before and after a head has moved the boxes: a dot for each box,
    and the mean of those with about the same IoU before. Above the diagonal they got better."""
    figure, axes = new_figure(3 * len(before_and_after), 3.3, 1, len(before_and_after))
    panels = [axes] if len(before_and_after) == 1 else axes[0]
    for ax, (name, (before, after)) in zip(panels, before_and_after.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=1, linestyle="--")
        ax.plot(before.numpy(), after.numpy(), ".", color=COLOURS["kept"], markersize=2.5,
                alpha=0.4)  # fmt: skip
        tenth = (before * 10).long().clamp(max=9)
        some = [k for k in range(10) if int((tenth == k).sum()) >= FEWEST]
        means = [(float(before[tenth == k].mean()), float(after[tenth == k].mean())) for k in some]
        ax.plot(*zip(*means, strict=True), "o-", color=COLOURS["marked"], markersize=5)
        gain = float((after - before).mean())
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="IoU before",
               title=f"{name}: {gain:+.2f}".replace("-", "−"))  # fmt: skip
    panels[0].set_ylabel("IoU after")
    return figure


def draw_lines(
    lines: Mapping[str, tuple[Any, Any]], xlabel: str, ylabel: str, logs: str = "",
    width: float = 7.5, height: float = 3.2,
) -> Figure:  # fmt: skip
    """Curves, x and y for each name, which stands at the right, in the order of their ends; few
    points are marked by dots.

    logs: the axes that are logarithmic: "", "x", "y" or "xy".
    """
    figure, axes = new_figure(width, height)
    for colour, (x, y) in zip(ORDER, lines.values(), strict=False):
        style = "o-" if len(x) <= 20 else "-"
        axes.plot(x, y, style, color=COLOURS[colour], linewidth=1.8, markersize=5)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    for name in logs:
        getattr(axes, f"set_{name}scale")("log")
    axes.grid(alpha=0.25)
    axes.autoscale_view()  # else the transformation is still that of an empty figure
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = [to_axes.transform((float(x[-1]), float(y[-1])))[1] for x, y in lines.values()]
    heights = spread(ends, 0.25 / height)
    for colour, name, at in zip(ORDER, lines, heights, strict=False):
        axes.annotate(name, (1.02, at), xycoords="axes fraction", color=COLOURS[colour],
                      va="center", annotation_clip=False)  # fmt: skip
    return figure


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Numbers in the same order, moved as little as this takes to be `gap` apart."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    groups: list[tuple[float, list[int]]] = []  # centre and members; too close ones are joined
    for i in order:
        centre, members = values[i], [i]
        while groups and centre - groups[-1][0] < gap * (len(members) + len(groups[-1][1])) / 2:
            members = groups.pop()[1] + members
            centre = sum(values[k] for k in members) / len(members)
        groups.append((centre, members))
    out = list(values)
    for centre, members in groups:
        for n, i in enumerate(members):
            out[i] = centre + (n - (len(members) - 1) / 2) * gap
    return out
