"""Colour spaces: the same photo in other coordinates, some of which do not see light and shadow.

A shadow changes R, G and B together, but neither the hue nor the share of each colour in the sum.
Where a border is invisible in one space it may be visible in another: selective search looks in
several. Every plane is scaled to the integers 0 to 255:

    rgb    as it is
    gray   brightness as seen by the eye, 0.299 R + 0.587 G + 0.114 B, rounded down
    hsv    hue (0 to 360 degrees as 0 to 256, rounded down), saturation, the largest of R, G, B
    lab    CIE L*a*b* (1976) of sRGB under daylight D65: 2.55 L, a + 128, b + 128, rounded
    rgI    255 times the shares of R and G in R + G + B, rounded down (black: 1/3 each), and the
           mean of the three, rounded
    H      the hue alone

The last two as in van de Sande, Gevers and Snoek, 2010.
"""

from typing import Any

import torch
from torch import Tensor

from edudet import check


def to_colour_space(image: Any, space: str) -> Tensor:
    """Return the planes of `image` in another colour space.

    Args:
        image: (H, W, 3) uint8 in RGB (sRGB), array or tensor.
        space: "rgb", "gray", "hsv", "lab", "rgI" or "H".

    Returns:
        (C, H, W) uint8 on the image's device; C is 1 for "gray" and "H", else 3. Hue and saturation
        of grays are 0.

    Gradient:
        None: the planes are integers.

    Raises:
        TypeError: `image` is neither an array nor a tensor.
        ValueError: it is not (H, W, 3) uint8, or the space is unknown.
    """
    image = check.image("to_colour_space", image, (torch.uint8,), gray=False)
    check_space("to_colour_space", space)
    return COLOUR_SPACES[space](image.permute(2, 0, 1)).to(torch.uint8).contiguous()


def check_space(function: str, space: Any) -> None:
    if not isinstance(space, str) or space not in COLOUR_SPACES:
        known = ", ".join(COLOUR_SPACES)
        raise ValueError(f"{function}: colour space must be one of {known}, got {space!r}")


def _gray(rgb: Tensor) -> Tensor:
    r, g, b = rgb.int()
    return ((299 * r + 587 * g + 114 * b) // 1000)[None]


def _hsv(rgb: Tensor) -> Tensor:
    r, g, b = rgb.int()
    largest, smallest = rgb.amax(0).int(), rgb.amin(0).int()
    spread = largest - smallest
    divisor = spread.clamp(min=1)
    # A sixth of the circle is `spread` long; red is at 0, green at 2 sixths, blue at 4.
    angle = torch.where(
        largest == r, g - b, torch.where(largest == g, b - r + 2 * spread, r - g + 4 * spread)
    )
    angle = torch.where(angle < 0, angle + 6 * spread, angle)
    hue = _divide(256 * angle, 6 * divisor)
    saturation = _divide(255 * spread, largest.clamp(min=1))
    return torch.stack([hue, saturation, largest])


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """a // b of whole numbers below 2^24, faster than with integers and as exact."""
    return torch.floor(a.double() / b)


def _hue(rgb: Tensor) -> Tensor:
    return _hsv(rgb)[:1]


def _lab(rgb: Tensor) -> Tensor:
    level = torch.arange(256, device=rgb.device) / 255
    linear = torch.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    r, g, b = linear[rgb.int()]
    # Rows of the sRGB matrix, divided by the white of D65.
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    x, y, z = (
        torch.where(t > (6 / 29) ** 3, t ** (1 / 3), t * (29 / 6) ** 2 / 3 + 4 / 29)
        for t in (x, y, z)
    )
    lab = torch.stack([2.55 * (116 * y - 16), 500 * (x - y) + 128, 200 * (y - z) + 128])
    return lab.round().clamp(0, 255)


def _rg_intensity(rgb: Tensor) -> Tensor:
    r, g, b = rgb.int()
    total = r + g + b
    black = total == 0
    shares = [torch.where(black, 85, _divide(255 * c, total.clamp(min=1))) for c in (r, g)]
    return torch.stack([*shares, _divide(2 * total + 3, torch.full_like(total, 6))])


COLOUR_SPACES = {
    "rgb": lambda rgb: rgb,
    "gray": _gray,
    "hsv": _hsv,
    "lab": _lab,
    "rgI": _rg_intensity,
    "H": _hue,
}
