"""Segments: things one by one and stuff as a whole, in the truth and in a prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS

STRONG, WEAK = 0.85, 0.2
Image = tuple[Tensor, Sequence[dict]]  # as in edudet.metrics.panoptic


def show_segments(
    axes: Any, segment_map: Tensor, segments: Sequence[dict], colours: Mapping[Any, str],
    title: str = "", active: Sequence[int] = (), numbers: bool = True,
) -> None:
    """Show an (H, W) map of segments: coloured by category, with lines between them; 0 is hatched.

    active: ids that are shown strongly; without any, all are.
    """
    category = {segment["id"]: segment["category_id"] for segment in segments}
    height, width = segment_map.shape
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="white", edgecolor="#cccccc",
                             hatch="///", linewidth=0, zorder=-1))  # fmt: skip
    picture = torch.zeros(height, width, 4)
    for i in segment_map.unique().tolist():
        if i not in category:
            continue
        mask = segment_map == i
        strength = STRONG if i in active or not active else WEAK
        pale = [1 - strength * (1 - part) for part in to_rgba(COLOURS[colours[category[i]]])[:3]]
        picture[mask] = torch.tensor([*pale, 1.0])
        if numbers:
            ys, xs = mask.nonzero().T
            middle = ((ys - ys.float().mean()) ** 2 + (xs - xs.float().mean()) ** 2).argmin()
            axes.text(float(xs[middle]) + 0.5, float(ys[middle]) + 0.5, str(i), ha="center",
                      va="center")  # fmt: skip
    axes.imshow(picture.numpy(), extent=(0, width, height, 0), interpolation="nearest")
    axes.add_collection(LineCollection(_borders(segment_map), colors="black", linewidths=1))
    axes.set_title(title)
    axes.set_axis_off()


def _borders(segment_map: Tensor) -> list[list[tuple[int, int]]]:
    """Lines between neighbours of different ids, as pairs of (x, y)."""
    right = (segment_map[:, 1:] != segment_map[:, :-1]).nonzero().tolist()
    below = (segment_map[1:] != segment_map[:-1]).nonzero().tolist()
    return [[(x + 1, y), (x + 1, y + 1)] for y, x in right] + [
        [(x, y + 1), (x + 1, y + 1)] for y, x in below
    ]


def step_segments(
    truth: Image, prediction: Image, pairs: Sequence[tuple[int, int, str]],
    colours: Mapping[Any, str],
) -> Steps:
    """Segments against segments, one pair a step: (true id, predicted id, caption); id 0: nobody.

    colours: category -> its colour.
    """

    def draw(axes: Any, i: int) -> None:
        images, names = (truth, prediction), ("truth", "prediction")
        for ax, (segment_map, segments), name, one in zip(
            axes[0], images, names, pairs[i][:2], strict=True
        ):
            show_segments(ax, segment_map, segments, colours, name, [one])

    height, width = truth[0].shape
    return Steps([caption for *_, caption in pairs], draw, 7.5, 3.6 * height / width + 1, 1, 2)


def draw_quality(axes: Any, sq: float, rq: float, colour: str, title: str = "") -> None:
    """Draw panoptic quality as an area: SQ high and RQ wide, in the unit square."""
    axes.add_patch(Rectangle((0, 0), rq, sq, facecolor=to_rgba(COLOURS[colour], 0.45),
                             edgecolor=COLOURS[colour]))  # fmt: skip
    axes.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS["faint"], clip_on=False))
    axes.text(rq / 2, sq / 2, f"PQ {sq * rq:.3f}", ha="center", va="center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([0, rq], ["0", f"{rq:.3f}"])
    axes.set_yticks([0, sq], ["0", f"{sq:.3f}"])
    axes.set_xlabel("RQ: how many are found")
    axes.set_ylabel("SQ: how well drawn")
    axes.set_aspect("equal")
    axes.set_title(title)
