"""Graph-based segmentation: pixels that differ little from each other become one region.

Every pixel is a node, joined to its 8 neighbours by edges that weigh the distance of the two
colours. Edges are looked at once, lightest first; an edge between two components A and B joins
them if it is no heavier than what holds both together already:

    weight <= min(Int(A) + k / |A|, Int(B) + k / |B|)

Int(C) is the heaviest edge within C so far, |C| its number of pixels, k the `scale`: how much
evidence for a border a small component asks for. Felzenszwalb and Huttenlocher, 2004.

    felzenszwalb_loop         pixel by pixel and edge by edge: the definition
    felzenszwalb_vectorized   weights and order by numpy; the components one edge at a time
    felzenszwalb_native       C++: radix sort of the edges, union-find with path halving
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edudet import check, native

NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # (down, right); each edge is met at one end only
MOST_PIXELS = 2**25
LARGEST_SIGMA = 1000.0


def felzenszwalb(
    image: Any, scale: float = 1, sigma: float = 0.8, min_size: int = 20
) -> Tensor:
    """Return a map of regions: which pixels belong together.

    Args:
        image: (H, W) or (H, W, 3), array or tensor; uint8, or float where black is 0 and white 1.
            Both mean 0 to 255: floats are multiplied by 255 and computed in float32.
        scale: the paper's k, in units of 0 to 255. Larger: larger regions.
        sigma: width in pixels of the Gaussian that smooths the image first (mirrored at the
            border, cut off at 4 sigma); at most 1000.
        min_size: afterwards, lightest edge first, components with fewer pixels are joined to what
            lies beyond the edge.

    Returns:
        (H, W) int64 on the image's device; regions 0, 1, ... in the order of their first pixels,
        row by row. A region is connected through its sides or corners.

    Of equal weights, the edge of the pixel that comes first in the image comes first, and of one
    pixel's edges the one to the right, then down left, down, down right. The arguments are those of
    skimage.segmentation.felzenszwalb. That one joins only if the weight is *less* (the paper draws
    a border where it is *greater*) and leaves the order of equal weights open: without ties the
    regions are the same.

    Gradient:
        None: a region's number has no derivative.

    Raises:
        TypeError: the image is neither an array nor a tensor, or a parameter is not a number.
        ValueError: shape or dtype of the image do not fit; it has more than 2^25 pixels, or one
            that is not finite or beyond 1e30; a parameter is out of its range.
    """
    image = check.image("felzenszwalb", image)
    check_parameters("felzenszwalb", image, scale, sigma, min_size)
    on_cpu = image.detach().cpu()
    missing = native.obstacle("felzenszwalb", on_cpu)
    form = felzenszwalb_vectorized if missing else felzenszwalb_native
    return form(on_cpu, scale, sigma, min_size).to(image.device)


def check_parameters(function, image, scale, sigma, min_size) -> None:
    check.not_negative(function, scale=scale, sigma=sigma, min_size=min_size)
    check.is_int(function, min_size=min_size)
    if sigma > LARGEST_SIGMA:
        raise ValueError(f"{function}: sigma must be at most {LARGEST_SIGMA:g}, got {sigma}")
    height, width = image.shape[:2]
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"{function}: image must have at most {MOST_PIXELS} pixels, got {height} x {width}"
        )


def pixel_values(image: Tensor) -> Tensor:
    """(H, W) or (H, W, C) -> (C, H, W) float32, 0 to 255."""
    planes = image.detach()[None] if image.ndim == 2 else image.detach().permute(2, 0, 1)
    values = planes.float() if image.dtype == torch.uint8 else planes.float() * 255
    return values.contiguous()


def gaussian_taps(sigma: float) -> Tensor:
    """The right half of a Gaussian's taps, the centre first; float32, rounded from float64."""
    radius = int(4 * sigma + 0.5)
    half = [math.exp(-0.5 * (i / sigma) ** 2) if i else 1.0 for i in range(radius + 1)]
    total = half[0] + 2 * math.fsum(half[1:])
    return torch.tensor([tap / total for tap in half], dtype=torch.float32)


def felzenszwalb_loop(
    image: Any, scale: float = 1, sigma: float = 0.8, min_size: int = 20
) -> Tensor:
    values = pixel_values(check.image("felzenszwalb", image)).numpy()
    taps = gaussian_taps(sigma).numpy()
    values = _smooth_down(values, taps)
    values = _smooth_down(values.transpose(0, 2, 1), taps).transpose(0, 2, 1)
    channels, height, width = values.shape
    edges = []                                              # (weight, pixel, pixel)
    with np.errstate(over="ignore"):
        for y in range(height):
            for x in range(width):
                for down, right in NEIGHBOURS:
                    if y + down < height and 0 <= x + right < width:
                        square = np.float32(0)
                        for c in range(channels):
                            difference = values[c, y, x] - values[c, y + down, x + right]
                            square = square + difference * difference
                        neighbour = (y + down) * width + x + right
                        edges.append((float(np.sqrt(square)), y * width + x, neighbour))
    edges.sort(key=lambda edge: edge[0])                    # stable
    weights, tails, heads = zip(*edges, strict=True) if edges else ((), (), ())
    labels = _components(height * width, weights, tails, heads, scale, min_size)
    return torch.tensor(labels, dtype=torch.int64).reshape(height, width)


def _smooth_down(values: np.ndarray, taps: np.ndarray) -> np.ndarray:
    smooth = np.empty_like(values)
    channels, height, width = values.shape
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                total = taps[0] * values[c, y, x]
                for i in range(1, len(taps)):
                    above, below = _mirrored(y - i, height), _mirrored(y + i, height)
                    total = total + taps[i] * (values[c, above, x] + values[c, below, x])
                smooth[c, y, x] = total
    return smooth


def _mirrored(y: int, height: int) -> int:
    """The row that a row beyond the border repeats: c b a | a b c | c b a"""
    y = y % (2 * height)
    return y if y < height else 2 * height - 1 - y


def _components(num_pixels, weights, tails, heads, scale, min_size) -> list[int]:
    """Join pixels along edges, which are sorted by weight; return each pixel's region."""
    parent = list(range(num_pixels))                        # union-find: a forest
    size = [1] * num_pixels
    limit = [float(scale)] * num_pixels                     # Int(C) + k / |C|, at the roots

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        parent[b] = a
        size[a] += size[b]
        return a

    for weight, i, j in zip(weights, tails, heads, strict=True):
        a, b = root(i), root(j)
        if a != b and weight <= min(limit[a], limit[b]):
            joined = join(a, b)
            limit[joined] = weight + scale / size[joined]
    for i, j in zip(tails, heads, strict=True):
        a, b = root(i), root(j)
        if a != b and min(size[a], size[b]) < min_size:
            join(a, b)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(i), len(numbers)) for i in range(num_pixels)]


def felzenszwalb_vectorized(
    image: Any, scale: float = 1, sigma: float = 0.8, min_size: int = 20
) -> Tensor:
    values = smoothed(pixel_values(check.image("felzenszwalb", image)).numpy(), sigma)
    height, width = values.shape[1:]
    pixels = np.arange(height * width).reshape(height, width)
    weights = np.full((height, width, len(NEIGHBOURS)), np.nan, dtype=np.float32)
    heads = np.zeros((height, width, len(NEIGHBOURS)), dtype=np.int64)
    for e, (down, right) in enumerate(NEIGHBOURS):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width + min(0, right))
        with np.errstate(over="ignore"):
            differences = values[:, here[0], here[1]] - values[:, there[0], there[1]]
            weights[here[0], here[1], e] = np.sqrt(sum(d * d for d in differences))
        heads[here[0], here[1], e] = pixels[there]
    order = np.argsort(weights, axis=None, kind="stable")
    order = order[: np.count_nonzero(~np.isnan(weights))]   # NaN: no such neighbour; sorted last
    lists = weights.ravel()[order].tolist(), (order // 4).tolist(), heads.ravel()[order].tolist()
    labels = _components(height * width, *lists, scale, min_size)
    return torch.tensor(labels, dtype=torch.int64).reshape(height, width)


def smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    """(C, H, W) float32 -> the same, smoothed by a Gaussian down the columns, then along the rows.
    """
    taps = gaussian_taps(sigma).numpy()
    return _smooth(_smooth(values, taps, 1), taps, 2)


def _smooth(values: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    if values.size == 0:
        return values
    radius, length = len(taps) - 1, values.shape[axis]
    rows = [_mirrored(y, length) for y in range(-radius, length + radius)]
    padded = values.take(rows, axis)

    def shifted(by: int) -> np.ndarray:
        return padded.take(range(radius + by, radius + by + length), axis)

    total = taps[0] * values
    for i in range(1, radius + 1):
        total = total + taps[i] * (shifted(-i) + shifted(i))
    return total


def felzenszwalb_native(
    image: Any, scale: float = 1, sigma: float = 0.8, min_size: int = 20
) -> Tensor:
    values = pixel_values(check.image("felzenszwalb", image))
    native.require("felzenszwalb", values)
    return segment_planes(values, [scale], sigma, [min_size])[0]


def segment_planes(
    planes: Tensor, scales: Sequence[float], sigma: float, min_sizes: Sequence[int]
) -> Tensor:
    """(C, H, W), 0 to 255 -> (number of scales, H, W): in C++, with one sort of the edges."""
    least = [min(size, MOST_PIXELS) for size in min_sizes]
    arguments = planes.float(), gaussian_taps(sigma), [float(k) for k in scales], least
    return native.call("felzenszwalb", "felzenszwalb", *arguments)


def _fake(values, taps, scales, min_sizes):
    return values.new_empty(len(scales), *values.shape[1:], dtype=torch.int64)


native.register("felzenszwalb", fake=_fake, returns_indices=True)

IMPLEMENTATIONS = {
    "loop": felzenszwalb_loop,
    "vectorized": felzenszwalb_vectorized,
    "native": felzenszwalb_native,
}
