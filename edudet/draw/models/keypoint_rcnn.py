"""Joints of people: the cells that a head should point at, its maps, poses, and how far off.

Positions are x, y in pixels of the image: pixel (y, x) covers [x, x + 1) × [y, y + 1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from edudet.draw.boxes import draw_boxes, look_at, show_image
from edudet.draw.grids import WARM, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure
from edudet.targets.keypoint_targets import keypoint_targets

MARKERS = {0: ("x", "faint"), 1: ("o", "dropped"), 2: ("o", "marked")}  # of each visibility
OF_SIDE = {"right": "marked", "left": "second"}  # colours of a person's own sides
COLUMNS = 7  # maps beside each other


def step_joints(joints: Tensor, roi: Tensor, size: int, names: Sequence[str]) -> Steps:
    """The targets of the joints (K, 3), x, y, v, of one person in the grid of a RoI (4,), joint by
    joint: the grid over the RoI, beside it the cells with their numbers."""
    cells, valid = (part[0] for part in keypoint_targets(joints[None], roi[None], size))
    captions = [
        f"{name}: {_reason(joint, roi, size, int(cell), bool(good))}"
        for name, joint, cell, good in zip(names, joints, cells, valid, strict=True)
    ]

    def draw(axes: Any, k: int) -> None:
        left, right = axes[0]
        cell = divmod(int(cells[k]), size) if valid[k] else None
        _draw_joints(left, joints, roi, size, k, cell)
        _draw_map(right, size, cell)

    return Steps(captions, draw, 6.4, 3.7, 1, 2)


def _draw_joints(
    axes: Any, joints: Tensor, roi: Tensor, size: int, k: int, cell: tuple[int, int] | None
) -> None:
    """All joints over the grid of the RoI; the k-th with its cell (row, column), if it has one."""
    _draw_grid(axes, roi, size)
    for joint in joints:
        marker, colour = MARKERS[int(joint[2])]
        axes.plot(*joint[:2].tolist(), marker, color=COLOURS[colour], markersize=7)
    axes.plot(*joints[k, :2].tolist(), "o", markersize=15, markerfacecolor="none",
              markeredgecolor=COLOURS["kept"], markeredgewidth=2)  # fmt: skip
    if cell is not None:
        sides = (roi[2:] - roi[:2]) / size
        low = roi[:2] + sides * torch.tensor(cell[::-1])
        draw_boxes(axes, torch.cat([low, low + sides])[None], "kept", width=2.5)
    look_at(axes, torch.cat([joints[:, :2].repeat(1, 2), roi[None]]), 0.1)
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)", title="the RoI and its cells")


def _draw_map(axes: Any, size: int, cell: tuple[int, int] | None) -> None:
    chosen = torch.zeros(size, size)
    if cell is not None:
        chosen[cell] = 1
    title = "no map, no loss" if cell is None else "its map: 1 in one cell"
    show_cells(axes, chosen, title, 1, False, (0, 1), WARM)
    for number in range(size * size):
        y, x = divmod(number, size)
        draw_boxes(axes, torch.tensor([[x, y, x + 1, y + 1]]), "faint", width=0.8)
        axes.text(x + 0.5, y + 0.5, number, ha="center", va="center", fontsize=9)
    axes.set_axis_off()


def _draw_grid(axes: Any, roi: Tensor, size: int) -> None:
    x1, y1, x2, y2 = roi.tolist()
    for i in range(size + 1):
        x, y = x1 + (x2 - x1) * i / size, y1 + (y2 - y1) * i / size
        axes.plot([x, x], [y1, y2], color=COLOURS["faint"], linewidth=0.8)
        axes.plot([x1, x2], [y, y], color=COLOURS["faint"], linewidth=0.8)


def _reason(joint: Tensor, roi: Tensor, size: int, cell: int, good: bool) -> str:
    if joint[2] == 0:
        return "not labelled (v = 0), no cell"
    if not good:
        return "outside the RoI, no cell"
    places = ((joint[:2] - roi[:2]) * (size / (roi[2:] - roi[:2]))).tolist()
    column, row = (f"⌊{at:g}⌋" + f" → {size - 1}" * (at == size) for at in places)
    hidden = "hidden (v = 1), " if joint[2] == 1 else ""
    return f"{hidden}column {column}, row {row}: cell {cell}"


def draw_pose(
    axes: Any, joints: Tensor, skeleton: Sequence[Sequence[int]], colour: str = "kept",
    names: Sequence[str] = (), hidden: Tensor | None = None, width: float = 2.0,
) -> None:
    """Draw the joints (K, 2) of one person and the bones between them.

    names: if given, the dots of left and of right joints have a colour of their own.
    hidden: (K,) bool, joints that nobody can see are rings. NaN: a joint is not drawn.
    """
    points = joints[:, :2].detach()
    bones = [points[list(pair)].numpy() for pair in skeleton if points[list(pair)].isfinite().all()]
    axes.add_collection(LineCollection(bones, colors=COLOURS[colour], linewidths=width, zorder=3))
    for k, point in enumerate(points):
        if not point.isfinite().all():
            continue
        side = names[k].split()[0] if names else ""
        face = COLOURS[OF_SIDE.get(side, colour)]
        ring = hidden is not None and bool(hidden[k])
        axes.plot(*point.tolist(), "o", color=COLOURS[colour] if ring else face, zorder=4,
                  markerfacecolor="none" if ring else face, markersize=5 + 2 * ring,
                  markeredgecolor=face if ring else "white", markeredgewidth=1.5 if ring else 0.6)


def draw_circles(
    axes: Any, centres: Tensor, radii: Sequence[float], colour: str = "truth"
) -> None:
    """Draw circles around (P, 2) points; radii in pixels."""
    circles = [Circle((x, y), r) for (x, y), r in zip(centres.tolist(), radii, strict=True)]
    axes.add_collection(
        PatchCollection(circles, facecolor="none", edgecolor=COLOURS[colour], zorder=3)
    )


def show_joint_maps(
    image: Tensor, roi: Tensor, maps: Tensor, names: Sequence[str],
    points: Mapping[str, Tensor] | None = None,
) -> Figure:
    """The maps (K, M, M) of all joints, each over the part of a (3, H, W) image where the RoI (4,)
    lies, the more orange the higher; of each the largest cell is of the full colour.

    points: colour -> (K, 2), a place for each joint, drawn as a ring.
    """
    rows = -(-len(maps) // COLUMNS)
    x1, y1, x2, y2 = roi.tolist()
    panel = min(max((y2 - y1) / (x2 - x1), 0.6), 2.2) * 9 / COLUMNS
    figure, axes = new_figure(9, rows * (panel + 0.3), rows, COLUMNS)
    for k, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if k >= len(maps):
            continue
        show_image(ax, image.mean(0) * 0.6 + 0.4, names[k], (0, 1))
        ax.title.set_size(9)
        strength = (maps[k] / maps[k].max().clamp(min=1e-12)).clamp(0, 1).detach()
        ax.imshow(torch.ones_like(strength).numpy(), cmap=WARM, vmin=0, vmax=1,
                  alpha=strength.numpy(), extent=(x1, x2, y2, y1), interpolation="nearest")
        for colour, places in (points or {}).items():
            ax.plot(*places[k].tolist(), "o", markerfacecolor="none", markersize=9,
                    markeredgecolor=COLOURS[colour], markeredgewidth=1.6)  # fmt: skip
        ax.set_xlim(x1, x2)
        ax.set_ylim(y2, y1)
    return figure


def draw_by_joint(
    names: Sequence[str], shares: Mapping[str, tuple[Tensor, str]], title: str = ""
) -> Figure:
    """Shares (K,) in [0, 1] of each joint as dots in a row of its own; name -> (shares, colour)."""
    figure, axes = new_figure(7.5, 0.9 + 0.27 * len(names))
    for place, (name, (values, colour)) in enumerate(shares.items()):
        axes.plot(values.tolist(), range(len(names)), "o", color=COLOURS[colour], markersize=7)
        axes.text(1.02, 1 - 0.07 * place, f"● {name}", color=COLOURS[colour], va="top",
                  transform=axes.transAxes)  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.02, 1.02)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.grid(axis="y", alpha=0.15)
    axes.set_xlabel("share of joints that are right")
    axes.set_title(title, loc="left")
    return figure
