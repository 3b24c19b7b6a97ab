"""Merge the two most similar neighbours, again and again, until one region is left.

What selective search does between a segmentation and its boxes (Uijlings et al., 2013): a greedy
hierarchy. How alike two regions are: `region_similarity`.

    merge_regions_loop     regions in a dictionary, neighbours in sets, pairs in a heap
    merge_regions_native   C++: the same, with the histograms in one array

Both give the same similarities, to the bit, and so the same merges.
"""

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edudet import check, native
from edudet.proposals.felzenszwalb import MOST_PIXELS, NEIGHBOURS, gaussian_taps
from edudet.proposals.region_similarity import (
    SIMILARITIES,
    Region,
    region_similarity,
    regions_of,
)


@dataclass(frozen=True)
class MergeTree:
    """One hierarchy of regions: R regions at first, 2R - 1 with all that are merged from them."""

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
        return region[self.labels]



def merge_regions(
    labels: Tensor, planes: Tensor, similarities: Sequence[Sequence[str]] = (SIMILARITIES,)
) -> list[MergeTree]:
    """Return a hierarchy of regions for each set of similarities.

    Args:
        labels: (H, W) int64; regions 0, 1, ... R - 1, as `felzenszwalb` gives them.
        planes: (C, H, W) uint8, the image as `to_colour_space` gives it.
        similarities: sets of "colour", "texture", "size", "fill", which are added.

    Returns:
        A MergeTree for each set, on the CPU. Regions are neighbours if they touch at a side or a
        corner. Of equally similar pairs, the one with the lower first number is merged first, and
        of these the one with the lower second number.

    Gradient:
        None: labels are integers.

    Raises:
        TypeError: labels or planes are not tensors.
        ValueError: shapes or dtypes do not fit; no pixels, or more than 2^25; a number is left out
            in `labels`; a similarity is unknown.
    """
    check.is_tensor("merge_regions", labels=labels, planes=planes)
    check.dtype("merge_regions", (torch.int64,), labels=labels)
    check.dtype("merge_regions", (torch.uint8,), planes=planes)
    if labels.ndim != 2 or not 0 < labels.numel() <= MOST_PIXELS:
        raise ValueError(
            f"merge_regions: labels must have shape (H, W) and 1 to {MOST_PIXELS} pixels, "
            f"got {tuple(labels.shape)}"
        )
    if planes.ndim != 3 or planes.shape[0] == 0 or planes.shape[1:] != labels.shape:
        raise ValueError(
            f"merge_regions: planes must have shape (C, H, W) with the H and W of labels, "
            f"{tuple(labels.shape)}, got {tuple(planes.shape)}"
        )
    check_similarities("merge_regions", similarities)
    labels, planes = labels.cpu(), planes.cpu()
    form = merge_regions_native
    if native.obstacle("merge_regions", labels):
        form = merge_regions_loop
    return form(labels, planes, similarities)


def check_similarities(function: str, similarities: Iterable[Sequence[str]]) -> None:
    for kinds in similarities:
        listed = isinstance(kinds, (tuple, list, set, frozenset))
        if not listed or not kinds or not all(kind in SIMILARITIES for kind in kinds):
            raise ValueError(
                f"{function}: similarities must be sets of {', '.join(SIMILARITIES)}, got {kinds!r}"
            )


def merge_regions_loop(
    labels: Tensor, planes: Tensor, similarities: Sequence[Sequence[str]] = (SIMILARITIES,)
) -> list[MergeTree]:
    if not torch.equal(labels.unique(), torch.arange(int(labels.max()) + 1)):
        raise ValueError("merge_regions: labels must be 0, 1, ... without a gap")
    leaves = regions_of(labels, planes)
    return [_merged(labels, leaves, kinds) for kinds in similarities]


def _merged(labels: Tensor, leaves: list[Region], kinds: Sequence[str]) -> MergeTree:
    regions = dict(enumerate(leaves))
    made = list(leaves)                                     # every region there ever was
    neighbours = _neighbours(labels)
    pairs = [(a, b) for a in neighbours for b in neighbours[a] if a < b]
    heap = [(-region_similarity(made[a], made[b], labels.numel(), kinds), a, b) for a, b in pairs]
    heapq.heapify(heap)                                     # the smallest first: so negative
    merges, similarity = [], []
    while len(regions) > 1:
        negative, a, b = heapq.heappop(heap)
        if a not in regions or b not in regions:            # merged in the meantime
            continue
        merges.append((a, b))
        similarity.append(-negative)
        joined = len(made)
        made.append(regions.pop(a).merged(regions.pop(b)))
        around = (neighbours.pop(a) | neighbours.pop(b)) - {a, b}
        for i in around:
            neighbours[i] = neighbours[i] - {a, b} | {joined}
            alike = region_similarity(made[i], made[joined], labels.numel(), kinds)
            heapq.heappush(heap, (-alike, i, joined))
        regions[joined], neighbours[joined] = made[joined], around
    return MergeTree(
        labels,
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


def merge_regions_native(
    labels: Tensor, planes: Tensor, similarities: Sequence[Sequence[str]] = (SIMILARITIES,)
) -> list[MergeTree]:
    native.require("merge_regions", labels)
    masks = [sum(1 << SIMILARITIES.index(k) for k in set(kinds)) for kinds in similarities]
    arguments = labels, planes, gaussian_taps(1.0), masks
    results = native.call("merge_regions", "merge_regions", *arguments)
    return [MergeTree(labels, *tensors) for tensors in zip(*results, strict=True)]


def _fake(labels, planes, taps, masks):
    steps = torch.library.get_ctx().new_dynamic_size()      # one less than there are regions
    merges = labels.new_empty(len(masks), steps, 2)
    similarity = labels.new_empty(len(masks), steps, dtype=torch.float64)
    sizes = labels.new_empty(len(masks), 2 * steps + 1)
    boxes = labels.new_empty(len(masks), 2 * steps + 1, 4, dtype=torch.float32)
    return merges, similarity, sizes, boxes


native.register("merge_regions", fake=_fake, returns_indices=True)

IMPLEMENTATIONS = {"loop": merge_regions_loop, "native": merge_regions_native}
