"""Brightness, contrast, saturation and hue of an image, by torchvision's formulas.

    brightness    factor * image
    contrast      away from the mean grey of the image
    saturation    away from each pixel's own grey
    hue           round the circle of colours

A factor of 1 (of hue: a shift of 0) changes nothing. Colours that leave [0, 1] are cut off.
"""

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)  # how bright red, green and blue look


def adjust_brightness(image: Tensor, factor: float) -> Tensor:
    """(3, H, W) in [0, 1] -> the same; factor at least 0."""
    return (image * factor).clamp(0, 1)


def adjust_contrast(image: Tensor, factor: float) -> Tensor:
    mean = _grey(image).mean()
    return (image * factor + mean * (1 - factor)).clamp(0, 1)


def adjust_saturation(image: Tensor, factor: float) -> Tensor:
    return (image * factor + _grey(image) * (1 - factor)).clamp(0, 1)


def adjust_hue(image: Tensor, shift: float) -> Tensor:
    """shift: in turns; 1/3 makes red green, 1/2 its complement."""
    value, spread = image.amax(0), image.amax(0) - image.amin(0)         # (H, W) each
    hue = (_hue(image, value, spread) + shift) % 1
    # A channel is full near its own colour, a third of a turn wide on each side, then falls.
    turns = torch.stack([hue + offset for offset in (5 / 6, 3 / 6, 1 / 6)]) * 6 % 6
    falling = torch.minimum(turns, 4 - turns).clamp(0, 1)                # (3, H, W)
    return (value - spread * falling).clamp(0, 1)


def _grey(image: Tensor) -> Tensor:
    """(1, H, W)."""
    red, green, blue = image
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue)[None]


def _hue(image: Tensor, value: Tensor, spread: Tensor) -> Tensor:
    """(H, W) in turns: 0 red, 1/3 green, 2/3 blue; 0 for grey."""
    red, green, blue = image
    some = spread.where(spread > 0, 1)
    sixths = torch.where(
        value == red, (green - blue) / some,
        torch.where(value == green, 2 + (blue - red) / some, 4 + (red - green) / some),
    )
    return sixths / 6 % 1
