"""What is pasted into a scene: a small picture that knows how much of each pixel it covers.

Colours are multiplied by the coverage ("premultiplied"): pasting is background * (1 - alpha) + ink,
and a half covered pixel at the rim has no dark fringe.
"""

import colorsys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

Array = np.ndarray[Any, np.dtype[Any]]
Colour = tuple[float, float, float]  # red, green, blue in [0, 1]


class Sprite(NamedTuple):
    ink: Array  # (3, h, w) float32 in [0, 1]: colour * alpha
    alpha: Array  # (h, w) float32 in [0, 1]: the covered share of each pixel
    joints: Array | None = None  # (K, 2) float32: x, y from the sprite's upper left corner

    def mask(self) -> Array:
        """(h, w) bool: the pixels of which the object covers half or more."""
        return self.alpha >= 0.5


# Every draw comes from Generator.random: the one whose stream numpy has never changed.
def between(rng: Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def whole(rng: Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int((high - low + 1) * rng.random())


def pick(rng: Generator, choices: Sequence) -> Any:
    return choices[int(len(choices) * rng.random())]


def hsv(hue: float, saturation: float, value: float) -> Colour:
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour."""
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(one, other, strict=True))
    return red, green, blue


def column(colour: Colour) -> Array:
    """(3, 1, 1) float32, to be spread over pixels."""
    return np.array(colour, np.float32)[:, None, None]


def pixel_centres(height: int, width: int) -> tuple[Array, Array]:
    """x (1, w) and y (h, 1) of the centres of the pixels."""
    x = np.arange(width, dtype=np.float32)[None] + np.float32(0.5)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    return x, y
