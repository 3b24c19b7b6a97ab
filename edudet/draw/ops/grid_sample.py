"""Reading between pixels: the weights of one read point, and how the result changes with it."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import WARM
from edudet.draw.ops.affine_grid import draw_arrows, in_pixels, write_map
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, HouseFigure, bare
from edudet.ops.grid_sample import grid_sample
from edudet.ops.sampling_weights import sampling_weights

TWO_INKS = (torch.tensor([0.90, 0.62, 0.0]), torch.tensor([0.10, 0.38, 1.0]))  # add up to white
BLUES = LinearSegmentedColormap.from_list("blues", ["white", "#5b9bc4"])


def step_sampling(
    image: Tensor, grid: Tensor, pixels: Sequence[tuple[int, int]] = (), mode: str = "bilinear",
    padding_mode: str = "zeros", align_corners: bool = False,
) -> Steps:
    """Output pixel by output pixel: the point that it reads, the weights kappa, the weighted sum.

    image: (H, W), small; grid: (h, w, 2), normalised; pixels: (row, column) of the output to show,
    all of them in reading order if empty.
    """
    size, out = (image.shape[0], image.shape[1]), (grid.shape[0], grid.shape[1])
    chosen = list(pixels) or [(i, j) for i in range(out[0]) for j in range(out[1])]
    result = grid_sample(image[None, None].float(), grid[None], mode, padding_mode,
                         align_corners)[0, 0]  # fmt: skip
    points = in_pixels(grid, size, align_corners)
    kappas = [sampling_weights(grid[None], size, pixel, mode, padding_mode, align_corners)[0]
              for pixel in chosen]  # fmt: skip
    captions = [_sum_of(image, kappa, pixel, float(result[pixel]))
                for kappa, pixel in zip(kappas, chosen, strict=True)]  # fmt: skip
    limits = (float(image.min()), float(image.max()) * 2)
    view = _view([points[pixel] for pixel in chosen], size, out)

    def draw(axes: Any, k: int) -> None:
        before, weights, after = axes[0]
        write_map(before, image.float(), "input and read point", limits)
        write_map(weights, kappas[k], "× weights κ", (0, 1), WARM)
        for ax in (before, weights):
            _read_point(ax, *points[chosen[k]].tolist())
        _write_outputs(after, result, chosen[: k + 1], limits)
        for ax in axes[0]:
            ax.axis(view)

    return Steps(captions, draw, 9, 3.5, 1, 3)


def _write_outputs(axes: Any, result: Tensor, pixels: Sequence[tuple[int, int]],
                   limits: tuple[float, float]) -> None:  # fmt: skip
    """Only these pixels of the output, the last of them framed."""
    shown = torch.full_like(result, torch.nan)
    for pixel in pixels:
        shown[pixel] = result[pixel]
    write_map(axes, shown, "= output", limits)
    y, x = pixels[-1]
    frame = torch.tensor([[x + 0.04, y + 0.04, x + 0.96, y + 0.96]])
    draw_boxes(axes, frame, "marked", width=3)


def _view(points: Sequence[Tensor], *sizes: tuple[int, int]) -> list[float]:
    """Left, right, bottom, top of axes that hold maps of these sizes and pixels around points."""
    seen = torch.stack(list(points))
    low, high = (seen.amin(0) - 0.6).clamp(max=0), seen.amax(0) + 0.6
    for height, width in sizes:
        high = high.maximum(torch.tensor([width, height]))
    return [float(low[0]), float(high[0]), float(high[1]), float(low[1])]


def _sum_of(image: Tensor, kappa: Tensor, pixel: tuple[int, int], value: float) -> str:
    """'output (0, 0) = .5 · 1 + .5 · 6 = 3.5', without the weights that are 0."""
    counted = (kappa.abs() > 1e-5).nonzero().tolist()
    parts = [f"{_short(float(kappa[y, x]))} · {float(image[y, x]):g}" for y, x in counted]
    total = " + ".join(parts) if 0 < len(parts) <= 4 else "…" if parts else "nothing inside"
    return f"output ({pixel[0]}, {pixel[1]}) = {total} = {round(value, 4) + 0:g}"


def _short(number: float) -> str:
    return f"{round(number, 4):g}"


def _read_point(axes: Any, x: float, y: float) -> None:
    """A point and the square of one pixel around it: its parts are the bilinear weights."""
    square = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=to_rgba(COLOURS["kept"], 0.2),
                       edgecolor=COLOURS["kept"], linewidth=1.5)  # fmt: skip
    axes.add_patch(square)
    axes.plot(x, y, "o", color=COLOURS["kept"], markersize=6)


def show_kernel(point: tuple[float, float], size: tuple[int, int], mode: str = "bilinear"
                ) -> HouseFigure:  # fmt: skip
    """The weights of one point (x, y in pixels of an image of `size`), and above and beside them
    the two curves whose product they are."""
    figure = HouseFigure((6.4, 5.6))
    axes = figure.subplots(2, 2, width_ratios=(1, 2.6), height_ratios=(1, 2.6))
    (corner, above), (beside, cells) = axes
    corner.set_axis_off()
    height, width = size
    x, y = point
    grid = torch.tensor([[[[2 * x / width - 1, 2 * y / height - 1]]]])
    write_map(cells, sampling_weights(grid, size, (0, 0), mode)[0], "", (0, 1), WARM)
    _read_point(cells, x, y)
    cells.set_xlabel("x (pixels)")
    cells.set_aspect("auto")
    curve = kernel_curve(mode, 4)
    row, column = (sampling_weights(grid * keep, side, (0, 0), mode)[0].flatten()
                   for keep, side in ((torch.tensor([1.0, 0]), (1, width)),
                                      (torch.tensor([0.0, 1]), (height, 1))))  # fmt: skip
    _side(above, x, curve, row, False)
    _side(beside, y, curve, column, True)
    above.set_xlim(0, width)
    above.set_xticks(range(width + 1))
    beside.set_ylim(height, 0)
    beside.set_yticks(range(height + 1))
    above.set_title("weight of each column", fontsize=10)
    beside.set_ylabel("y (pixels)")
    beside.set_title("weight of each row", fontsize=10)
    return figure


def _side(axes: Any, at: float, curve: Tensor, weights: Tensor, upright: bool) -> None:
    centres = torch.arange(len(weights)) + 0.5
    along, high = curve[0] + at, curve[1]
    axes.plot(*((high, along) if upright else (along, high)), color=COLOURS["kept"])
    bars = axes.hlines if upright else axes.vlines
    bars(centres, 0, weights, color=COLOURS["marked"], linewidth=4)
    for centre, weight in zip(centres.tolist(), weights.tolist(), strict=True):
        if weight:
            axes.text(*((weight, centre) if upright else (centre, weight)), f" {_short(weight)}",
                      fontsize=9, va="center" if upright else "bottom")  # fmt: skip
    (axes.set_xlim if upright else axes.set_ylim)(min(0, float(curve[1].min()) - 0.05), 1.25)
    axes.tick_params(labelsize=8)
    bare(axes)


def kernel_curve(mode: str, reach: float = 2.25) -> Tensor:
    """(2, P): distances from a pixel's centre to the read point, and the weight that it gets."""
    distances = torch.linspace(-reach, reach, 151)  # none is 1/2, where a weight may jump
    grid = torch.stack([2 * (distances + 4.5) / 9 - 1, 0 * distances], -1)
    kappas = [sampling_weights(grid[None, None], (1, 9), (0, k), mode)[0, 0, 4]
              for k in range(len(distances))]  # fmt: skip
    return torch.stack([distances, torch.stack(kappas)])


def draw_kernel(axes: Any, mode: str) -> None:
    """Draw the weight that a pixel has at each distance, in one `mode` of MODES."""
    distances, weights = kernel_curve(mode).tolist()
    axes.axhline(0, color=COLOURS["faint"], linewidth=0.8)
    axes.fill_between(distances, weights, color=COLOURS["kept"], alpha=0.2)
    axes.plot(distances, weights, color=COLOURS["kept"])
    axes.set_ylim(-0.2, 1.1)
    axes.set_title(mode)
    axes.set_xlabel("distance (pixels)")
    axes.set_ylabel("weight")


def overlay(first: Tensor, second: Tensor) -> Tensor:
    """Two grey (H, W) images in one (3, H, W): grey where they agree, else orange where the first
    is brighter and blue where the second is."""
    return sum(ink[:, None, None] * image for ink, image in
               zip(TWO_INKS, (first, second), strict=True)).clamp(0, 1)  # type: ignore  # fmt: skip


def draw_descent(axes: Any, losses: Tensor, reach: float, path: Tensor, slope: Tensor) -> None:
    """Draw a way downhill on an (R, R) map of losses over shifts from -reach to reach, x along.

    path: (S, 2) shifts so far, the last one marked; slope: (2,) the gradient there, whose negative
    becomes an arrow.
    """
    axes.imshow(losses.numpy(), extent=(-reach, reach, reach, -reach), cmap=BLUES,
                interpolation="bilinear")  # fmt: skip
    ticks = torch.linspace(-reach, reach, losses.shape[1]).numpy()
    axes.contour(ticks, ticks, losses.numpy(), 8, colors="white", linewidths=0.8)
    axes.plot(*path.T.tolist(), ".-", color=COLOURS["kept"], linewidth=1.5, markersize=7)
    arrow = -slope / slope.norm().clamp(min=1e-12) * reach * 0.3
    draw_arrows(axes, path[-1:], path[-1:] + arrow, "marked", width=2.5)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(reach, -reach)
    axes.set_xlabel("shift in x (pixels)")
    axes.set_ylabel("shift in y (pixels)")
