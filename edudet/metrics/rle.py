"""Masks as run lengths (RLE), as COCO stores them, and polygons turned into them.

Column by column, how many pixels are outside, then how many inside, then outside again:

    0 1 1
    0 1 0     is read 0 0, 1 1, 1 0:     2 outside, 3 inside, 1 outside     {"counts": [2, 3, 1]}

Compressed, each count (from the fourth on: its difference to the count two places before) is a
signed number in base 32, written with the characters from "0" on, least digit first.

A polygon is followed in steps of a fifth of a pixel. Where it passes the middle of a column,
inside and outside change places below: exactly the pixels that pycocotools finds.

    IMPLEMENTATIONS["loop"]     one run, one step, one pixel at a time: the definition
    IMPLEMENTATIONS["native"]   C++
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edudet import check, native
from edudet.records import NO_ROWS, all_numbers

FARTHEST = 1e6  # corners of polygons lie within: how far a line goes, so long it takes
MOST_PIXELS = 2**31 - 1
LEAST = 6  # numbers of three corners

Rle = Mapping[str, Any]  # {"size": [height, width], "counts": text or list of int}


def rle_encode(mask: Tensor) -> dict[str, Any]:
    """Return {"size": [height, width], "counts": text} of a mask, (H, W) bool."""
    check.is_tensor("rle_encode", mask=mask)
    check.dtype("rle_encode", (torch.bool, torch.uint8), mask=mask)
    if mask.ndim != 2:
        raise ValueError(f"rle_encode: mask must have shape (H, W), got {tuple(mask.shape)}")
    mask = mask.detach().to("cpu", torch.bool).contiguous()
    return _packed(forms().encode(mask), *mask.shape)


def rle_decode(rle: Rle) -> Tensor:
    """Return the mask, (H, W) bool, of run lengths, compressed or not."""
    counts, height, width = unpacked("rle_decode", "rle", rle)
    return forms().decode(counts, height, width)


def rle_area(rle: Rle) -> int:
    """Return the number of pixels inside."""
    return sum(unpacked("rle_area", "rle", rle)[0][1::2])


def rle_merge(rles: Sequence[Rle], intersect: bool = False) -> dict[str, Any]:
    """Return the union of one mask or more, or their intersection."""
    check.is_bool("rle_merge", intersect=intersect)
    if not isinstance(rles, Sequence) or not rles:
        raise ValueError(f"rle_merge: rles must be a list of one mask or more, got {rles!r}")
    masks = [unpacked("rle_merge", f"rles[{i}]", rle) for i, rle in enumerate(rles)]
    (merged, *size), *others = masks
    for i, (counts, *other_size) in enumerate(others, 1):
        if other_size != size:
            raise ValueError(
                f"rle_merge: rles[{i}] must have the size of the first, {size}, got {other_size}"
            )
        merged = forms().merge(merged, counts, intersect)
    return _packed(merged, *size)


def polygons_to_rle(
    polygons: Sequence[Sequence[float]], height: int, width: int
) -> dict[str, Any]:
    """Return the union of polygons, each [x, y, x, y, ...] in pixels.

    What lies outside the image is cut off. Pixel (row y, column x) covers [x, x + 1) x [y, y + 1).
    Fewer than three corners enclose nothing.
    """
    check.is_int("polygons_to_rle", height=height, width=width)
    if min(height, width) < 0 or height * width > MOST_PIXELS:
        raise ValueError(
            f"polygons_to_rle: height and width must be those of an image of less than 2^31 "
            f"pixels, got {height}, {width}"
        )
    fault = polygon_fault(polygons)
    if fault:
        raise ValueError(f"polygons_to_rle: polygons must {fault}, got {_short(polygons)}")
    counts = [height * width]
    for polygon in enclosing(polygons):
        xy = [float(number) for number in polygon]
        counts = forms().merge(counts, forms().polygon(xy, height, width), False)
    return _packed(counts, height, width)


def polygon_fault(polygons: Any) -> str | None:
    """What polygons must be, if these are not."""
    if not _is_row(polygons) or len(polygons) == 0:
        return "be a list of polygons"
    for polygon in polygons:
        if not _is_row(polygon):
            return "be a list of lists, x and y of the corners of each polygon"
        if len(polygon) % 2 and len(polygon) >= LEAST:
            return "have x and y of each corner of each polygon"
        if not all_numbers(polygon):
            return "have numbers in each polygon"
        try:
            good = len(polygon) == 0 or (
                min(polygon) >= -FARTHEST and max(polygon) <= FARTHEST
                and sum(polygon) == sum(polygon)                     # no NaN
            )  # fmt: skip
        except (TypeError, ValueError):
            return "have numbers in each polygon"
        if not good:
            return f"have finite numbers in each polygon, at most {FARTHEST:g}"
    return None


def _is_row(value: Any) -> bool:
    # Of a million, nearly all are lists, and to ask that is fast.
    return type(value) is list or (hasattr(value, "__len__") and not isinstance(value, NO_ROWS))


def enclosing(polygons: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """Those that have an inside. Tools leave points and lines behind where someone has clicked;
    COCO's tools, too, find nothing in them."""
    return [polygon for polygon in polygons if len(polygon) >= LEAST]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:76] + " ..."


def rle_fault(rle: Any) -> str | None:
    """What a mask in run lengths must be, if this one is not. Its counts are looked at later."""
    if not isinstance(rle, Mapping) or not {"size", "counts"} <= rle.keys():
        return "have size and counts"
    size = rle["size"]
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(
        isinstance(side, int) and side >= 0 for side in size
    ) or size[0] * size[1] > MOST_PIXELS:
        return "have [height, width] of less than 2^31 pixels as its size"
    if not isinstance(rle["counts"], (str, bytes, list, tuple)):
        return "have a text or a list of integers as counts"
    return None


COUNTS = "have counts that are not negative and add up to height * width"


def unpacked(function: str, name: str, rle: Any) -> tuple[list[int], int, int]:
    fault = rle_fault(rle)
    if fault:
        raise ValueError(f"{function}: {name} must {fault}, got {_short(rle)}")
    height, width = rle["size"]
    counts = counts_of(rle["counts"], height * width)
    if counts is None:
        raise ValueError(f"{function}: {name} must {COUNTS}, got {_short(rle)}")
    return counts, height, width


def counts_of(counts: Any, pixels: int) -> list[int] | None:
    """The counts of one mask, or None if they are not valid."""
    if isinstance(counts, (str, bytes)):
        return forms().parse(as_bytes(counts), pixels)
    if not all(isinstance(count, (int, np.integer)) and count >= 0 for count in counts):
        return None
    return [int(count) for count in counts] if sum(counts) == pixels else None


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _packed(counts: list[int], height: int, width: int) -> dict[str, Any]:
    return {"size": [height, width], "counts": forms().format(counts).decode()}


def parse_loop(text: bytes, pixels: int) -> list[int] | None:
    """The counts of a text; None if it is none, or they do not add up to `pixels`."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        digit = character - 48
        if not 0 <= digit < 64 or shift > 30:
            return None
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:                                    # more digits follow
            continue
        if digit & 16:                                    # the sign of the last one
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if value < 0:
            return None
        counts.append(value)
        value = shift = 0
    return counts if shift == 0 and sum(counts) == pixels else None


def format_loop(counts: list[int]) -> bytes:
    text = bytearray()
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            digit = value & 31
            value >>= 5
            more = value != (-1 if digit & 16 else 0)
            text.append(48 + digit + (32 if more else 0))
    return bytes(text)


def encode_loop(mask: Tensor) -> list[int]:
    counts, inside, run = [], False, 0
    for pixel in mask.T.flatten().tolist():               # column by column
        if pixel != inside:
            counts.append(run)
            inside, run = not inside, 0
        run += 1
    return [*counts, run]


def decode_loop(counts: list[int], height: int, width: int) -> Tensor:
    pixels: list[bool] = []
    for i, count in enumerate(counts):
        pixels += [i % 2 == 1] * count
    return torch.tensor(pixels, dtype=torch.bool).reshape(width, height).T.contiguous()


def polygon_loop(polygon: Sequence[float], height: int, width: int) -> list[int]:
    corners = [int(5 * float(number) + 0.5) for number in polygon]   # in fifths of a pixel
    points: list[tuple[int, int]] = []
    for k in range(0, len(corners), 2):
        points += line_points(*corners[k : k + 2], *corners[k + 2 : k + 4] or corners[:2])
    changes = []
    for (x1, y1), (x2, y2) in pairwise(points):
        if x1 == x2:
            continue
        edge = (x2 if x2 < x1 else x2 - 1) - 2
        if edge % 5 == 0 and 0 <= edge // 5 < width:      # the middle of a column
            row = -((2 - min(y1, y2)) // 5)               # rounded up
            changes.append(edge // 5 * height + min(max(row, 0), height))
    return _runs(sorted(changes), height * width)


def line_points(x1: int, y1: int, x2: int, y2: int) -> list[tuple[int, int]]:
    """All points from one end to the other. Counted from the left (or top) end, so that two
    polygons that share an edge meet without a gap."""
    dx, dy = abs(x2 - x1), abs(y2 - y1)
    backwards = x1 > x2 if dx >= dy else y1 > y2
    if backwards:
        x1, y1, x2, y2 = x2, y2, x1, y1
    if dx >= dy:
        slope = (y2 - y1) / dx if dx else 0.0
        points = [(x1 + t, int(y1 + slope * t + 0.5)) for t in range(dx + 1)]
    else:
        slope = (x2 - x1) / dy
        points = [(int(x1 + slope * t + 0.5), y1 + t) for t in range(dy + 1)]
    return points[::-1] if backwards else points


def _runs(changes: list[int], pixels: int) -> list[int]:
    """The runs between the places at which inside and outside change."""
    counts, before = [], 0
    for place in changes:
        counts.append(place - before)
        before = place
    return [*counts, pixels - before]


def merge_loop(a: list[int], b: list[int], intersect: bool) -> list[int]:
    counts, inside, run = [], False, 0
    for length, in_a, in_b in walk(a, b):
        now = in_a and in_b if intersect else in_a or in_b
        if now != inside:
            counts.append(run)
            inside, run = now, 0
        run += length
    return [*counts, run]


def walk(a: list[int], b: list[int]) -> list[tuple[int, bool, bool]]:
    """Stretches on which neither mask changes: length, whether in a, whether in b."""
    stretches: list[tuple[int, bool, bool]] = []
    i = j = left_a = left_b = 0
    while True:
        while left_a == 0 and i < len(a):
            left_a, i = a[i], i + 1
        while left_b == 0 and j < len(b):
            left_b, j = b[j], j + 1
        length = min(left_a, left_b)
        if length == 0:
            return stretches
        stretches.append((length, i % 2 == 0, j % 2 == 0))
        left_a, left_b = left_a - length, left_b - length


class Forms(NamedTuple):
    """What is done to one mask. Counts are lists of int."""

    parse: Callable[[bytes, int], list[int] | None]
    format: Callable[[list[int]], bytes]
    encode: Callable[[Tensor], list[int]]
    decode: Callable[[list[int], int, int], Tensor]
    polygon: Callable[[Sequence[float], int, int], list[int]]
    merge: Callable[[list[int], list[int], bool], list[int]]


Read = tuple[np.ndarray, np.ndarray, int]  # counts of all masks, their ends, the first bad one


def parse_texts(texts: list[bytes], pixels: np.ndarray) -> Read:
    """The counts of many texts, in C++."""
    begin = np.cumsum([0, *map(len, texts)])
    joined = torch.frombuffer(bytearray(b"".join(texts) + b"0"), dtype=torch.uint8)[:-1]
    counts, ends, bad = native.call(
        "rle_parse", "rle", joined, torch.from_numpy(begin), torch.from_numpy(pixels)
    )
    return counts.numpy(), ends.numpy(), bad


def fill_polygons(masks: Sequence[Sequence[Sequence[float]]], sizes: np.ndarray) -> Read:
    """The counts of many masks, each a list of polygons, in C++."""
    flat = [polygon for polygons in masks for polygon in polygons]
    arrays = (
        np.fromiter(chain.from_iterable(flat), np.float64), np.cumsum([0, *map(len, flat)]),
        np.cumsum([0, *map(len, masks)]), np.ascontiguousarray(sizes),
    )
    counts, ends = native.call("rle_from_polygons", "rle", *map(torch.from_numpy, arrays))
    return counts.numpy(), ends.numpy(), len(masks)


def _counts(counts: list[int]) -> Tensor:
    return torch.tensor(counts, dtype=torch.int32)


def parse_native(text: bytes, pixels: int) -> list[int] | None:
    counts, _, bad = parse_texts([text], np.array([pixels]))
    return counts.tolist() if bad else None


def format_native(counts: list[int]) -> bytes:
    return bytes(native.call("rle_format", "rle", _counts(counts)).tolist())


def encode_native(mask: Tensor) -> list[int]:
    return native.call("rle_encode", "rle", mask).tolist()


def decode_native(counts: list[int], height: int, width: int) -> Tensor:
    return native.call("rle_decode", "rle", _counts(counts), height, width)


def polygon_native(polygon: Sequence[float], height: int, width: int) -> list[int]:
    return fill_polygons([[polygon]], np.array([[height, width]]))[0].tolist()


def merge_native(a: list[int], b: list[int], intersect: bool) -> list[int]:
    start, stop = torch.tensor([0, len(a)]), torch.tensor([len(a), len(a) + len(b)])
    return native.call("rle_merge", "rle", _counts([*a, *b]), start, stop, intersect).tolist()


IMPLEMENTATIONS = {
    "loop": Forms(parse_loop, format_loop, encode_loop, decode_loop, polygon_loop, merge_loop),
    "native": Forms(
        parse_native, format_native, encode_native, decode_native, polygon_native, merge_native
    ),
}


def forms() -> Forms:
    return IMPLEMENTATIONS["loop" if native.missing("cpu") else "native"]
