"""Warped images: from each pixel of the output an arrow to where it reads the input.

Everything lies in the house's coordinates: pixel 0 covers [0, 1), its centre is 0.5.
"""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.patches import FancyArrowPatch
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.grids import PALE, show_cells
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, HouseFigure, new_figure
from edudet.ops.affine_grid import affine_grid
from edudet.ops.grid_sample import grid_sample

FEW = 8       # pixels on a side that have room for an arrow and a number each
STILL = 0.02  # pixels: a shorter arrow is a dot


def in_pixels(points: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    """Normalised (..., 2) points x, y as pixels of an image of `size` (height, width)."""
    sides = points.new_tensor([size[1], size[0]])
    if align_corners:
        return (points + 1) / 2 * (sides - 1) + 0.5
    return (points + 1) / 2 * sides


def pixel_middles(size: tuple[int, int]) -> Tensor:
    """(height, width, 2): x, y of the centre of each pixel."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    return torch.stack([x, y], -1) + 0.5


def draw_arrows(axes: Any, tails: Tensor, heads: Tensor, colour: str = "kept",
                width: float = 1.2) -> None:  # fmt: skip
    """Draw an arrow from each of (N, 2) points to its partner; one that has no length is a dot."""
    for tail, head in zip(tails.tolist(), heads.tolist(), strict=True):
        axes.plot(*tail, ".", color=COLOURS[colour], markersize=5)
        if max(abs(a - b) for a, b in zip(tail, head, strict=True)) < STILL:
            continue
        axes.add_patch(FancyArrowPatch(tail, head, arrowstyle="-|>", mutation_scale=9,
                                       shrinkA=0, shrinkB=0, linewidth=width,
                                       color=COLOURS[colour]))  # fmt: skip


def draw_reading(axes: Any, grid: Tensor, size: tuple[int, int], align_corners: bool = False,
                 title: str = "") -> None:  # fmt: skip
    """Draw arrows from the output's pixels to where the (h, w, 2) grid reads an image of `size`.

    The cells are the image's; arrows that leave it, and so read the padding, are vermilion.
    """
    heads = in_pixels(grid.detach(), size, align_corners)
    tails = pixel_middles((grid.shape[0], grid.shape[1]))
    show_cells(axes, torch.ones(size), title, limits=(0, 3))
    outside = ((heads < 0) | (heads > heads.new_tensor([size[1], size[0]]))).any(-1)
    draw_arrows(axes, tails[~outside], heads[~outside], "kept")
    draw_arrows(axes, tails[outside], heads[outside], "dropped")
    both = torch.cat([tails.flatten(0, 1), heads.flatten(0, 1), tails.new_tensor([size[::-1]])])
    low, high = both.amin(0).clamp(max=0) - 0.3, both.amax(0) + 0.3
    axes.set_xticks(range(size[1] + 1))
    axes.set_yticks(range(size[0] + 1))
    axes.set_xlim(float(low[0]), float(high[0]))
    axes.set_ylim(float(high[1]), float(low[1]))
    axes.set_xlabel("x (pixels)")
    axes.set_ylabel("y (pixels)")


def write_map(axes: Any, cells: Tensor, title: str = "",
              limits: tuple[float, float] | None = None, colours: Any = PALE) -> None:  # fmt: skip
    """Show a small (H, W) map with its numbers, rounded to thousandths; NaN stays empty."""
    show_cells(axes, cells.detach(), title, limits=limits, colours=colours)
    for y, row in enumerate(cells.tolist()):
        for x, value in enumerate(row):
            if value == value:
                axes.text(x + 0.5, y + 0.5, f"{round(value, 3) + 0:g}", ha="center", va="center",
                          fontsize=8.5, bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.6,
                                            "edgecolor": "none"})  # fmt: skip
    axes.set_xticks(range(cells.shape[1] + 1))
    axes.set_yticks(range(cells.shape[0] + 1))


def draw_mesh(axes: Any, grid: Tensor, size: tuple[int, int], align_corners: bool = False,
              lines: int = 9) -> None:  # fmt: skip
    """Draw some rows and columns of a (h, w, 2) grid where they read an image of `size`; the corner
    that becomes the output's top left is orange."""
    points = in_pixels(grid.detach(), size, align_corners)
    rows = torch.linspace(0, grid.shape[0] - 1, lines).round().long()
    columns = torch.linspace(0, grid.shape[1] - 1, lines).round().long()
    for k, line in enumerate([*points[rows], *points[:, columns].transpose(0, 1)]):
        border = k % lines in (0, lines - 1)
        axes.plot(*line.T.tolist(), color=COLOURS["kept"], linewidth=2 if border else 0.7)
    _mark(axes, *points[0, 0].tolist())
    low, high = points.amin((0, 1)).tolist(), points.amax((0, 1)).tolist()
    axes.set_xlim(min(low[0] - 3, 0), max(high[0] + 3, size[1]))
    axes.set_ylim(max(high[1] + 3, size[0]), min(low[1] - 3, 0))


def _mark(axes: Any, x: float, y: float, space: float = 0) -> None:
    axes.plot(x, y, "o", color=COLOURS["marked"], markersize=8, clip_on=False)
    if space:
        axes.set_xlim(left=min(axes.get_xlim()[0], x - space))
        axes.set_ylim(top=min(axes.get_ylim()[1], y - space))


def step_warps(
    image: Tensor, thetas: Mapping[str, Tensor], align_corners: bool = False,
    output_size: tuple[int, int] | None = None, padding_mode: str = "zeros",
    mark: tuple[float, float] | None = None,
) -> Steps:
    """An image under named maps: where the output's pixels read, and what they get.

    image: (H, W) of at most FEW pixels on a side is shown with numbers and arrows; a photo (C, H,
    W) with a mesh; thetas: caption -> (2, 3); output_size: (height, width), as the image's if None;
    mark: x, y of a point to show among the arrows.
    """
    size = (image.shape[-2], image.shape[-1])
    pixels, asked = image.reshape(1, -1, *size).float(), (1, 1, *(output_size or size))
    grids = [affine_grid(theta[None].float(), asked, align_corners) for theta in thetas.values()]
    warped = [grid_sample(pixels, grid, "bilinear", padding_mode, align_corners)[0]
              for grid in grids]  # fmt: skip
    if max(*size, *asked) > FEW:
        shown = [out.reshape(*image.shape[:-2], *asked[2:]) for out in warped]
        return _step_photo(image, list(thetas), grids, shown, align_corners)
    limits = (float(image.min()), float(image.max()) * 2)

    def draw(axes: Any, i: int) -> None:
        before, arrows, after = axes[0]
        write_map(before, image.float(), "input", limits)
        draw_reading(arrows, grids[i][0], size, align_corners, "where to read")
        write_map(after, warped[i][0], "output", limits)
        if mark:
            _mark(arrows, *mark, space=0.4)

    return Steps(list(thetas), draw, 9, 4, 1, 3)


def _step_photo(image: Tensor, captions: list[str], grids: list[Tensor], warped: list[Tensor],
                align_corners: bool) -> Steps:  # fmt: skip
    def draw(axes: Any, i: int) -> None:
        before, after = axes[0]
        show_image(before, image, "where to read")
        draw_mesh(before, grids[i][0], (image.shape[-2], image.shape[-1]), align_corners)
        show_image(after, warped[i].clamp(0, 1), "output")
        _mark(after, 0, 0)

    return Steps(captions, draw, 8.5, 3.6, 1, 2)


def show_holes(theta: Tensor, size: tuple[int, int]) -> HouseFigure:
    """Left: input pixels are pushed where the map's inverse says; framed cells get none. Right:
    output pixels fetch. theta: (2, 3), of an image of `size`."""
    figure, (axes,) = new_figure(8, 4.2, 1, 2)
    square = torch.cat([theta.float(), torch.tensor([[0.0, 0, 1]])])
    inverse = torch.linalg.inv(square)[None, :2]
    heads = in_pixels(affine_grid(inverse, (1, 1, *size), False)[0], size)
    hit = torch.zeros(size, dtype=torch.bool)
    for x, y in heads.flatten(0, 1).floor().long().tolist():
        if 0 <= x < size[1] and 0 <= y < size[0]:
            hit[y, x] = True
    draw_reading(axes[0], affine_grid(inverse, (1, 1, *size), False)[0], size)
    for y, x in (~hit).nonzero().tolist():
        draw_boxes(axes[0], torch.tensor([[x + 0.1, y + 0.1, x + 0.9, y + 0.9]]), "dropped")
    holes = int((~hit).sum())
    axes[0].set_title(f"pushed: {holes} of {hit.numel()} cells get nothing")
    draw_reading(axes[1], affine_grid(theta[None].float(), (1, 1, *size), False)[0], size)
    axes[1].set_title("fetched: every cell gets a value")
    return figure  # type: ignore[return-value]
