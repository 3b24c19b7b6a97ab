"""Two boxes: what they share, which of four measures says what, and where it pulls them."""

from collections.abc import Callable
from typing import Any

import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.boxes import box_area, box_convert
from edudet.draw.boxes import draw_boxes, look_at
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, HouseFigure, new_figure
from edudet.ops import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou

Measure = Callable[[Tensor, Tensor], Tensor]

MEASURES: dict[str, Measure] = {
    "IoU": box_iou,
    "GIoU": generalized_box_iou,
    "DIoU": distance_box_iou,
    "CIoU": complete_box_iou,
}
LOOKS = {"IoU": ("faint", "-"), "GIoU": ("marked", "-"), "DIoU": ("kept", "-"),
         "CIoU": ("second", "--")}  # fmt: skip


def draw_pair(axes: Any, box: Tensor, target: Tensor, enclosing: bool = False) -> None:
    """Draw a (4,) box in blue over a (4,) target in green, what they share in orange; `enclosing`:
    the smallest box around both, what neither of them fills hatched."""
    low, high = torch.minimum(box, target), torch.maximum(box, target)
    if enclosing:
        _fill(axes, torch.cat([low[:2], high[2:]]), "faint", 0.25, hatch="///")
    for one, colour in ((target, "truth"), (box, "kept")):
        _fill(axes, one, "white", 1.0)
        _fill(axes, one, colour, 0.25)
    shared = torch.cat([high[:2], low[2:]])
    if (shared[:2] < shared[2:]).all():
        _fill(axes, shared, "white", 1.0)
        _fill(axes, shared, "marked", 0.7)
    draw_boxes(axes, target[None], "truth", width=2.2)
    draw_boxes(axes, box[None], "kept", width=2.2)


def _fill(axes: Any, box: Tensor, colour: str, alpha: float, hatch: str = "") -> None:
    x1, y1, x2, y2 = box.tolist()
    colour = COLOURS.get(colour, colour)
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, facecolor="none" if hatch else colour,
                  edgecolor=colour if hatch else "none", hatch=hatch, alpha=alpha)
    )  # fmt: skip


def step_overlap(moving: Tensor, target: Tensor) -> Steps:
    """One box in (K, 4) places over a (4,) target: the areas beside the curve of their IoU."""
    ious = box_iou(moving, target[None])[:, 0].tolist()
    captions = [_areas(box, target, iou) for box, iou in zip(moving, ious, strict=True)]
    everything = torch.cat([moving, target[None]])

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        look_at(left, everything)
        draw_pair(left, moving[i], target)
        left.set(xlabel="x (pixels)", ylabel="y (pixels)")
        right.plot(ious, color=COLOURS["faint"], alpha=0.4)
        right.plot(ious[: i + 1], color=COLOURS["kept"])
        right.plot(i, ious[i], "o", color=COLOURS["kept"])
        right.set(xlabel="step", ylabel="IoU", ylim=(-0.03, 1.03))

    return Steps(captions, draw, 8.5, 3.6, 1, 2)


def _areas(box: Tensor, target: Tensor, iou: float) -> str:
    """The fraction in numbers: what is shared, the union as a sum, and the IoU."""
    sides = torch.minimum(box, target)[2:] - torch.maximum(box, target)[:2]
    shared = sides.clamp(min=0).prod().item()
    first, second = box_area(box).item(), box_area(target).item()
    together = first + second - shared
    return (f"shared {shared:g}, union {first:g} + {second:g} − {shared:g} = {together:g}: "
            f"IoU = {shared:g}/{together:g} = {iou:.2f}")  # fmt: skip


def compare_measures(
    moving: Tensor, target: Tensor, places: Tensor, label: str
) -> HouseFigure:
    """IoU and its relatives of one box in (K, 4) places and a (4,) target, as curves.

    places: (K,) numbers for the horizontal axis, which is called `label`.
    """
    figure, axes = new_figure(8, 3.4)
    for name, measure in MEASURES.items():
        colour, line = LOOKS[name]
        values = measure(moving, target[None])[:, 0]
        axes.plot(places.tolist(), values.tolist(), line, color=COLOURS[colour], label=name)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set(xlabel=label, ylabel="how alike", ylim=(-1.03, 1.03))
    figure.legend(loc="outside right center", frameon=False)
    return figure  # type: ignore[return-value]


def pull(boxes_cxcywh: Tensor, target: Tensor, measure: Measure) -> Tensor:
    """(N, 4) -> (N, 4): the change of each box's centre and size that raises its `measure` with the
    (4,) xyxy target fastest, of length 1; 0 where no small change raises it."""
    boxes = boxes_cxcywh.detach().clone().requires_grad_()
    alike = measure(box_convert(boxes, "cxcywh", "xyxy"), target[None]).sum()
    (gradient,) = torch.autograd.grad(alike, boxes)
    length = gradient.norm(dim=1, keepdim=True)
    return gradient / length.where(length > 1e-9, 1)


def draw_pulls(axes: Any, boxes: Tensor, target: Tensor, measure: Measure) -> None:
    """Draw an arrow at the centre of each of (N, 4) boxes: the way `measure` moves it, without a
    length; a cross where it moves nowhere. The (4,) target is green, the first box dashed."""
    centred = box_convert(boxes, "xyxy", "cxcywh")
    centres, moved = centred[:, :2], pull(centred, target, measure)[:, :2]
    length = moved.norm(dim=1)
    stuck = length < 1e-6
    look_at(axes, torch.cat([boxes, target[None]]))
    draw_boxes(axes, target[None], "truth", width=2.2)
    draw_boxes(axes, boxes[:1], "kept", dashed=True, width=1)
    axes.plot(*centres[stuck].T.tolist(), "x", color=COLOURS["dropped"], markersize=4)
    arrows = moved[~stuck] / length[~stuck, None]
    axes.quiver(*centres[~stuck].T.tolist(), *arrows.T.tolist(), angles="xy", pivot="mid",
                scale=0.55, scale_units="xy", width=0.009, headwidth=4.5, headlength=4.5,
                headaxislength=4, color=COLOURS["kept"])  # fmt: skip
    axes.set(xticks=[], yticks=[])


def climb(start: Tensor, target: Tensor, measure: Measure, moves: int, length: float) -> Tensor:
    """(4,) -> (moves + 1, 4) xyxy: a box that follows its pull; its moves shrink from `length`
    pixels to 0."""
    path = [box_convert(start[None], "xyxy", "cxcywh")]
    for k in range(moves):
        path.append(path[-1] + length * (1 - k / moves) * pull(path[-1], target, measure))
    return box_convert(torch.cat(path), "cxcywh", "xyxy")


def step_climb(
    start: Tensor, target: Tensor, moves: int = 140, length: float = 0.3, every: int = 7
) -> Steps:
    """A (4,) box whose centre and size follow the gradient of each measure towards a (4,) target:
    how far it moves is given, where to is the measure's choice."""
    paths = {name: climb(start, target, m, moves, length) for name, m in MEASURES.items()}
    view = torch.cat([*paths.values(), target[None]])
    shown = range(0, moves + 1, every)

    def draw(axes: Any, i: int) -> None:
        for ax, (name, path) in zip(axes.flat, paths.items(), strict=True):
            box = path[shown[i]]
            look_at(ax, view)
            draw_boxes(ax, start[None], "faint", dashed=True, width=1)
            draw_pair(ax, box, target)
            iou = box_iou(box[None], target[None]).item()
            ax.set_title(f"by {name}", fontsize=10)
            ax.set(xticks=[], yticks=[], xlabel=f"IoU {iou:.2f}")

    return Steps([f"after {k} moves" for k in shown], draw, 8.5, 2.6, 1, 4)


ARROW = {"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}


def draw_format(axes: Any, box: Tensor, fmt: str) -> None:
    """Draw a (4,) xyxy box with the four numbers by which "xyxy", "xywh" or "cxcywh" writes it:
    points with their coordinates, width and height as arrows beside the box."""
    x1, y1, x2, y2 = box.tolist()
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    draw_boxes(axes, box[None], "kept", width=2.2)
    points = {"xyxy": [(x1, y1), (x2, y2)], "xywh": [(x1, y1)], "cxcywh": [centre]}
    for x, y in points[fmt]:
        below = (x, y) == (x2, y2)
        axes.plot(x, y, "o", color=COLOURS["dropped"], clip_on=False)
        axes.annotate(f"({x:g}, {y:g})", (x, y), (0, -16 if below else 7), ha="center",
                      textcoords="offset points", color=COLOURS["dropped"])  # fmt: skip
    if fmt != "xyxy":
        space = 0.07 * max(x2 - x1, y2 - y1)
        low, right = y2 + space, x2 + space
        for ends in (((x1, low), (x2, low)), ((right, y1), (right, y2))):
            axes.annotate("", *ends, arrowprops=ARROW | {"color": COLOURS["marked"]})
        axes.text(centre[0], low + space / 3, f"w = {x2 - x1:g}", ha="center", va="top")
        axes.text(right + space / 3, centre[1], f"h = {y2 - y1:g}", ha="left", va="center")
