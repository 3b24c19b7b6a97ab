"""Handwritten digits: scikit-learn's 8 x 8 scans, as they are, and as objects, enlarged smoothly.

1797 digits of 13 people, in the order in which they were collected: the last 500 are kept for
tests, so that a test shows handwriting that training did not. They are the test half of a data set
of UCI's (Alpaydin and Kaynak, 1998), all of 43 people.
"""

import operator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.data.sprites import Array, Sprite, between, column, hsv, pixel_centres, whole

DIGITS = tuple("0123456789")
HELD_OUT = 500
INK = 0.4  # how dark the scan is where the pen was, from 0 to 1
FINE = 5  # times as many points as the scans have, along each side


def draw_digit(
    rng: Generator, digit: int, side: float, rotation: float, held_out: bool
) -> Sprite:
    """Draw one of the scans of a digit; the longer side of its ink is about `side` pixels.

    Args:
        rng: decides which scan, its angle and its colour.
        rotation: the largest angle to either side, in degrees.
        held_out: take the scans kept for test scenes.
    """
    scans = load_digits(held_out)[digit]
    fine = _enlarged(scans[whole(rng, 0, len(scans) - 1)])               # (60, 60)
    angle = between(rng, -1, 1) * np.deg2rad(rotation)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    v, u = np.nonzero(fine >= INK)
    inked = np.array([[cos, -sin], [sin, cos]]) @ np.stack([u + 0.5, v + 0.5])
    low, high = inked.min(1), inked.max(1)
    scale = np.float32(side / (high - low).max())                        # pixels per fine point
    shift = 2 + np.array([rng.random(), rng.random()]) - low * scale
    width, height = np.ceil(shift + high * scale).astype(int) + 2
    x, y = pixel_centres(height, width)
    x, y = (x - np.float32(shift[0])) / scale, (y - np.float32(shift[1])) / scale
    value = _sampled(fine, cos * x + sin * y - 0.5, cos * y - sin * x - 0.5)
    # The steepest step that is not ragged: about a pixel wide where ink meets paper.
    alpha = np.clip(0.5 + (value - np.float32(INK)) * np.float32(max(1.5, 8 * scale)), 0, 1)
    colour = hsv(float(rng.random()), between(rng, 0.3, 1), 1 if rng.random() < 0.5 else 0.35)
    return Sprite(column(colour) * alpha, alpha)


def _sampled(fine: Array, u: Array, v: Array) -> Array:
    """Bilinear values at (u, v), points' indices; 0 outside, where the rim is empty anyway."""
    last = len(fine) - 2
    u, v = np.clip(u, 0, last + 0.99), np.clip(v, 0, last + 0.99)
    left, top = u.astype(int), v.astype(int)
    u, v = u - left, v - top
    above = fine[top, left] * (1 - u) + fine[top, left + 1] * u
    below = fine[top + 1, left] * (1 - u) + fine[top + 1, left + 1] * u
    return (above * (1 - v) + below * v).astype(np.float32)


def _enlarged(scan: Array) -> Array:
    """A scan (8, 8) with an empty rim, on a grid FINE times as fine."""
    weights = _spline()
    fine = weights @ np.pad(scan, 2) @ weights.T
    return fine / max(float(fine.max()), 0.5)


@lru_cache(maxsize=1)
def _spline() -> Array:
    """(60, 12) float32: weights of the cubic that runs through the scan's values (Catmull-Rom)."""
    place = (np.arange(12 * FINE) + 0.5) / FINE - 0.5
    away = np.abs(place[:, None] - np.arange(12))
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    return np.where(away < 1, near, np.where(away < 2, far, 0)).astype(np.float32)


@lru_cache(maxsize=2)
def load_digits(held_out: bool) -> list[Array]:
    """The scans of each digit, (n, 8, 8) float32 in [0, 1].

    Raises:
        ImportError: scikit-learn is not installed.
    """
    scans, digits = load_scans("Scenes", held_out)
    return [scans[digits == digit] for digit in range(10)]


def load_scans(function: str, held_out: bool) -> tuple[Array, Array]:
    """The scans (n, 8, 8) float32 in [0, 1], and their digits (n,) from 0 to 9; or ImportError."""
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise ImportError(
            f"{function}: handwritten digits need scikit-learn: pip install 'edudet[demo]'"
        ) from None
    data = load()
    part = slice(-HELD_OUT, None) if held_out else slice(-HELD_OUT)
    return data.images[part].astype(np.float32) / 16, data.target[part]


class Digits(Dataset):
    """The scans themselves, for a classifier: one digit is one image.

    Args:
        split: "train", or "test": the last 500, of other people's hands.
        length: how many of them, from the first on; None: all.

    `digits[i]` is (image, target): image (3, 8, 8) float32 in [0, 1], bright where the pen was, the
    three channels alike; target a dict of `label` () int64: label k is categories[k - 1], so that
    of the digit 7 is 8; and `image_id`: i.

    Raises:
        ValueError, TypeError: an argument is unknown or out of range.
        ImportError: scikit-learn is not installed.
    """

    categories = DIGITS
    size = (8, 8)

    def __init__(self, split: str = "train", length: int | None = None):
        if split not in ("train", "test"):
            raise ValueError(f"Digits: split must be 'train' or 'test', got {split!r}")
        self.scans, self.digits = load_scans("Digits", split == "test")
        self.length = len(self.scans) if length is None else length
        check.is_int("Digits", length=self.length)
        if not 0 <= self.length <= len(self.scans):
            raise ValueError(f"Digits: length must lie in [0, {len(self.scans)}], got {length}")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        i = operator.index(i)
        if not 0 <= i < self.length:
            raise IndexError(f"Digits: index must lie in [0, {self.length}), got {i}")
        image = torch.from_numpy(self.scans[i]).repeat(3, 1, 1)
        return image, {"label": torch.tensor(int(self.digits[i]) + 1), "image_id": i}
