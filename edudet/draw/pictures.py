"""An image as a figure of its own: alone, or with a second panel beside it."""

from typing import Any

from torch import Tensor

from edudet.draw.boxes import show_image
from edudet.draw.style import DPI, HouseFigure, new_figure

SMALLEST = 640  # pixels of a picture's width: a thumbnail is enlarged, so that labels can be read


def whole_image(image: Tensor) -> tuple[HouseFigure, Any]:
    """A figure that is the image (3, H, W), and axes over all of it."""
    height, width = image.shape[-2:]
    scale = max(1.0, SMALLEST / width) / DPI
    figure = HouseFigure((width * scale, height * scale))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, image)
    return figure, axes


def show_beside(image: Tensor) -> tuple[HouseFigure, Any]:
    """A figure with the image (3, H, W) at the left, and the axes at the right, still empty."""
    height, width = image.shape[-2:]
    side = SMALLEST / DPI
    figure, ((left, right),) = new_figure(2 * side, side * min(max(height / width, 0.5), 2), 1, 2)
    show_image(left, image)
    return figure, right
