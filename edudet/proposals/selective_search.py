"""Selective search: objects are regions, and regions are made by merging smaller ones.

Segment the image into many small regions (`felzenszwalb`). Merge the two most similar neighbours;
repeat until one region is left (`merge_regions`). The box around every region that existed on the
way is a proposal: objects of all sizes, from one hierarchy. No single way of measuring similarity
suits all images, so the same is done in several colour spaces, from finer and coarser
segmentations, with different similarities, and the boxes are pooled. Uijlings, van de Sande, Gevers
and Smeulders, 2013.

    selective_search_loop     segments and merges in Python
    selective_search_native   in C++; the same boxes, to the bit
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edudet import check, native
from edudet.progress import track
from edudet.proposals.colour_spaces import check_space, to_colour_space
from edudet.proposals.felzenszwalb import (
    check_parameters,
    felzenszwalb_vectorized,
    segment_planes,
)
from edudet.proposals.merge_regions import (
    MergeTree,
    check_similarities,
    merge_regions_loop,
    merge_regions_native,
)
from edudet.proposals.region_similarity import SIMILARITIES

ALL, WITHOUT_COLOUR = SIMILARITIES, ("texture", "size", "fill")
MODES: dict[str, dict[str, Any]] = {  # the three of the paper
    "single": {"colour_spaces": ("hsv",), "scales": (100,), "similarities": (ALL,)},
    "fast": {
        "colour_spaces": ("hsv", "lab"), "scales": (50, 100),
        "similarities": (ALL, WITHOUT_COLOUR),
    },
    "quality": {
        "colour_spaces": ("hsv", "lab", "rgI", "H", "gray"), "scales": (50, 100, 150, 300),
        "similarities": (ALL, WITHOUT_COLOUR, ("fill",), ("size",)),
    },
}


@dataclass(frozen=True)
class Strategy:
    """One way of looking: where the regions come from and what makes two of them alike."""

    colour_space: str
    scale: float
    similarities: tuple[str, ...]


@dataclass(frozen=True)
class RegionProposals:
    """What selective search returns: boxes in order of priority, and how they came about."""

    boxes: Tensor                       # (N, 4) float32: xyxy
    sources: Tensor                     # (N, 2) int64: which tree, which of its regions
    trees: tuple[MergeTree, ...]        # the hierarchies, one for each strategy
    strategies: tuple[Strategy, ...]


def selective_search(
    image: Any, mode: str = "fast", *, colour_spaces: Sequence[str] | None = None,
    scales: Sequence[float] | None = None, similarities: Sequence[Sequence[str]] | None = None,
    sigma: float = 0.8, min_size: int | None = None, min_box_size: float = 0, seed: int = 0,
    progress: bool = False,
) -> RegionProposals:
    """Return boxes that are likely to hold an object of any class, and how they came about.

    Args:
        image: (H, W, 3) uint8 in RGB, array or tensor.
        mode: "single", "fast" or "quality": 1, 8 or 80 strategies. A strategy is a colour space, a
            scale and a set of similarities; the next three arguments replace those of the mode.
        colour_spaces: of those in `to_colour_space`.
        scales: of the first segmentation, see `felzenszwalb`.
        similarities: sets of "colour", "texture", "size", "fill", which are added.
        sigma, min_size: of the first segmentation; the least size is its scale by default.
        min_box_size: boxes with a side shorter than this are left out.
        seed: of the random numbers that the order depends on.
        progress: shows a bar on the error stream.

    Returns:
        RegionProposals: `boxes` (N, 4) float32 xyxy, best first, no two of them equal; `sources`,
        `trees`, `strategies`. All on the CPU.

    A tree's last region, the whole image, has place 1, the one before it 2, and so on. A box's
    priority is its place times a random number between 0 and 1: large regions first, but not all
    of them before all small ones. A box found more than once keeps its best priority. A long call
    can be interrupted whenever a segmentation has been merged to the end.

    Gradient:
        None: boxes are corners of pixels.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shape or dtype of the image, or an option, do not fit; more than 2^25 pixels.
    """
    image = check.image("selective_search", image, (torch.uint8,), gray=False).cpu()
    cpu = torch.empty(0)
    missing = native.obstacle("felzenszwalb", cpu) or native.obstacle("merge_regions", cpu)
    form = selective_search_loop if missing else selective_search_native
    return form(
        image, mode, colour_spaces=colour_spaces, scales=scales, similarities=similarities,
        sigma=sigma, min_size=min_size, min_box_size=min_box_size, seed=seed, progress=progress,
    )


def selective_search_loop(image: Any, mode: str = "fast", **options: Any) -> RegionProposals:
    return _search(image, mode, _segment_vectorized, merge_regions_loop, **options)


def selective_search_native(image: Any, mode: str = "fast", **options: Any) -> RegionProposals:
    native.require("merge_regions", torch.empty(0))
    return _search(image, mode, segment_planes, merge_regions_native, **options)


def _search(
    image: Any, mode: str, segment: Callable, merge: Callable, *, sigma: float = 0.8,
    min_size: int | None = None, min_box_size: float = 0, seed: int = 0, progress: bool = False,
    **replaced: Any,
) -> RegionProposals:
    image = check.image("selective_search", image, (torch.uint8,), gray=False)
    colour_spaces, scales, similarities = _strategies(mode, **replaced)
    _check_options(image, scales, sigma, min_size, min_box_size, seed, progress)
    if image.numel() == 0:
        return RegionProposals(torch.empty(0, 4), torch.empty(0, 2, dtype=torch.int64), (), ())
    trees: list[MergeTree] = []
    strategies = []
    starts = [(space, scale) for space in colour_spaces for scale in scales]
    for space, scale in track(starts, "selective search", shown=progress, stream=sys.stderr):
        if scale == scales[0]:
            planes = to_colour_space(image, space)
            least = [int(k) if min_size is None else min_size for k in scales]
            maps = dict(zip(scales, segment(planes, scales, sigma, least), strict=True))
        trees += merge(maps[scale], planes, similarities)
        strategies += [Strategy(space, scale, kinds) for kinds in similarities]
    return RegionProposals(*_pooled(trees, min_box_size, seed), tuple(trees), tuple(strategies))


def _strategies(mode: str, **replaced: Any) -> tuple[tuple, tuple, tuple]:
    """The mode's colour spaces, scales and similarities, or what replaces them."""
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"selective_search: mode must be one of {', '.join(MODES)}, got {mode!r}")
    chosen = []
    for name, default in MODES[mode].items():
        value = default if replaced.get(name) is None else replaced[name]
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise TypeError(
                f"selective_search: {name} must be a list with something in it, got {value!r}"
            )
        chosen.append(tuple(value))
    colour_spaces, scales, similarities = chosen
    for space in colour_spaces:
        check_space("selective_search", space)
    check_similarities("selective_search", similarities)
    ordered = tuple(tuple(k for k in SIMILARITIES if k in kinds) for kinds in similarities)
    return colour_spaces, scales, ordered


def _check_options(image, scales, sigma, min_size, min_box_size, seed, progress) -> None:
    function = "selective_search"
    for scale in scales:
        check_parameters(function, image, scale, sigma, 0 if min_size is None else min_size)
    check.not_negative(function, min_box_size=min_box_size)
    check.is_int(function, seed=seed)
    if not 0 <= seed < 2**63:
        raise ValueError(f"{function}: seed must lie in [0, 2^63), got {seed}")
    check.is_bool(function, progress=progress)


def _pooled(trees: list[MergeTree], min_box_size: float, seed: int) -> tuple[Tensor, Tensor]:
    """Boxes of all trees in order of priority, each once; and where each comes from."""
    counts = [len(tree.sizes) for tree in trees]
    boxes = torch.cat([tree.boxes for tree in trees])
    sources = torch.tensor([[i, region] for i, n in enumerate(counts) for region in range(n)])
    places = torch.cat([torch.arange(n, 0, -1) for n in counts])
    random = torch.rand(
        len(places), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    order = (places * random).argsort(stable=True)
    large = (boxes[:, 2:] - boxes[:, :2]).amin(1) >= min_box_size
    order = order[large[order]]
    x1, y1, x2, y2 = boxes[order].long().T
    side = 1 + boxes.max().long()
    # One number for a box is compared faster than four, where 60 bits can hold it.
    name = ((x1 * side + y1) * side + x2) * side + y2 if side < 2**15 else boxes[order]
    _, first = np.unique(name.numpy(), axis=0, return_index=True)
    order = order[np.sort(first)]
    return boxes[order], sources[order]


def _segment_vectorized(planes, scales, sigma, min_sizes) -> list[Tensor]:
    image = planes.permute(1, 2, 0).squeeze(2)
    return [
        felzenszwalb_vectorized(image, scale, sigma, min_size)
        for scale, min_size in zip(scales, min_sizes, strict=True)
    ]


IMPLEMENTATIONS = {"loop": selective_search_loop, "native": selective_search_native}
