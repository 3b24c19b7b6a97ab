"""A template at every place of an image: pixel against pixel, and the map of scores."""

from typing import Any

import torch
from torch import Tensor

from edudet.draw.boxes import draw_boxes, show_image
from edudet.draw.proposals.sliding_window import show_filled
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.proposals import match_template


def step_match(image: Tensor, template: Tensor) -> Steps:
    """A (h, w) template at every place of a (H, W) image: the pixels of the window against those of
    the template, and the map of scores."""
    scores, (h, w) = match_template(image, template), template.shape
    places = [(y, x) for y in range(scores.shape[0]) for x in range(scores.shape[1])]
    captions = [f"row {y}, column {x}: score {scores[y, x]:.2f}" for y, x in places]

    def draw(axes: Any, i: int) -> None:
        left, middle, right = axes[0]
        y, x = places[i]
        write_pixels(left, image, "image")
        draw_boxes(left, torch.tensor([[x, y, x + w, y + h]]), "marked", width=3)
        window = image[y : y + h, x : x + w]
        middle.plot(template.flatten(), window.flatten(), "o", color=COLOURS["marked"], alpha=0.6)
        low, high = image.min().item(), image.max().item()
        middle.set(xlabel="pixel of the template", ylabel="pixel of the window",
                   ylim=(low - 0.7, high + 0.7), title="pixel against pixel")  # fmt: skip
        show_filled(right, scores, i + 1, "scores")
        for k, (row, column) in enumerate(places[: i + 1]):
            right.text(column, row, f"{scores[row, column]:.2f}", ha="center", va="center",
                       fontsize=8, weight="bold" if k == i else "normal",
                       color="white" if abs(scores[row, column]) > 0.6 else "black")  # fmt: skip

    return Steps(captions, draw, 9, 3.1, 1, 3)


def write_pixels(axes: Any, image: Tensor, title: str = "") -> None:
    """Show a small (H, W) image with its values in the pixels."""
    show_image(axes, image, title)
    middle = (image.min() + image.max()) / 2
    for y, row in enumerate(image.tolist()):
        for x, value in enumerate(row):
            axes.text(x + 0.5, y + 0.5, f"{value:g}", ha="center", va="center", fontsize=9,
                      color="white" if value < middle else "black")  # fmt: skip
