"""How alike two regions are: the four similarities of selective search (Uijlings et al., 2013).

    colour    overlap of the colour histograms: 25 bins for each channel
    texture   overlap of the gradient histograms: 10 bins for each of 8 directions of each channel
    size      1 - (size_a + size_b) / size of the image: small regions are merged early
    fill      1 - (area of the box around both - size_a - size_b) / size of the image: no holes

Each lies between 0 and 1. The overlap of two histograms is the sum over their bins of the smaller
share of pixels. Histograms are kept as counts, so that those of a merged region are exact sums,
and shares are brought to the common denominator size_a * size_b before they are compared. All
numbers are then whole until the last division: every form gives the same bits.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from edudet.proposals.felzenszwalb import smoothed

SIMILARITIES = ("colour", "texture", "size", "fill")
COLOUR_BINS = 25
TEXTURE_BINS = 10
DIRECTIONS = 8


@dataclass(frozen=True)
class Region:
    """What is known of a region. Counts are whole numbers, in float64."""

    size: int
    box: tuple[int, int, int, int]      # xyxy
    colour: np.ndarray                  # (C * 25,) pixels in each bin
    texture: np.ndarray                 # (C * 8 * 10,)

    def merged(self, other: "Region") -> "Region":
        return Region(
            self.size + other.size, box_around(self.box, other.box),
            self.colour + other.colour, self.texture + other.texture,
        )


def box_around(a: tuple, b: tuple) -> tuple:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def region_similarity(a: Region, b: Region, image_area: int, kinds=SIMILARITIES) -> float:
    """Return the sum of the similarities named in `kinds`.

    Args:
        a, b: two regions of one image.
        image_area: its height times its width.
        kinds: some of "colour", "texture", "size", "fill".
    """
    total = 0.0
    if "colour" in kinds:
        total += _overlap(a.colour, a.size, b.colour, b.size)
    if "texture" in kinds:
        total += _overlap(a.texture, a.size, b.texture, b.size)
    if "size" in kinds:
        total += 1 - (a.size + b.size) / image_area
    if "fill" in kinds:
        x1, y1, x2, y2 = box_around(a.box, b.box)
        total += 1 - ((x2 - x1) * (y2 - y1) - a.size - b.size) / image_area
    return total


def _overlap(a: np.ndarray, size_a: int, b: np.ndarray, size_b: int) -> float:
    # A pixel is counted once for each channel (and direction): a histogram's sum is a multiple of
    # the size.
    times = a.sum() // size_a
    return float(np.minimum(a * size_b, b * size_a).sum() / (size_a * size_b * times))


def regions_of(labels: Tensor, planes: Tensor) -> list[Region]:
    """Return the regions of a label map.

    Args:
        labels: (H, W) int64; 0 to R - 1, each of them somewhere.
        planes: (C, H, W) uint8, in any colour space.
    """
    colour, texture = colour_bins(planes), texture_bins(planes)
    regions = []
    for label in range(int(labels.max()) + 1 if labels.numel() else 0):
        y, x = np.nonzero(labels.numpy() == label)
        regions.append(Region(
            len(y), (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1),
            _counts(colour[:, y, x], COLOUR_BINS), _counts(texture[:, y, x], TEXTURE_BINS),
        ))
    return regions


def _counts(bins: np.ndarray, num_bins: int) -> np.ndarray:
    """(planes, pixels) -> (planes * num_bins,)"""
    histograms = [np.bincount(plane, minlength=num_bins) for plane in bins]
    return np.concatenate(histograms).astype(np.float64)


def colour_bins(planes: Tensor) -> np.ndarray:
    """(C, H, W) uint8 -> (C, H, W): which of 25 equal bins each value falls into."""
    return planes.numpy().astype(np.int64) * COLOUR_BINS // 256


def texture_bins(planes: Tensor) -> np.ndarray:
    """(C, H, W) uint8 -> (C * 8, H, W): which of 10 bins the slope in each direction falls into.

    The slope is the derivative of a Gaussian of sigma 1: the plane is smoothed, then neighbours are
    subtracted. Slopes downwards fall into bin 0. A channel's steepest slope marks the end of its
    last bin. Float32, one operation after the other as written.
    """
    values = planes.numpy().astype(np.float32)
    bins = []
    for plane in smoothed(values, sigma=1.0):
        padded = np.pad(plane, 1, mode="edge")
        right = padded[1:-1, 2:] - padded[1:-1, :-2]
        down = padded[2:, 1:-1] - padded[:-2, 1:-1]
        half = np.float32(0.5**0.5)
        slopes = [right, (right + down) * half, down, (down - right) * half]
        steepest = max((np.abs(slope).max() for slope in slopes), default=0)
        factor = np.float32(TEXTURE_BINS) / steepest if steepest > 0 else np.float32(0)
        for slope in (*slopes, *(-slope for slope in slopes)):
            bins.append(np.minimum(slope.clip(0) * factor, TEXTURE_BINS - 1).astype(np.int64))
    return np.stack(bins)
