"""Sliding windows over an image pyramid: detection as classification.

A window of fixed size walks over the image in steps of `stride`; a classifier says of each window
whether it shows the object. Larger objects are found in a smaller copy of the image: the pyramid.
Viola and Jones, 2001; Dalal and Triggs, 2005.

    image_pyramid     the image in several sizes
    sliding_windows   all windows on one level, in pixels of the original image
    window_count      how many windows there are; without a size, how many rectangles at all
    exhaustive_cost   how long it would take to classify them

The windows in two forms: sliding_windows_loop (the definition) and sliding_windows_vectorized.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from edudet import check

Size = int | tuple[int, int]


def image_pyramid(
    image: Tensor, scales: Sequence[float], min_size: Size = 1
) -> list[tuple[Tensor, tuple[float, float]]]:
    """Return `image` in several sizes.

    Args:
        image: (C, H, W) float.
        scales: size of each level relative to the image, greater than 0.
        min_size: levels smaller than this (height, width) are left out.

    Returns:
        A list of (level, (vertical scale, horizontal scale)). The scales are those after rounding
        to whole pixels: multiply by them to go from the image to the level. Resized bilinearly,
        smoothed where shrunk (without, thin edges flicker from level to level).

    Gradient:
        Flows to `image`.

    Raises:
        TypeError, ValueError: `image` is not (C, H, W) float, or a scale is not greater than 0.
    """
    check.is_tensor("image_pyramid", image=image)
    check.dtype("image_pyramid", (torch.float32, torch.float64), image=image)
    if image.ndim != 3:
        raise ValueError(
            f"image_pyramid: image must have shape (C, H, W), got {tuple(image.shape)}"
        )
    least = _pair("image_pyramid", min_size=min_size)
    height, width = image.shape[1:]
    levels = []
    for scale in scales:
        check.positive("image_pyramid", scales=scale)
        size = round(height * scale), round(width * scale)
        if size[0] < least[0] or size[1] < least[1]:
            continue
        level = interpolate(
            image[None], size, mode="bilinear", align_corners=False, antialias=True
        )[0]
        levels.append((level, (size[0] / height, size[1] / width)))
    return levels


def sliding_windows(
    image_size: Size, window_size: Size, stride: Size = 1,
    scale: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """Return all windows that lie wholly on one level of a pyramid.

    Args:
        image_size, window_size: (height, width) of the level and of the window, or one number.
        stride: steps (down, right), or one number.
        scale: (vertical, horizontal) size of the level relative to the image.

    Returns:
        (N, 4) float32; xyxy in pixels of the *image*, row by row. N is `window_count`.

    Raises:
        TypeError, ValueError: a size or stride is not a whole number of at least 1.
    """
    return sliding_windows_vectorized(image_size, window_size, stride, scale)


def sliding_windows_loop(
    image_size: Size, window_size: Size, stride: Size = 1,
    scale: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    height, width, window_height, window_width, down, right = _sizes(
        "sliding_windows", image_size, window_size, stride
    )
    windows = []
    y = 0
    while y + window_height <= height:
        x = 0
        while x + window_width <= width:
            corners = [x, y, x + window_width, y + window_height]
            windows.append([c / s for c, s in zip(corners, scale[::-1] * 2, strict=True)])
            x += right
        y += down
    return torch.tensor(windows, dtype=torch.float32).reshape(-1, 4)


def sliding_windows_vectorized(
    image_size: Size, window_size: Size, stride: Size = 1,
    scale: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    height, width, window_height, window_width, down, right = _sizes(
        "sliding_windows", image_size, window_size, stride
    )
    y = torch.arange(0, max(height - window_height + 1, 0), down, dtype=torch.float64)
    x = torch.arange(0, max(width - window_width + 1, 0), right, dtype=torch.float64)
    y, x = (grid.flatten() for grid in torch.meshgrid(y, x, indexing="ij"))
    windows = torch.stack([x, y, x + window_width, y + window_height], 1)       # (N, 4)
    return (windows / torch.tensor(scale[::-1] * 2, dtype=torch.float64)).float()


def window_count(image_size: Size, window_size: Size | None = None, stride: Size = 1) -> int:
    """Return how many windows of `window_size` fit into an image of `image_size`.

    Without a `window_size`: how many rectangles of any size and place, W(W + 1)/2 * H(H + 1)/2.
    Sizes are (height, width). Errors: see `sliding_windows`.
    """
    if window_size is None:
        height, width = _pair("window_count", image_size=image_size)
        return (width * (width + 1) // 2) * (height * (height + 1) // 2)
    height, width, window_height, window_width, down, right = _sizes(
        "window_count", image_size, window_size, stride
    )
    rows = max(0, (height - window_height) // down + 1)
    return rows * max(0, (width - window_width) // right + 1)


def exhaustive_cost(
    image_size: Size, num_shapes: int | None = None, milliseconds: float = 1.0
) -> float:
    """Return the seconds that classifying every window takes.

    Args:
        image_size: (height, width).
        num_shapes: windows around each pixel, aspect ratios times scales. None: all rectangles,
            for which "months" is right: 640 x 480 pixels at 1 ms take 274 days. For the usual 30
            shapes it is not: 2.6 hours.
        milliseconds: for one window.
    """
    if num_shapes is None:
        return window_count(image_size) * milliseconds / 1000
    height, width = _pair("exhaustive_cost", image_size=image_size)
    return height * width * num_shapes * milliseconds / 1000


def _pair(function: str, **named: Size) -> tuple[int, int]:
    check.size(function, **named)
    (size,) = named.values()
    return check.pair(size)


def _sizes(function: str, image_size: Size, window_size: Size, stride: Size) -> tuple[int, ...]:
    return (
        *_pair(function, image_size=image_size),
        *_pair(function, window_size=window_size),
        *_pair(function, stride=stride),
    )


IMPLEMENTATIONS = {"loop": sliding_windows_loop, "vectorized": sliding_windows_vectorized}
