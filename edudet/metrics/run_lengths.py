"""Many masks in run lengths at once: read from COCO's records, and compared.

    rle_iou                  IoU of every pair of masks
    read_segmentations       polygons and run lengths, compressed or not, of half a million records
    rle_overlaps             IoU of pairs, row by row: rle_overlaps_loop (the definition), _native
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edudet import native
from edudet.metrics.rle import (
    COUNTS,
    Read,
    Rle,
    as_bytes,
    counts_of,
    enclosing,
    fill_polygons,
    merge_loop,
    parse_texts,
    polygon_fault,
    polygon_loop,
    rle_fault,
    unpacked,
    walk,
)
from edudet.records import Records

AT_ONCE = 10_000  # masks that are looked at, and not kept
Reader = Callable[[list[Any], np.ndarray], Read]


def rle_iou(
    rles1: Sequence[Rle], rles2: Sequence[Rle], crowd: Sequence[bool] | None = None
) -> Tensor:
    """Return the IoU of every pair, (N, M) float64; 0/0 is 0.

    `crowd`: which of the M are crowds: what counts is the part of the first mask that lies in them.
    """
    first, second = (
        [unpacked("rle_iou", f"{name}[{i}]", rle) for i, rle in enumerate(rles)]
        for name, rles in (("rles1", rles1), ("rles2", rles2))
    )
    for i, (_, *size) in enumerate(second):
        for _, *other in first[:1]:
            if size != other:
                raise ValueError(
                    f"rle_iou: rles2[{i}] must have the size of rles1[0], {other}, got {size}"
                )
    for i, (_, *size) in enumerate(first):
        if size != [*first[0][1:]]:
            raise ValueError(
                f"rle_iou: rles1[{i}] must have the size of the first, {[*first[0][1:]]}, "
                f"got {size}"
            )
    crowds = [False] * len(second) if crowd is None else [bool(c) for c in crowd]
    if len(crowds) != len(second):
        raise ValueError(
            f"rle_iou: crowd must have one entry for each of rles2, {len(second)}, "
            f"got {len(crowds)}"
        )
    n, m = len(first), len(second)
    overlaps = rle_overlaps(
        RunLengths.of(second), RunLengths.of(first), np.array(crowds, dtype=bool),
        np.arange(n + 1) * m, np.zeros(n, dtype=np.int64),
    )
    return torch.from_numpy(overlaps).reshape(n, m)


@dataclass
class RunLengths:
    """Mask i has the counts[start[i]:stop[i]] and the sizes[i], height and width."""

    counts: np.ndarray   # int32, of all masks
    start: np.ndarray    # (N,) int64
    stop: np.ndarray     # (N,) int64
    sizes: np.ndarray    # (N, 2) int64

    @classmethod
    def of(cls, masks: Sequence[tuple[list[int], int, int]]) -> "RunLengths":
        ends = np.cumsum([0, *(len(mask[0]) for mask in masks)], dtype=np.int64)
        counts = np.fromiter(chain.from_iterable(mask[0] for mask in masks), np.int32)
        sizes = np.array([mask[1:] for mask in masks], dtype=np.int64).reshape(-1, 2)
        return cls(counts, ends[:-1], ends[1:], sizes)

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: np.ndarray) -> "RunLengths":
        return RunLengths(self.counts, self.start[which], self.stop[which], self.sizes[which])

    def one(self, i: int) -> list[int]:
        return self.counts[self.start[i] : self.stop[i]].tolist()

    def area(self) -> np.ndarray:
        """(N,) float64: pixels inside."""
        sums = np.zeros((2, len(self.counts) + 1), dtype=np.int64)  # of even and odd places before
        sums[0, 1:][0::2], sums[1, 1:][1::2] = self.counts[0::2], self.counts[1::2]
        sums.cumsum(axis=1, out=sums)
        parity = (self.start + 1) % 2
        return (sums[parity, self.stop] - sums[parity, self.start]).astype(np.float64)


def read_segmentations(records: Records, sizes: np.ndarray) -> RunLengths:
    """The masks of a column "segmentation", in images of these sizes."""
    n, column = len(records), records.listed("segmentation")
    out = RunLengths(np.empty(0, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int64), sizes)
    for read, rows in _rows_of(records, column, sizes).items():
        counts, ends = _read(records, column, sizes, read, rows)
        out.start[rows] = ends[:-1] + len(out.counts)
        out.stop[rows] = ends[1:] + len(out.counts)
        out.counts = np.concatenate([out.counts, counts])
    return out


def check_segmentations(records: Records, sizes: np.ndarray) -> None:
    """Whether `read_segmentations` would read all of them. Polygons, most of the work, are looked
    at and not filled."""
    column = records.listed("segmentation")
    for read, rows in _rows_of(records, column, sizes).items():
        for begin in range(0, len(rows) if read is not _read_polygons else 0, AT_ONCE):
            _read(records, column, sizes, read, rows[begin : begin + AT_ONCE])


def _rows_of(records: Records, column: list[Any], sizes: np.ndarray) -> dict[Reader, list[int]]:
    """Which masks are of which form; each is known to be of one, but for its counts."""
    rows_of: dict[Reader, list[int]] = {}
    for i, (segmentation, size) in enumerate(zip(column, sizes.tolist(), strict=True)):
        fault = _fault(segmentation, size)
        if fault:
            records.fail(i, fault, segmentation, "segmentation")
        rows_of.setdefault(_reader(segmentation), []).append(i)
    return rows_of


def _read(
    records: Records, column: list[Any], sizes: np.ndarray, read: Reader, rows: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    counts, ends, bad = read([column[i] for i in rows], sizes[rows])
    if bad < len(rows):
        records.fail(rows[bad], COUNTS, column[rows[bad]], "segmentation")
    return counts, ends


def _fault(segmentation: Any, size: list[int]) -> str | None:
    if not isinstance(segmentation, Mapping):
        return polygon_fault(segmentation)
    fault = rle_fault(segmentation)
    if not fault and [*segmentation["size"]] != size:
        return f"have the size of its image, {size}"
    return fault


def _reader(segmentation: Any) -> Reader:
    if not isinstance(segmentation, Mapping):
        return _read_polygons
    return _read_texts if isinstance(segmentation["counts"], (str, bytes)) else _read_lists


def _read_lists(column: list[Any], sizes: np.ndarray) -> Read:
    masks = []
    for mask, (height, width) in zip(column, sizes.tolist(), strict=True):
        counts = counts_of(mask["counts"], height * width)
        if counts is None:
            break
        masks.append((counts, height, width))
    found = RunLengths.of(masks)
    return found.counts, np.append(found.start, len(found.counts)), len(masks)


def _read_texts(column: list[Any], sizes: np.ndarray) -> Read:
    if native.missing("cpu"):
        return _read_lists(column, sizes)
    return parse_texts([as_bytes(mask["counts"]) for mask in column], sizes.prod(1))


def _read_polygons(column: list[Any], sizes: np.ndarray) -> Read:
    column = [enclosing(polygons) for polygons in column]
    if not native.missing("cpu"):
        return fill_polygons(column, sizes)
    masks = []
    for polygons, (height, width) in zip(column, sizes.tolist(), strict=True):
        merged = [height * width]
        for polygon in polygons:
            merged = merge_loop(merged, polygon_loop(polygon, height, width), False)
        masks.append((merged, height, width))
    found = RunLengths.of(masks)
    return found.counts, np.append(found.start, len(found.counts)), len(column)


def rle_overlaps(
    truth: RunLengths, found: RunLengths, crowd: np.ndarray, begin: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """IoU of pairs, row by row (see coco_overlaps.py)."""
    form = rle_overlaps_loop if native.missing("cpu") else rle_overlaps_native
    return form(truth, found, crowd, begin, first)


def rle_overlaps_loop(
    truth: RunLengths, found: RunLengths, crowd: np.ndarray, begin: np.ndarray, first: np.ndarray
) -> np.ndarray:
    out = np.zeros(int(begin[-1]))
    for i in range(len(found)):
        for place in range(int(begin[i]), int(begin[i + 1])):
            j = int(first[i] + place - begin[i])
            out[place] = _overlap(truth.one(j), found.one(i), bool(crowd[j]))
    return out


def _overlap(truth: list[int], found: list[int], crowd: bool) -> float:
    """IoU; of a crowd, the part of `found` in it."""
    both = sum(length for length, in_one, in_other in walk(truth, found) if in_one and in_other)
    area, whole = sum(found[1::2]), sum(truth[1::2])
    return both / (area if crowd else area + whole - both) if both else 0.0


def rle_overlaps_native(
    truth: RunLengths, found: RunLengths, crowd: np.ndarray, begin: np.ndarray, first: np.ndarray
) -> np.ndarray:
    native.require("rle_overlaps", torch.empty(0))
    arrays = (
        found.counts, found.start, found.stop, truth.counts, truth.start, truth.stop,
        np.ascontiguousarray(found.sizes[:, 0]), crowd, begin, first,
    )
    return native.call("rle_overlaps", "rle", *map(torch.from_numpy, arrays)).numpy()


IMPLEMENTATIONS = {
    "loop": rle_overlaps_loop,
    "native": rle_overlaps_native,
}
