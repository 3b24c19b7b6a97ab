"""Selective search: objects are regions, and regions are made by merging smaller ones.

Segment the image into many small regions (`felzenszwalb`). Merge the two most similar neighbours;
repeat until one region is left. The box around every region that existed on the way is a proposal:
objects of all sizes, from one hierarchy. No single way of measuring similarity suits all images, so
the same is done in several colour spaces, from finer and coarser segmentations, with different
similarities, and the boxes are pooled. Uijlings, van de Sande, Gevers and Smeulders, 2013.

    selective_search_loop     regions in a dictionary, neighbours in sets, pairs in a heap
    selective_search_native   C++: the same, with the histograms in one array

Both give the same boxes, to the bit, and the same merges.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from edudet import check, native
from edudet.proposals.colour_spaces import check_space, to_colour_space
from edudet.proposals.felzenszwalb import (
    MOST_PIXELS,
    NEIGHBOURS,
    felzenszwalb_vectorized,
    gaussian_taps,
)
from edudet.proposals.region_similarity import SIMILARITIES, region_similarity, regions_of

ALL, WITHOUT_COLOUR = SIMILARITIES, ("texture", "size", "fill")
MODES: dict[str, dict[str, Any]] = {  # the paper's table 6
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
class MergeTree:
    """One hierarchy of regions: R regions at first, 2R - 1 with all that are merged from them."""

    colour_space: str
    scale: float
    similarities: tuple[str, ...]
    labels: Tensor          # (H, W) int64: the first segmentation, regions 0 to R - 1
    merges: Tensor          # (R - 1, 2) int64: step t makes region R + t of merges[t]
    similarity: Tensor      # (R - 1,) float64: of the two that are merged
    sizes: Tensor           # (2R - 1,) int64: pixels of every region
    boxes: Tensor           # (2R - 1, 4) float32: xyxy

    def labels_after(self, num_merges: int) -> Tensor:
        """The (H, W) map of regions when `num_merges` pairs have been merged; 0 is `labels`."""
        check.is_int("labels_after", num_merges=num_merges)
        if not 0 <= num_merges <= len(self.merges):
            raise ValueError(
                f"labels_after: num_merges must lie in [0, {len(self.merges)}], got {num_merges}"
            )
        first = len(self.merges) + 1
        region = torch.arange(first + num_merges)
        for t in reversed(range(num_merges)):               # from the root down to the leaves
            region[self.merges[t]] = region[first + t].clone()
        return region[self.labels] if self.labels.numel() else self.labels


@dataclass(frozen=True)
class RegionProposals:
    """What selective search returns: boxes in order of priority, and where they come from."""

    boxes: Tensor                       # (N, 4) float32: xyxy
    sources: Tensor                     # (N, 2) int64: which tree, which of its regions
    trees: tuple[MergeTree, ...]        # one for each strategy


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
        RegionProposals: `boxes` (N, 4) float32 xyxy, best first; `sources`; `trees`. All on the
        CPU. No two boxes are equal.

    A tree's last region, the whole image, has place 1, the one before it 2, and so on. A box's
    priority is its place times a random number between 0 and 1: large regions first, but not all
    of them before all small ones. A box found more than once keeps its best priority. Of equally
    similar pairs, the one with the lower region numbers is merged first. Regions are neighbours if
    they touch at a side or a corner.

    Gradient:
        None: boxes are corners of pixels.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: shape or dtype of the image, or an option, do not fit; more than 2^25 pixels.
    """
    image = check.image("selective_search", image, (torch.uint8,), gray=False).cpu()
    probe = torch.empty(0)
    missing = native.obstacle("selective_search", probe) or native.obstacle("felzenszwalb", probe)
    form = selective_search_loop if missing else selective_search_native
    return form(
        image, mode, colour_spaces=colour_spaces, scales=scales, similarities=similarities,
        sigma=sigma, min_size=min_size, min_box_size=min_box_size, seed=seed, progress=progress,
    )


def selective_search_loop(image: Any, mode: str = "fast", **options: Any) -> RegionProposals:
    return _search(image, mode, _segment_vectorized, _group_loop, **options)


def selective_search_native(image: Any, mode: str = "fast", **options: Any) -> RegionProposals:
    native.require("selective_search", torch.empty(0))
    return _search(image, mode, _segment_native, _group_native, **options)


def _search(
    image: Any, mode: str, segment: Callable, group: Callable, *, sigma: float = 0.8,
    min_size: int | None = None, min_box_size: float = 0, seed: int = 0, progress: bool = False,
    **replaced: Any,
) -> RegionProposals:
    image = check.image("selective_search", image, (torch.uint8,), gray=False)
    colour_spaces, scales, similarities = _strategies(mode, **replaced)
    _check_options(image, sigma, min_size, min_box_size, seed, progress)
    if image.numel() == 0:
        return RegionProposals(torch.empty(0, 4), torch.empty(0, 2, dtype=torch.int64), ())
    trees = []
    starts = [(space, scale) for space in colour_spaces for scale in scales]
    maps: list[Tensor] = []
    for space, scale in track(
        starts, "selective search", console=Console(stderr=True), disable=not progress
    ):
        if not maps:
            planes = to_colour_space(image, space)
            least = [int(k) if min_size is None else min_size for k in scales]
            maps = segment(planes, scales, sigma, least)
        labels = maps.pop(0)
        for kinds, grouped in zip(similarities, group(labels, planes, similarities), strict=True):
            trees.append(MergeTree(space, scale, kinds, labels, *grouped))
    return RegionProposals(*_pooled(trees, min_box_size, seed), tuple(trees))


def _strategies(mode: str, **replaced: Any) -> tuple[tuple, tuple, tuple]:
    function = "selective_search"
    if mode not in MODES:
        raise ValueError(f"{function}: mode must be one of {', '.join(MODES)}, got {mode!r}")
    chosen = {name: MODES[mode][name] if value is None else value for name, value in {
        **dict.fromkeys(MODES[mode]), **replaced}.items()}
    for name, value in chosen.items():
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise TypeError(f"{function}: {name} must be a list with something in it, got {value!r}")
    for space in chosen["colour_spaces"]:
        check_space(function, space)
    for scale in chosen["scales"]:
        check.not_negative(function, scales=scale)
    for kinds in chosen["similarities"]:
        unknown = isinstance(kinds, str) or not kinds or set(kinds) - set(SIMILARITIES)
        if unknown:
            raise ValueError(
                f"{function}: similarities must be sets of {', '.join(SIMILARITIES)}, got {kinds!r}"
            )
    sets = tuple(tuple(k for k in SIMILARITIES if k in kinds) for kinds in chosen["similarities"])
    return tuple(chosen["colour_spaces"]), tuple(chosen["scales"]), sets


def _check_options(image, sigma, min_size, min_box_size, seed, progress) -> None:
    function = "selective_search"
    check.not_negative(function, sigma=sigma, min_box_size=min_box_size)
    if sigma > 1000:
        raise ValueError(f"{function}: sigma must be at most 1000, got {sigma}")
    if min_size is not None:
        check.is_int(function, min_size=min_size)
        check.not_negative(function, min_size=min_size)
    check.is_int(function, seed=seed)
    check.is_bool(function, progress=progress)
    if image.shape[0] * image.shape[1] > MOST_PIXELS:
        raise ValueError(
            f"{function}: image must have at most {MOST_PIXELS} pixels, got "
            f"{image.shape[0]} x {image.shape[1]}"
        )


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
    name = ((x1 * side + y1) * side + x2) * side + y2 if side < 2**15 else boxes[order].numpy()
    _, first = np.unique(name, axis=0, return_index=True)
    order = order[np.sort(first)]
    return boxes[order], sources[order]


def _segment_vectorized(planes, scales, sigma, min_sizes) -> list[Tensor]:
    image = planes.permute(1, 2, 0).squeeze(2)
    return [
        felzenszwalb_vectorized(image, scale, sigma, min_size)
        for scale, min_size in zip(scales, min_sizes, strict=True)
    ]


def _segment_native(planes, scales, sigma, min_sizes) -> list[Tensor]:
    scales, min_sizes = [float(k) for k in scales], [min(m, MOST_PIXELS) for m in min_sizes]
    arguments = planes.float(), gaussian_taps(sigma), scales, min_sizes
    return list(native.call("felzenszwalb", "selective_search", *arguments))


def _group_loop(labels: Tensor, planes: Tensor, similarities: tuple) -> Iterator[tuple]:
    """Yield (merges, similarity, sizes, boxes) for each set of similarities."""
    leaves = regions_of(labels, planes)
    for kinds in similarities:
        regions = dict(enumerate(leaves))
        made = list(leaves)                                 # every region there ever was
        neighbours = _neighbours(labels)
        pairs = [(a, b) for a in neighbours for b in neighbours[a] if a < b]
        heap = [(-region_similarity(regions[a], regions[b], labels.numel(), kinds), a, b)
                for a, b in pairs]
        heapq.heapify(heap)
        merges, similarity = [], []
        while len(regions) > 1:
            negative, a, b = heapq.heappop(heap)
            if a not in regions or b not in regions:        # merged in the meantime
                continue
            merges.append((a, b))
            similarity.append(-negative)
            joined = len(made)
            made.append(regions.pop(a).merged(regions.pop(b)))
            around = (neighbours.pop(a) | neighbours.pop(b)) - {a, b}
            for i in around:
                neighbours[i] = neighbours[i] - {a, b} | {joined}
                alike = region_similarity(regions[i], made[joined], labels.numel(), kinds)
                heapq.heappush(heap, (-alike, i, joined))
            regions[joined], neighbours[joined] = made[joined], around
        yield (
            torch.tensor(merges, dtype=torch.int64).reshape(-1, 2),
            torch.tensor(similarity, dtype=torch.float64),
            torch.tensor([region.size for region in made]),
            torch.tensor([region.box for region in made], dtype=torch.float32),
        )


def _neighbours(labels: Tensor) -> dict[int, set[int]]:
    """Which regions touch which."""
    rows = labels.tolist()
    height, width = labels.shape
    touching: dict[int, set[int]] = {a: set() for a in range(int(labels.max()) + 1)}
    for y, x in itertools.product(range(height), range(width)):
        for down, right in NEIGHBOURS:
            if y + down < height and 0 <= x + right < width:
                a, b = rows[y][x], rows[y + down][x + right]
                if a != b:
                    touching[a].add(b)
                    touching[b].add(a)
    return touching


def _group_native(labels: Tensor, planes: Tensor, similarities: tuple) -> Iterator[tuple]:
    masks = [sum(1 << SIMILARITIES.index(k) for k in kinds) for kinds in similarities]
    arguments = labels, planes, gaussian_taps(1.0), masks
    results = native.call("selective_search", "selective_search", *arguments)
    return zip(*results, strict=True)


def _fake(labels, planes, taps, masks):
    regions = torch.library.get_ctx().new_dynamic_size()
    merges = labels.new_empty(len(masks), regions - 1, 2)
    similarity = labels.new_empty(len(masks), regions - 1, dtype=torch.float64)
    sizes = labels.new_empty(len(masks), 2 * regions - 1)
    boxes = labels.new_empty(len(masks), 2 * regions - 1, 4, dtype=torch.float32)
    return merges, similarity, sizes, boxes


native.register("selective_search", fake=_fake, returns_indices=True)

IMPLEMENTATIONS = {"loop": selective_search_loop, "native": selective_search_native}
