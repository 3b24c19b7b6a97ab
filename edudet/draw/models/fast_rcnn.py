"""From proposals to detections on one shared map, and which proposals are learnt from."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.detections import draw_detections
from edudet.draw.grids import WARM, show_cells
from edudet.draw.proposals.anchors import draw_moves
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.ops.box_iou import box_iou
from edudet.targets.roi_targets import RoiTargets, roi_targets

SHARED = (
    "1  the whole image goes through the network, once: a map of {} × {} cells",
    "2  {} proposals, laid on the map: each cell is {} × {} pixels",
    "3  RoI pooling: whatever the size of a proposal, it becomes {} × {} cells",
    "4  two heads: what is in it (right), and where exactly (left: blue)",
    "5  the best box of every proposal that shows something; NMS leaves {} of {}",
)


def show_coverage(axes: Any, boxes: Tensor, size: tuple[int, int], title: str = "") -> Tensor:
    """Show how many of the (N, 4) boxes cover each pixel of an image of (height, width), and return
    these counts, (H, W)."""
    counts = torch.zeros(size)
    for x1, y1, x2, y2 in boxes.round().int().tolist():
        counts[max(y1, 0) : y2, max(x1, 0) : x2] += 1
    shown = axes.imshow(counts.numpy(), cmap="magma", extent=(0, size[1], size[0], 0))
    axes.figure.colorbar(shown, ax=axes, shrink=0.8, label="boxes over a pixel")
    axes.set_title(title)
    axes.set_axis_off()
    return counts


def step_shared_map(
    image: Tensor, feature_map: Tensor, stride: int, proposals: Tensor, chosen: int,
    roi_features: Tensor, probabilities: Tensor, moved: Tensor, found: Mapping[str, Tensor],
    categories: Sequence[str],
) -> Steps:  # fmt: skip
    """Fast R-CNN in five steps.

    Args:
        image: (3, H, W); feature_map: (C, H / stride, W / stride) of it.
        proposals: (P, 4) xyxy, pixels; chosen: the number of the one that is followed.
        roi_features: (P, C, k, k); probabilities: (P, 1 + categories), background first.
        moved: (P, 4): each proposal after the deltas of its most likely class.
        found: detections after NMS: boxes, labels, scores.
    """
    rows, columns = feature_map.shape[-2:]
    k = roi_features.shape[-1]
    here, there = proposals[chosen : chosen + 1], moved[chosen : chosen + 1]
    score, label = probabilities[:, 1:].max(1)
    sure = score > 0.5
    every = {"boxes": moved[sure], "labels": label[sure] + 1, "scores": score[sure]}
    told = ((rows, columns), (len(proposals), stride, stride), (k, k), (),
            (len(found["boxes"]), int(sure.sum())))  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        if i == 2:
            show_cells(left, feature_map.mean(0), "the map, mean of channels", stride, colours=WARM)
            draw_boxes(left, here, "kept", width=3)
            show_cells(right, roi_features[chosen].mean(0), "what the heads see", colours=WARM)
            return
        show_image(left, image)
        if i < 2:
            show_cells(right, feature_map.mean(0), "mean of channels", stride, colours=WARM)
            for one in (left, right) if i else ():
                draw_boxes(one, proposals, "second", width=0.6, alpha=0.7)
                draw_boxes(one, here, "kept", width=3)
        elif i == 3:
            draw_moves(left, here, there)
            _draw_classes(right, probabilities[chosen], categories)
        else:
            show_image(right, image)
            draw_detections(left, every, categories)
            draw_detections(right, found, categories)

    captions = [caption.format(*facts) for caption, facts in zip(SHARED, told, strict=True)]
    return Steps(captions, draw, 7.5, 3.9, 1, 2)


def _draw_classes(axes: Any, probabilities: Tensor, categories: Sequence[str]) -> None:
    names = ["background", *categories]
    best = int(probabilities.argmax())
    colours = [COLOURS["kept" if c == best else "faint"] for c in range(len(names))]
    axes.barh(names, probabilities.tolist(), color=colours)
    axes.set(xlim=(0, 1), xlabel="probability")
    axes.invert_yaxis()


def draw_sample(axes: Any, image: Tensor, gt_boxes: Tensor, sample: RoiTargets) -> None:
    """Draw (G, 4) objects, green, and the RoIs of a sample: blue what shows an object, orange what
    is background."""
    positive = sample.labels > 0
    show_image(axes, image)
    draw_boxes(axes, sample.rois[~positive], "marked", width=1)
    draw_boxes(axes, gt_boxes, "truth", width=4, alpha=0.6)
    draw_boxes(axes, sample.rois[positive], "kept")


def draw_drawn(
    axes: Any, proposals: Tensor, gt_boxes: Tensor, sample: RoiTargets,
    thresholds: Sequence[float],
) -> None:  # fmt: skip
    """The best IoU of each of (P, 4) proposals as a dot, best first: blue or, as background,
    orange where it is in the sample, small and grey where not. thresholds: lines across."""
    best = torch.cat([box_iou(proposals, gt_boxes), torch.zeros(len(proposals), 1)], 1).amax(1)
    order = best.argsort(descending=True, stable=True)
    same = (proposals[order, None] == sample.rois).all(2)                        # (P, R)
    drawn, positive = same.any(1), (same & (sample.labels > 0)).any(1)
    places, ious = torch.arange(len(order)), best[order]
    parts = ((~drawn, "faint", 2.5), (drawn & ~positive, "marked", 5), (positive, "kept", 6))
    for part, colour, size in parts:
        axes.plot(places[part].numpy(), ious[part].numpy(), "o", color=COLOURS[colour],
                  markersize=size)  # fmt: skip
    for threshold in thresholds:
        axes.axhline(threshold, color="black", linewidth=1)
    axes.set(ylim=(-0.03, 1.03), xlabel="proposals, best first", ylabel="best IoU with an object")


def step_samples(
    image: Tensor, proposals: Tensor, gt_boxes: Tensor, gt_labels: Tensor,
    starts: Sequence[float], size: int = 64, seed: int = 0,
) -> Steps:  # fmt: skip
    """Which proposals an image's loss looks at, for each lowest IoU of background.

    proposals: (P, 4); gt_boxes: (G, 4); gt_labels: (G,); starts: `background_from`; size: of the
    sample, as for `roi_targets`, with the ground truth appended.
    """
    everything = torch.cat([proposals, gt_boxes])
    samples = [
        roi_targets(proposals, gt_boxes, gt_labels, size, background_from=start,
                    generator=torch.Generator().manual_seed(seed))
        for start in starts
    ]  # fmt: skip
    captions = []
    for start, sample in zip(starts, samples, strict=True):
        positive = int((sample.labels > 0).sum())
        captions.append(f"background from IoU {start:g}: {positive} of objects, "
                        f"{len(sample.labels) - positive} of background")  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        draw_sample(left, image, gt_boxes, samples[i])
        lines = [0.5, starts[i]] if starts[i] else [0.5]
        draw_drawn(right, everything, gt_boxes, samples[i], lines)

    return Steps(captions, draw, 8, 3.9, 1, 2)


def draw_gradients(norms: Mapping[str, Mapping[str, float]]) -> Figure:
    """Which parts of a network learn: a panel for each method, in it a bar for each part, the
    length of its gradient; where there is none, a word says so."""
    figure, axes = new_figure(9, 2.6, 1, len(norms))
    every = [axes] if len(norms) == 1 else list(axes[0])
    for one, (method, parts) in zip(every, norms.items(), strict=True):
        bars = one.barh(list(parts), list(parts.values()), color=COLOURS["kept"])
        one.bar_label(bars, ["" if value else "no gradient" for value in parts.values()],
                      padding=3, color=COLOURS["dropped"])  # fmt: skip
        one.set_title(method)
        one.set_xlabel("length of the gradient")
        most = max(parts.values())
        one.set_xlim(0, 1.1 * most or 1.0)
        one.set_xticks([0] if most == 0 else one.get_xticks()[:-1])
        one.invert_yaxis()
    return figure


def draw_growth(
    axes: Any, counts: Sequence[int], seconds: Mapping[str, Sequence[float]]
) -> None:
    """Draw times over the number of proposals, each method with its name at the end."""
    for (name, times), colour in zip(seconds.items(), ("kept", "dropped", "marked"), strict=False):
        axes.plot(counts, times, "o-", color=COLOURS[colour], linewidth=2)
        axes.annotate(name, (counts[-1], times[-1]), (8, 0), textcoords="offset points",
                      va="center", color=COLOURS[colour], annotation_clip=False)  # fmt: skip
    axes.set(xlabel="proposals", ylabel="seconds for an image", ylim=(0, None), xlim=(0, None))
