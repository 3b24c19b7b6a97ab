"""Position-sensitive RoI pooling: a map for each part of an object, and the bins that ask them."""

import math
from typing import Any

import torch
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn.functional import pad

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import PALE, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.ps_roi_pool import ps_roi_pool

Bins = tuple[int, int]
MOST_WRITTEN = 64  # cells of a map whose values are written


def read_parts(maps: Tensor, box: Tensor, bins: Bins, stride: float = 1) -> tuple[Tensor, Tensor]:
    """What the bins of one box (4,) return, (rows, columns), and the cells of (B, H, W) maps that
    they read, (B, H, W) bool: those with a gradient. All cells may be read, the last ones too."""
    maps = maps.detach().clone().requires_grad_()
    parts = ps_roi_pool(pad(maps, (0, 1, 0, 1))[None], [box[None]], bins, 1 / stride)[0, 0]
    (gradient,) = torch.autograd.grad(parts.sum(), maps)
    return parts.detach(), gradient != 0


def show_parts(
    axes: Any, maps: Tensor, bins: Bins, box: Tensor, stride: float = 1, colours: Any = PALE,
    limits: tuple[float, float] | None = None,
) -> list[Tensor]:
    """Show the maps of one class, (rows * columns, H, W), each in the place of its bin, with the
    box (4,), xyxy in pixels, dashed. Small maps have their numbers written in.

    Returns:
        For each map the box, (4,), where it was drawn.
    """
    rows, columns = bins
    low, high = limits or (float(maps.min()), float(maps.max()))
    height, width = (side * stride for side in maps.shape[1:])
    gap = max(width, height) * 0.1
    drawn = []
    for k, cells in enumerate(maps):
        left, top = k % columns * (width + gap), k // columns * (height + gap)
        axes.imshow(cells.numpy(), cmap=colours, vmin=low, vmax=max(high, low + 1e-6),
                    extent=(left, left + width, top + height, top), interpolation="nearest",
                    )  # fmt: skip
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="#bbbbbb"))
        for y, row in enumerate(cells.tolist() if cells.numel() <= MOST_WRITTEN else []):
            for x, value in enumerate(row):
                axes.text(left + (x + 0.5) * stride, top + (y + 0.5) * stride, f"{value:g}",
                          ha="center", va="center", fontsize=8)  # fmt: skip
        drawn.append(box + torch.tensor([left, top, left, top]))
    draw_boxes(axes, torch.stack(drawn), "faint", dashed=True, width=1.4)
    axes.set_xlim(-gap / 2, columns * (width + gap) - gap / 2)
    axes.set_ylim(rows * (height + gap) - gap / 2, -gap / 2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return drawn


def bin_of(box: Tensor, bins: Bins, k: int) -> Tensor:
    """The k-th part of a box, (4,), before it is rounded to cells."""
    rows, columns = bins
    i, j = divmod(k, columns)
    corner, side = box[:2], (box[2:] - box[:2]) / torch.tensor([columns, rows])
    low = corner + side * torch.tensor([j, i])
    return torch.cat([low, low + side])


def step_ps_roi_pool(maps: Tensor, box: Tensor, bins: Bins, stride: float = 1) -> Steps:
    """Bin by bin, (rows, columns) of them, under one box (4,) in pixels, on the small maps of one
    class, (rows * columns, H, W); at last the vote, their mean."""
    parts, read = read_parts(maps, box, bins, stride)
    values, captions = parts.flatten().tolist(), []
    for k, (cells, found) in enumerate(zip(maps, read, strict=True)):
        numbers = [f"{value:g}" for value in cells[found].tolist()]
        mean = f"({' + '.join(numbers)}) / {len(numbers)} = {values[k]:.4g}" if numbers else "empty"
        captions.append(f"bin {[*divmod(k, bins[1])]} asks map {k} alone: {mean}")
    told = " + ".join(f"{value:.4g}" for value in values)
    captions.append(f"the vote: ({told}) / {len(values)} = {parts.mean():.4g}")
    limits = (float(maps.min()), float(maps.max()))

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        drawn = show_parts(left, maps, bins, box, stride)
        last = step == len(maps)
        for k in range(len(maps)) if last else [step]:
            draw_boxes(left, bin_of(drawn[k], bins, k)[None], "kept", width=2.6)
        left.set_title("maps, each in its bin's place")
        done = min(step + 1, len(values))
        shown = parts.flatten().where(torch.arange(len(values)) < done, math.nan).view(bins)
        show_cells(right, shown, "the parts, and their vote" if last else "the parts", 1, False,
                   limits)  # fmt: skip
        for k, value in enumerate(values[:done]):
            y, x = divmod(k, bins[1])
            right.text(x + 0.5, y + 0.5, f"{value:.4g}", ha="center", va="center")
        all_bins = torch.tensor([0.0, 0, bins[1], bins[0]])
        frames = torch.stack([bin_of(all_bins, bins, k) for k in range(len(values))])
        draw_boxes(right, frames, "faint", width=0.8)
        _frame(right, bins[1], bins[0], 0.3)

    return Steps(captions, draw, 6.4, 3.7, 1, 2)


def step_votes(maps: Tensor, boxes: Tensor, bins: Bins, stride: float = 1) -> Steps:
    """Each of (S, 4) boxes on the maps of one class, with what its bins find; beside them the sum
    of all maps: what a single map for the whole object would say."""
    whole = maps.sum(0)
    means = ps_roi_pool(pad(whole, (0, 1, 0, 1))[None, None], [boxes], 1, 1 / stride).flatten()
    parts = [read_parts(maps, box, bins, stride)[0] for box in boxes]
    captions = [
        f"{box[2] - box[0]:g} × {box[3] - box[1]:g} from ({box[0]:g}, {box[1]:g}): "
        f"{len(maps)} maps vote {found.mean():.3g}, one map says {mean:.3g}"
        for box, found, mean in zip(boxes, parts, means, strict=True)
    ]

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        drawn = show_parts(left, maps, bins, boxes[step], stride)
        for k, value in enumerate(parts[step].flatten().tolist()):
            chosen = bin_of(drawn[k], bins, k)
            draw_boxes(left, chosen[None], "kept", width=2.2)
            x, y = ((chosen[:2] + chosen[2:]) / 2).tolist()
            left.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=9, color="white",
                      bbox={"facecolor": COLOURS["kept"], "edgecolor": "none", "pad": 1.5},
                      )  # fmt: skip
        left.set_title(f"{len(maps)} maps: each bin asks its own")
        show_cells(right, whole, "one map for the whole object", stride, True)
        draw_boxes(right, boxes[step : step + 1], "second", [f"mean {means[step]:.3g}"], 2.6)
        height, width = (side * stride for side in whole.shape)
        draw_boxes(right, torch.tensor([[0.0, 0, width, height]]), "faint", width=0.8)
        _frame(right, width, height, 0.08 * width)

    return Steps(captions, draw, 6.4, 3.7, 1, 2)


def _frame(axes: Any, width: float, height: float, space: float) -> None:
    """All of a picture of this size, and some space around."""
    axes.set(xlim=(-space, width + space), ylim=(height + space, -space))
    axes.set_axis_off()
