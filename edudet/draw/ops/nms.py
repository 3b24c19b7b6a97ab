"""Suppression, box by box: who is kept, and who is dropped."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.nms import nms_steps

MOST_NAMED = 10  # boxes
MOST_IN_LIST = 24  # scores that fit below each other


def step_nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, image: Tensor | None = None
) -> Steps:
    """Non-maximum suppression of (N, 4) boxes, box by box, the scores beside the picture."""
    waiting = set(range(len(boxes)))
    states: list[tuple[int, set[int], set[int], set[int]]] = []  # best, kept, gone now, waiting
    kept: set[int] = set()
    captions = [f"{len(boxes)} boxes, none decided"]
    for best, dropped in nms_steps(boxes, scores, iou_threshold):
        gone = set(dropped)
        waiting = waiting - gone - {best}
        states.append((best, set(kept), gone, set(waiting)))
        kept = kept | {best}
        captions.append(
            f"keep {best} (score {scores[best]:.2f}), "
            f"drop {_listed(gone)}: IoU > {iou_threshold:g}; {len(waiting)} left"
            if gone else f"keep {best} (score {scores[best]:.2f}); it drops nobody"
        )
    captions.append(f"{len(kept)} of {len(boxes)} boxes are kept")

    def colour_of(i: int, step: int) -> tuple[str, bool]:
        """Its colour, and whether it is of this step."""
        if step == 0:
            return "marked", False
        if step == len(captions) - 1:
            return ("kept" if i in kept else "faint"), False
        best, before, gone, left = states[step - 1]
        if i == best or i in before:
            return "kept", i == best
        return ("dropped", True) if i in gone else ("marked" if i in left else "faint", False)

    def draw(axes: Any, step: int) -> None:
        last = step == len(captions) - 1
        left, right = axes[0]
        show_ground(left, boxes, image)
        for i in range(len(boxes)):
            colour, now = colour_of(i, step)
            if colour == "faint" and (last or step == 0):
                continue
            name = [str(i)] if now or len(boxes) < MOST_NAMED else []
            draw_boxes(left, boxes[i : i + 1], colour, name, width=2.6 if now else 1.2,
                       dashed=colour in ("dropped", "faint"))  # fmt: skip
        list_scores(right, scores, [colour_of(i, step) for i in range(len(boxes))])

    return Steps(captions, draw, 8.5, 4.2, 1, 2)


def _listed(indices: set[int], most: int = 6) -> str:
    names = [str(i) for i in sorted(indices)]
    return ", ".join(names) if len(names) <= most else f"{len(names)} boxes"


def show_ground(axes: Any, boxes: Tensor, image: Tensor | None) -> None:
    if image is not None:
        show_image(axes, image)
    else:
        look_at(axes, boxes)
        axes.set_xticks([])
        axes.set_yticks([])


def list_scores(
    axes: Any, scores: Tensor | Sequence[float], colours: Sequence[tuple[str, bool]],
    shadows: Sequence[float] = (),
) -> None:  # fmt: skip
    """The scores as bars, best first; `shadows` are the bars' lengths before."""
    values = [float(score) for score in scores]
    order = sorted(range(len(values)), key=lambda i: (-values[i], i))[:MOST_IN_LIST]
    for row, i in enumerate(order):
        colour, now = colours[i]
        if len(shadows):
            axes.barh(row, shadows[i], color=COLOURS["faint"], alpha=0.25)
        axes.barh(row, values[i], color=COLOURS[colour], alpha=1.0 if now else 0.6)
    names = [str(i) for i in order] if len(order) <= MOST_IN_LIST else []
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("score")
    axes.set_ylabel("box, best first")
