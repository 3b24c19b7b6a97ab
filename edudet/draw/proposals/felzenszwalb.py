"""Regions: where they end, and how they grow from pixels, edge by edge."""

import colorsys
from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.collections import LineCollection
from torch import Tensor

from edudet.draw.boxes import show_image
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.proposals.felzenszwalb import NEIGHBOURS, _components

Edge = tuple[float, int, int]  # weight, pixel, pixel


def draw_regions(
    axes: Any, labels: Tensor, image: Tensor | None = None, title: str = "", width: float = 0.8
) -> None:
    """Show an (H, W) map of regions with a line around each.

    image: (C, H, W) uint8, or 0 to 1; every region is painted in its mean colour. Without it, every
    region has a colour of its own, which it keeps while others join it; single pixels are white.
    """
    _, index, sizes = labels.unique(return_inverse=True, return_counts=True)
    if image is None:
        flat = index.flatten().tolist()
        tints = torch.tensor([_tint(flat.index(i)) for i in range(len(sizes))])
        tints[sizes == 1] = 1.0
    else:
        colours = image.flatten(1).double() / (255 if image.dtype == torch.uint8 else 1)
        tints = torch.zeros(len(sizes), len(image), dtype=torch.float64)
        tints = tints.index_add(0, index.flatten(), colours.T) / sizes[:, None]
    show_image(axes, tints[index].movedim(-1, 0), title)
    axes.add_collection(LineCollection(_borders(labels), colors="black", linewidths=width))


def _tint(i: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb((0.56 + 0.618034 * i) % 1, 0.25 + 0.4 * (0.754878 * i % 1), 1.0)


def _borders(labels: Tensor) -> list[list[tuple[int, int]]]:
    """Sides of pixels, as (x, y) to (x, y), that lie between two regions."""
    across = (labels[:, 1:] != labels[:, :-1]).nonzero().tolist()
    down = (labels[1:] != labels[:-1]).nonzero().tolist()
    upright = [[(x + 1, y), (x + 1, y + 1)] for y, x in across]
    return upright + [[(x, y + 1), (x + 1, y + 1)] for y, x in down]


def outline(axes: Any, mask: Tensor, colour: str, width: float = 2.5) -> None:
    """Draw the border of an (H, W) mask, the image's own included."""
    padded = torch.nn.functional.pad(mask.int(), (1, 1, 1, 1))
    sides = [[(x - 1, y - 1) for x, y in side] for side in _borders(padded)]
    axes.add_collection(LineCollection(sides, colors=COLOURS[colour], linewidths=width))


def step_felzenszwalb(image: Tensor, scale: float) -> Steps:
    """Graph-based segmentation of a tiny (H, W) image, 0 to 255, edge by edge, lightest first.

    No smoothing, and small regions stay. Edges within a region decide nothing and are passed over.
    """
    edges = _edges(image)
    captions, states = _history(image, edges, scale)
    most = max([scale, *(edge[0] for edge in edges)]) * 1.4

    def draw(axes: Any, step: int) -> None:
        edge, labels, limits, joined, refused = states[step]
        left, right = axes[0]
        draw_regions(left, torch.tensor(labels).reshape(image.shape), width=1)
        groups = [(edges, "faint", 0.6), (refused, "dropped", 1.6), (joined, "kept", 3.0)]
        _draw_graph(left, image, groups, edge)
        _bars_of_limits(right, edge, limits, scale, most)

    return Steps(captions, draw, 8.5, 3.4, 1, 2)


def _history(image: Tensor, edges: Sequence[Edge], scale: float) -> tuple[list[str], list[Any]]:
    """Captions, and for each: the edge that is looked at, if any; every pixel's region after it;
    Int(C) and |C| of the two regions before; the edges that have joined; those that are borders."""
    joined: tuple[Edge, ...] = ()
    refused: tuple[Edge, ...] = ()
    labels = _after(image, edges[:0], scale)
    captions = [f"{image.numel()} pixels, each a region of its own; {len(edges)} edges wait"]
    states: list[Any] = [(None, labels, (), joined, refused)]
    for e, edge in enumerate(edges):
        weight, i, j = edge
        if labels[i] == labels[j]:
            continue
        limits = [_limit(labels, labels[k], joined) for k in (i, j)]
        after = _after(image, edges[: e + 1], scale)
        joins = after != labels
        joined, refused = ((*joined, edge), refused) if joins else (joined, (*refused, edge))
        heaviest, size = min(limits, key=lambda limit: limit[0] + scale / limit[1])
        compared = f"{weight:g} {'≤' if joins else '>'} {heaviest:g} + {scale:g}/{size}"
        captions.append(f"edge {e + 1}: {compared}: {'join' if joins else 'a border'}")
        labels = after
        states.append((edge, labels, limits, joined, refused))
    captions.append(f"no edge is left; regions: {max(labels) + 1}")
    return captions, [*states, (None, labels, (), joined, refused)]


def _draw_graph(axes: Any, image: Tensor, groups: list, now: Edge | None) -> None:
    """Pixels as circles with their values, edges between them; `now` is the edge that counts."""
    centres = [(k % image.shape[1] + 0.5, k // image.shape[1] + 0.5) for k in range(image.numel())]
    for edges, colour, width in groups + ([([now], "marked", 5.0)] if now else []):
        ends = [[centres[i], centres[j]] for _, i, j in edges]
        axes.add_collection(LineCollection(ends, colors=COLOURS[colour], linewidths=width))
    for k, value in enumerate(image.flatten().tolist()):
        x, y = centres[k]
        axes.text(x, y, f"{value:g}", ha="center", va="center", fontsize=9,
                  bbox={"boxstyle": "circle", "facecolor": "white", "pad": 0.25})  # fmt: skip
        if now and k in now[1:]:
            axes.text(x - 0.3, y - 0.3, "AB"[now[1:].index(k)], ha="center", va="center",
                      fontsize=11, fontweight="bold")  # fmt: skip


def _edges(image: Tensor) -> list[Edge]:
    """Lightest first; equal ones in the library's order."""
    height, width = image.shape
    values = image.flatten().tolist()
    edges = []
    for i in range(height * width):
        for down, right in NEIGHBOURS:
            if i // width + down < height and 0 <= i % width + right < width:
                j = i + down * width + right
                edges.append((abs(float(values[i]) - float(values[j])), i, j))
    return sorted(edges, key=lambda edge: edge[0])


def _after(image: Tensor, edges: Sequence[Edge], scale: float) -> list[int]:
    """Each pixel's region when these edges have been looked at."""
    weights, tails, heads = zip(*edges, strict=True) if edges else ((), (), ())
    return _components(image.numel(), weights, tails, heads, scale, 0)


def _limit(labels: list[int], region: int, joined: Sequence[Edge]) -> tuple[float, int]:
    """Int(C) and |C|."""
    within = [weight for weight, i, _ in joined if labels[i] == region]
    return max(within, default=0.0), labels.count(region)


def _bars_of_limits(axes: Any, edge: Any, limits: Any, scale: float, most: float) -> None:
    """The weight of an edge above what its two regions allow."""
    if edge is None:
        axes.set_axis_off()
        return
    names = ["weight"]
    axes.barh(0, edge[0], color=COLOURS["marked"], height=0.6)
    for row, (heaviest, size) in enumerate(limits, 1):
        axes.barh(row, heaviest, color=COLOURS["kept"], height=0.6)
        axes.barh(row, scale / size, left=heaviest, color=COLOURS["kept"], alpha=0.35, height=0.6)
        axes.text(heaviest + scale / size, row, f" {heaviest:g} + {scale:g}/{size}", va="center",
                  fontsize=9)  # fmt: skip
        names.append(f"limit of {'AB'[row - 1]}")
    axes.text(edge[0], 0, f" {edge[0]:g}", va="center", fontsize=9)
    axes.axvline(edge[0], color=COLOURS["marked"], linewidth=1, linestyle=":")
    axes.set_yticks(range(3), names, fontsize=9)
    axes.set_ylim(2.6, -0.6)
    axes.set_xlim(0, most)
    axes.set_xlabel("difference; dark: Int(C), light: k/|C|")
