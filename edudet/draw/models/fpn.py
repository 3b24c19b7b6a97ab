"""Maps of several strides: what is left of an object in their cells, how they are merged, and which
of them an object is read from."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor
from torch.nn.functional import avg_pool2d

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.grids import WARM, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, new_figure

DESIGNS = ("image pyramid", "one deep map", "every map", "feature pyramid")
SHEETS = ((1.5, 0.0), (1.0, 1.0), (0.62, 1.8))  # width and height above ground, fine to coarse
STRONG, WEAK = 0.85, (0.12, 0.4, 0.85)  # how much a map knows, as opacity; of a backbone's maps
AWAY = 2.3  # from one stack of sheets to the next


def show_response(
    axes: Any, image: Tensor, response: Tensor, title: str = "", highest: float = 1.0
) -> None:
    """Show an (H, W) map over a (3, H s, W s) image in grey: each cell of stride s, the higher the
    more orange; 0 is transparent, `highest` and more nearly opaque."""
    height, width = image.shape[-2:]
    show_image(axes, image.mean(0), title, limits=(-0.5, 1))
    strength = 0.8 * (response.detach() / highest).clamp(0, 1).numpy()
    axes.imshow(torch.ones_like(response).numpy(), cmap=WARM, vmin=0, vmax=1, alpha=strength,
                extent=(0, width, height, 0), interpolation="nearest")  # fmt: skip


def show_strides(image: Tensor, boxes: Tensor, strides: Sequence[int]) -> Figure:
    """A (3, H, W) image whose cells of each stride have their mean colour; under it, how many cells
    each of the (N, 4) boxes is wide and high."""
    figure, (row,) = new_figure(9, 3.9, 1, len(strides))
    height, width = image.shape[-2:]
    for axes, stride in zip(row, strides, strict=True):
        cells = avg_pool2d(image[None].float(), stride)[0]
        show_image(axes, cells / (255 if image.max() > 1 else 1), f"stride {stride}")
        axes.images[0].set_extent((0, width, height, 0))
        axes.set(xlim=(0, width), ylim=(height, 0))
        sides = (boxes[:, 2:] - boxes[:, :2]) / stride
        told = [f"{x:.1f} × {y:.1f} cells" for x, y in sides.tolist()]
        draw_boxes(axes, boxes, "marked", "ABCDEFGH")
        text = "\n".join(f"{name}: {size}" for name, size in zip("ABCDEFGH", told, strict=False))
        axes.text(0.5, -0.03, text, transform=axes.transAxes, ha="center", va="top")
    return figure


def draw_designs() -> Figure:
    """Four ways to see small and large: sheets are images (white) and maps, bluer the more they
    know; an orange arrow is a prediction."""
    figure, (row,) = new_figure(9, 1.85, 1, 4)
    for axes, design in zip(row, DESIGNS, strict=True):
        pyramid = design == "feature pyramid"
        for level, (size, up) in enumerate(SHEETS):
            _sheet(axes, 0, size, up, 0 if design == "image pyramid" else WEAK[level])
            if design == "image pyramid" or pyramid:
                _sheet(axes, AWAY, size, up, STRONG)
                _arrow(axes, (size / 2 + 0.25, up + 0.2), (AWAY - size / 2 - 0.05, up + 0.2))
            if level < 2 and design != "image pyramid":
                _arrow(axes, (0.1, up + 0.45), (0.1, SHEETS[level + 1][1] - 0.02))
            if level < 2 and pyramid:
                _arrow(axes, (AWAY + 0.1, SHEETS[level + 1][1] - 0.02), (AWAY + 0.1, up + 0.45))
            if level == 2 or design != "one deep map":
                x = size / 2 + 0.3 + AWAY * (design == "image pyramid" or pyramid)
                _arrow(axes, (x, up + 0.2), (x + 0.55, up + 0.2), "marked")
        axes.set(xlim=(-1.0, 3.9), ylim=(-0.1, 2.2), aspect="equal", title=design)
        axes.set_axis_off()
    return figure


def _sheet(axes: Any, x: float, size: float, up: float, opacity: float) -> None:
    """A map or, without opacity, an image, seen from the side."""
    left, right, lean, depth = x - size / 2, x + size / 2, 0.22 * size, 0.26 * size
    corners = ((left, up), (right, up), (right + lean, up + depth), (left + lean, up + depth))
    axes.add_patch(Polygon(corners, facecolor="white", edgecolor="black"))
    axes.add_patch(Polygon(corners, facecolor=COLOURS["kept"], alpha=opacity))


def _arrow(axes: Any, start: Sequence[float], end: Sequence[float], colour: str = "") -> None:
    axes.annotate("", end, start, arrowprops={
        "arrowstyle": "-|>", "color": COLOURS.get(colour, "black"), "shrinkA": 0, "shrinkB": 0,
        "linewidth": 2 if colour else 1})  # fmt: skip


def step_top_down(laterals: Sequence[Tensor], merged: Sequence[Tensor]) -> Steps:
    """The way down a pyramid of small (H, W) maps, fine to coarse: what comes from above, enlarged
    to the next map's size, plus the lateral map."""
    last = len(merged) - 1
    side = merged[0].shape[-1]
    captions = ["the coarsest map: nothing above it"] + [
        f"{merged[k].shape[0]} × {merged[k].shape[1]}: what came from above, enlarged, plus the "
        "lateral map" for k in range(last - 1, -1, -1)
    ]  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        level = last - i
        parts = {"lateral map": laterals[level], "sum": merged[level]}
        if i:
            parts = {"from above": merged[level + 1],
                     "enlarged": merged[level] - laterals[level]} | parts  # fmt: skip
        highest = max(float(one.max()) for one in merged)
        for ax, (name, values) in zip(axes[0][4 - len(parts) :], parts.items(), strict=True):
            stride = side / values.shape[1]
            show_cells(ax, values, name, stride, True, (0, highest), WARM)
        for ax in axes[0]:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)

    return Steps(captions, draw, 8.5, 2.7, 1, 4)


def step_levels(sides: Sequence[float], levels: Tensor, size: float) -> Steps:
    """A square grows: on the left over the cells of the level that it is read from, on the right
    how many cells it is wide there, and how many on the finest and the coarsest map.

    sides: rising, in pixels; levels: (S,) of each side, level k has cells of 2^k pixels; size: of
    the image.
    """
    strides = [2 ** int(level) for level in levels]
    widths = [side / stride for side, stride in zip(sides, strides, strict=True)]
    captions = [
        f"side {side:.3g}: level {int(level)}, stride {stride}, {width:.3g} cells wide"
        for side, level, stride, width in zip(sides, levels, strides, widths, strict=True)
    ]

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        lines = torch.arange(0, size + 1, strides[i])
        left.vlines(lines, 0, size, COLOURS["faint"], linewidth=0.5)
        left.hlines(lines, 0, size, COLOURS["faint"], linewidth=0.5)
        low, high = (size - sides[i]) / 2, (size + sides[i]) / 2
        draw_boxes(left, torch.tensor([[low, low, high, high]]), "kept", width=2.5)
        left.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="pixels")
        for stride in (min(strides), max(strides)):
            right.plot(sides, [side / stride for side in sides], "--", color=COLOURS["faint"])
            right.annotate(f"stride {stride} alone", (sides[-1], sides[-1] / stride), (4, 0),
                           textcoords="offset points", va="center", fontsize=8)  # fmt: skip
        right.plot(sides, widths, ".-", color=COLOURS["kept"])
        right.plot(sides[i], widths[i], "o", color=COLOURS["marked"], markersize=10)
        right.set_xscale("log", base=2)
        right.set_yscale("log", base=2)
        for axis in (right.xaxis, right.yaxis):
            axis.set_major_formatter("{x:g}")
        right.set(xlabel="side of the object, pixels", ylabel="cells wide")

    return Steps(captions, draw, 8.5, 3.7, 1, 2)


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
