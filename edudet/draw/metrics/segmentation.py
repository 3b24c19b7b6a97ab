"""Label maps: what was called right, tables of counts, and their scores."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.colors import to_rgba
from torch import Tensor

from edudet.draw.boxes import show_image
from edudet.draw.ops.conv_transpose import rectangle, write_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.metrics import segmentation

CLASSES = ("faint", "kept", "truth", "marked", "second", "dropped")  # colours of labels 0, 1, ...
KEY_PLACES = (0.0, 0.3, 0.68)
OUTCOMES = {"TP: both": "kept", "FP: too much": "dropped", "FN: missed": "truth"}
PALE, STRONG = 0.55, 0.85


def show_labels(
    axes: Any, labels: Tensor, title: str = "", image: Tensor | None = None,
    colours: Sequence[str] = CLASSES,
) -> None:
    """Show an (H, W) map of classes 0, 1, ... in colours; over a grey (1, H, W) image, if given.

    The first colour is shown paler, and not at all over an image. Colours are used again and again.
    """
    first, others = (0.25, STRONG) if image is None else (0.0, PALE)
    palette = torch.tensor([
        to_rgba(COLOURS[colour], others if i else first) for i, colour in enumerate(colours)
    ])  # fmt: skip
    height, width = labels.shape
    if image is not None:
        show_image(axes, image)
    picture = palette[labels.long() % len(colours)].numpy()
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()


def show_outcome(
    axes: Any, truth: Tensor, predicted: Tensor, title: str = "", image: Tensor | None = None
) -> None:
    """Show two (H, W) masks: blue in both, vermilion only predicted, green only true."""
    true, said = truth.bool(), predicted.bool()
    outcomes = (true & said) * 1 + (~true & said) * 2 + (true & ~said) * 3
    show_labels(axes, outcomes, title, image, ("faint", *OUTCOMES.values()))
    for left, (name, colour) in zip(KEY_PLACES, OUTCOMES.items(), strict=True):
        axes.text(left, -0.02, f"■ {name}", color=COLOURS[colour], fontsize=8, va="top",
                  transform=axes.transAxes)  # fmt: skip


def show_confusion(
    axes: Any, counts: Tensor, names: Sequence[str] = (), chosen: int | None = None
) -> None:
    """Show a (K, K) table, rows are the truth; in colours what counts for the class `chosen`."""
    size, shades = len(counts), {}
    if chosen is not None:
        hit = rectangle(counts.shape, chosen, chosen)
        shades = {"kept": hit, "truth": rectangle(counts.shape, chosen, 0, 1, size),
                  "dropped": rectangle(counts.shape, 0, chosen, size)}  # fmt: skip
    write_cells(axes, counts, "", shades, fontsize=12)
    for i, name in enumerate(names or map(str, range(size))):
        axes.text(-0.12, i + 0.5, name, ha="right", va="center")
        axes.text(i + 0.5, -0.1, name, ha="center", va="bottom")
    axes.set_title("called", fontsize=10, color=COLOURS["faint"], pad=16)
    axes.text(-0.12, size + 0.1, "truth (rows)", ha="right", va="top", color=COLOURS["faint"])
    if chosen is not None:
        for i, (name, colour) in enumerate(zip(("TP", "FN", "FP"), shades, strict=True)):
            axes.text(size + 0.2, 0.5 + i * 0.35, f"■ {name}", color=COLOURS[colour], va="center")


def step_classes(counts: Tensor, names: Sequence[str] = ()) -> Steps:
    """A (K, K) table class by class: which cells are TP, FN and FP, and what becomes of them."""
    names = names or [f"class {i}" for i in range(len(counts))]
    captions = []
    for i, name in enumerate(names):
        hit = int(counts[i, i])
        missed, wrong = int(counts[i].sum()) - hit, int(counts[:, i].sum()) - hit
        iou = float(segmentation.intersection_over_union(counts)[i])
        dice = float(segmentation.dice_coefficient(counts)[i])
        captions.append(
            f"{name}: IoU {hit}/({hit} + {missed} + {wrong}) = {iou:.3f}, "
            f"Dice {2 * hit}/({2 * hit} + {missed} + {wrong}) = {dice:.3f}"
        )
    return Steps(captions, lambda axes, i: show_confusion(axes, counts, names, i), 6, 3)


def scores_of(truth: Tensor, predicted: Tensor) -> dict[str, float]:
    """Scores of two (H, W) masks: of all pixels, and of the object alone."""
    counts = segmentation.segmentation_confusion(truth.bool(), predicted.bool(), 2)
    return {
        "pixel accuracy": float(segmentation.pixel_accuracy(counts)),
        "precision": float(segmentation.segmentation_precision(counts)[1]),
        "recall": float(segmentation.segmentation_recall(counts)[1]),
        "Dice = F1": float(segmentation.dice_coefficient(counts)[1]),
        "IoU": float(segmentation.intersection_over_union(counts)[1]),
        "mean IoU": float(segmentation.mean_iou(counts)),
    }


def step_masks(
    truths: Tensor, predictions: Tensor, captions: Sequence[str], image: Tensor | None = None
) -> Steps:
    """Masks (S, H, W), or one (H, W) for all steps, against each other; their scores beside them.

    A score of 0 / 0 has no bar.
    """
    truths, predictions = (
        masks.expand(len(captions), *masks.shape[-2:]) for masks in (truths, predictions)
    )

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        show_outcome(left, truths[i], predictions[i], image=image)
        scores = scores_of(truths[i], predictions[i])
        colours = [COLOURS["second" if name == "pixel accuracy" else "kept"] for name in scores]
        lengths = [0.0 if score != score else score for score in scores.values()]
        bars = right.barh(list(scores), lengths, color=colours, height=0.6)
        texts = ["0/0" if score != score else f"{score:.2f}" for score in scores.values()]
        right.bar_label(bars, texts, padding=3)
        right.set_xlim(0, 1.18)
        right.set_xticks([0, 0.5, 1])
        right.invert_yaxis()

    return Steps(captions, draw, 8.5, 3.6, 1, 2)


def draw_dice_of_iou(axes: Any, iou: Sequence[float], dice: Sequence[float]) -> None:
    """Draw pairs of scores, and the line that they must lie on."""
    x = torch.linspace(0, 1, 101)
    axes.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=1)
    axes.plot(x, 2 * x / (1 + x), color=COLOURS["truth"], linewidth=1.5)
    axes.plot(iou, dice, "o", color=COLOURS["kept"], markersize=5)
    axes.text(0.3, 0.62, "2 IoU / (1 + IoU)", color=COLOURS["truth"], ha="right")
    axes.text(0.62, 0.5, "if they were equal", color=COLOURS["faint"])
    axes.set_xlabel("IoU")
    axes.set_ylabel("Dice")
    axes.set_aspect("equal")
