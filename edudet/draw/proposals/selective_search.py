"""Selective search: why two regions are merged, the tree of all of them, what their boxes find."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.proposals.felzenszwalb import draw_regions, outline
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.metrics import proposal_recall
from edudet.proposals import MergeTree, region_similarity
from edudet.proposals.felzenszwalb import NEIGHBOURS
from edudet.proposals.region_similarity import SIMILARITIES, regions_of

LINES = (("kept", "-"), ("second", "--"), ("marked", "-."), ("faint", "-"), ("dropped", ":"))


def step_merges(
    tree: MergeTree, planes: Tensor, image: Tensor, kinds: Sequence[str] = SIMILARITIES,
    most: int = 6,
) -> Steps:  # fmt: skip
    """The merges of a hierarchy, one by one: why this pair and not another.

    tree: as `merge_regions` makes it from planes, (C, H, W) uint8, with these kinds of similarity.
    image: (C, H, W), what is shown. Orange: the two that are merged; blue: the box of their union.
    Bars: the similarities of the `most` best pairs of neighbours, the best one in blue.
    """
    regions = regions_of(tree.labels, planes)
    first, area = len(regions), tree.labels.numel()
    for a, b in tree.merges.tolist():
        regions.append(regions[a].merged(regions[b]))
    captions = [
        f"{first - t} regions: {a} and {b} are most alike ({tree.similarity[t]:.3f}) "
        f"and become {first + t}"
        for t, (a, b) in enumerate(tree.merges.tolist())
    ]
    captions.append(f"one region is left; the boxes of all {len(regions)} there have been")

    def candidates(labels: Tensor) -> list[tuple[int, int, list[float]]]:
        pairs = [
            (a, b, [region_similarity(regions[a], regions[b], area, (kind,)) for kind in kinds])
            for a, b in touching_pairs(labels)
        ]
        return sorted(pairs, key=lambda pair: (-sum(pair[2]), *pair[:2]))[:most]

    def draw(axes: Any, t: int) -> None:
        left, right = axes[0]
        labels = tree.labels_after(t)
        if t == len(tree.merges):
            right.set_axis_off()
            show_image(left, image)
            draw_boxes(left, tree.boxes, "kept", width=1)
            return
        draw_regions(left, labels, image)
        for a in tree.merges[t].tolist():
            outline(left, labels == a, "marked")
        draw_boxes(left, tree.boxes[first + t : first + t + 1], "kept", dashed=True)
        _number(left, labels, tree.merges[t].tolist())
        _bars_of_pairs(right, candidates(labels), kinds)

    return Steps(captions, draw, 8.5, 3.4, 1, 2)


def touching_pairs(labels: Tensor) -> list[tuple[int, int]]:
    """The pairs of regions (the lower first) that touch at a side or a corner."""
    height, width = labels.shape
    pairs = []
    for down, right in NEIGHBOURS:
        here = labels[: height - down, max(0, -right) : width - max(0, right)]
        there = labels[down:, max(0, right) : width + min(0, right)]
        pairs.append(torch.stack([here[here != there], there[here != there]], 1))
    return [(a, b) for a, b in torch.cat(pairs).sort(1).values.unique(dim=0).tolist()]


def _number(axes: Any, labels: Tensor, chosen: Sequence[int], least: float = 0.02) -> None:
    """Write the number of each region that has room for it, and of those that are chosen."""
    for region in labels.unique().tolist():
        places = (labels == region).nonzero().double()
        if len(places) < least * labels.numel() and region not in chosen:
            continue
        y, x = places[(places - places.mean(0)).norm(dim=1).argmin()].tolist()
        axes.text(x + 0.5, y + 0.5, str(region), ha="center", va="center", fontsize=8,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
                  fontweight="bold" if region in chosen else "normal")  # fmt: skip


def _bars_of_pairs(axes: Any, pairs: list, kinds: Sequence[str]) -> None:
    """A row for each pair: a bar from 0 to 1 for each kind of similarity, then their sum."""
    step = 1.2
    for row, (_, _, values) in enumerate(pairs):
        colour = COLOURS["faint" if row else "kept"]
        for column, value in enumerate(values):
            axes.barh(row, 1, left=column * step, color="0.93", height=0.7)
            axes.barh(row, value, left=column * step, color=colour, height=0.7)
        axes.text(len(kinds) * step, row, f"{sum(values):.3f}", va="center", fontsize=9)
    axes.set_yticks(range(len(pairs)), [f"{a}, {b}" for a, b, _ in pairs], fontsize=8)
    places = [column * step + 0.5 for column in range(len(kinds))] + [len(kinds) * step + 0.35]
    axes.set_xticks(places, [*kinds, "sum"], fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.05, len(kinds) * step + 0.8)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.set_ylabel("neighbours, best first", fontsize=9)


def draw_hierarchy(
    tree: MergeTree, image: Tensor, width: float = 9.0, size: int = 56
) -> Figure:
    """The tree of regions as a figure: what each of them shows, its parts below it.

    image: (C, H, W). A region stands as high as the step that makes it; `size`: its picture's
    longer side, in pixels of the figure, at most.
    """
    first, merges = len(tree.merges) + 1, tree.merges.tolist()
    order = [len(tree.sizes) - 1]
    while max(order) >= first:
        order = [part for region in order
                 for part in (merges[region - first] if region >= first else [region])]  # fmt: skip
    x = {region: float(place) for place, region in enumerate(order)}
    figure, axes = new_figure(width, 0.48 * first + 1.2)
    for t, parts in enumerate(merges):
        x[first + t] = sum(x[part] for part in parts) / 2
        for part in parts:
            height = max(0, part - first + 1)
            axes.plot([x[part], x[part], x[first + t]], [height, t + 1, t + 1], color="black",
                      linewidth=1, zorder=1)  # fmt: skip
    for region in range(len(tree.sizes)):
        height = max(0, region - first + 1)
        mask = tree.labels_after(height) == region
        x1, y1, x2, y2 = tree.boxes[region].int().tolist()
        picture = torch.where(mask, image, torch.full_like(image, 255 if image.max() > 1 else 1))
        crop = picture[:, y1:y2, x1:x2].expand(3, -1, -1).movedim(0, -1).numpy()
        thumbnail = OffsetImage(crop, zoom=size / max(tree.boxes[-1].tolist()), dpi_cor=False)
        axes.add_artist(AnnotationBbox(thumbnail, (x[region], height), pad=0.1,
                                       bboxprops={"edgecolor": COLOURS["kept"]}))  # fmt: skip
    axes.set(xlim=(-0.6, first - 0.4), ylim=(-0.7, first - 0.2), xticks=[])
    axes.set_yticks(range(first), ["first regions", *(f"merge {t + 1}" for t in range(first - 1))])
    axes.spines[:].set_visible(False)
    return figure


def draw_recall(
    gt_boxes: Sequence[Tensor], proposals: Mapping[str, Sequence[Tensor]],
    iou_threshold: float = 0.5, width: float = 8.0, height: float = 3.8,
) -> Figure:  # fmt: skip
    """Recall against the number of proposals looked at, a curve for each method.

    gt_boxes: (M, 4) for each image. proposals: a name -> for each image (N, 4) boxes, best first.
    """
    figure, axes = new_figure(width, height)
    for (name, boxes), (colour, style) in zip(proposals.items(), LINES, strict=False):
        most = max(len(one) for one in boxes)
        counts = sorted({round(1.15**i) for i in range(150) if 1.15**i < most} | {most})
        recall = proposal_recall(gt_boxes, boxes, counts, iou_threshold)
        axes.plot(counts, recall.numpy(), style, color=COLOURS[colour], linewidth=2, label=name)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("proposals looked at in each image")
    axes.set_ylabel(f"recall at IoU ≥ {iou_threshold:g}")
    figure.legend(loc="outside right center", frameon=False)
    return figure
