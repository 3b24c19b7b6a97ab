"""Training in steps: which part learns when, with which weights it begins, who proposes."""

from collections.abc import Sequence
from typing import Any

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS

PARTS = {"backbone": "backbone", "rpn": "RPN", "box_branch": "heads"}  # from top to bottom
FREE = 0.33  # between the middle of a box and the end of an arrow


def step_schedule(steps: Sequence[Any]) -> Steps:
    """The steps of `edudet.models.two_stage.alternating`, one after the other: a column for each,
    blue what learns, grey what is fixed; arrows lead from where the weights come from."""
    captions = []
    for number, step in enumerate(steps, 1):
        learns = "the " + " and the ".join(PARTS[part] for part in step.trained)
        verb = "learns" if step.trained in (("rpn",), ("backbone",)) else "learn"
        fixed = [f"the {PARTS[part]} is fixed" for part in step.starts if part not in step.trained]
        proposed = [f"the RPN of step {step.proposals} proposes"] if step.proposals else []
        captions.append(f"step {number}: {'; '.join([f'{learns} {verb}', *fixed, *proposed])}")
    captions.append("what the network is made of in the end")

    def draw(axes: Any, i: int) -> None:
        last = len(steps) + 1
        for row, part in enumerate(PARTS):
            axes.text(-0.55, row, PARTS[part], ha="right", va="center", fontsize=10)
            _box(axes, 0, row, "new", "white")
        for number in range(1, min(i + 1, len(steps)) + 1):
            _column(axes, number, steps[number - 1])
        if i == len(steps):
            for row, part in enumerate(PARTS):
                made = max(n for n, step in enumerate(steps, 1) if part in step.starts)
                _box(axes, last, row, "", "#DDDDDD", edge="black")
                _arrow(axes, made, last, row)
        heads = ["", *(f"step {n}" for n in range(1, last)), "network"]
        for x, name in enumerate(heads):
            axes.text(x, -0.6, name, ha="center", fontsize=10)
        axes.set(xlim=(-1.25, last + 0.45), ylim=(2.55, -0.75))
        axes.set_axis_off()

    return Steps(captions, draw, 6.5, 3.1)


def _column(axes: Any, number: int, step: Any) -> None:
    """What one step uses, and what it takes from earlier ones."""
    for row, part in enumerate(PARTS):
        if part not in step.starts:
            continue
        learns = part in step.trained
        _box(axes, number, row, "learns" if learns else "fixed", COLOURS["kept"] if learns else
             "#DDDDDD", "white" if learns else "black")  # fmt: skip
        _arrow(axes, step.starts[part], number, row)
    if step.proposals is not None:
        at = step.proposals
        axes.annotate("", (number - FREE, 1.84), (at + FREE * 0.8, 1.2), arrowprops={
            "arrowstyle": "-|>", "color": COLOURS["marked"], "linewidth": 2})  # fmt: skip
        axes.text((at + number) / 2 + 0.12, 1.48, "boxes", ha="left", va="center", fontsize=8,
                  color="#8A5A00")  # fmt: skip


def _box(
    axes: Any, x: float, y: float, text: str, colour: str, ink: str = "black", edge: str = "#888888"
) -> None:
    frame = {"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": edge}
    axes.text(x, y, text or "    ", ha="center", va="center", fontsize=9, color=ink, bbox=frame)


def _arrow(axes: Any, start: int, end: int, row: int) -> None:
    """From a step's column to another's; above those that lie between."""
    near = end - start == 1
    bend = "arc3" if near else "arc3,rad=-0.28"
    low = 0.0 if near else 0.18
    axes.annotate("", (end - (FREE if near else 0.2), row - low), (start + (FREE if near else 0.15),
                  row - low), arrowprops={"arrowstyle": "-|>", "color": "black",
                  "connectionstyle": bend, "shrinkA": 0, "shrinkB": 0})  # fmt: skip
