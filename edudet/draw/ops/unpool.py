"""Max pooling window by window, and three ways back, cell by cell."""

from typing import Any

import torch
from torch import Tensor

from edudet.draw.ops.conv_transpose import first_cells, rectangle, write_cells
from edudet.draw.steps import Steps
from edudet.ops import max_pool2d_with_indices, max_unpool2d
from edudet.ops.unpool import unpool_vectorized

KINDS = ("nearest", "bed_of_nails", "max")


def step_pooling(image: Tensor, kernel_size: int, stride: int | None = None) -> Steps:
    """Max pooling of an (H, W) map, window by window, with the positions of the maxima."""
    pooled = max_pool2d_with_indices(image[None], kernel_size, stride)
    values, indices = (part[0] for part in pooled)
    step, across = stride or kernel_size, image.shape[1]
    captions = []
    for value, index in zip(values.flatten().tolist(), indices.flatten().tolist(), strict=True):
        y, x = divmod(index, across)
        captions.append(f"the largest is {value:g}, in row {y}, column {x}: "
                        f"index {y} · {across} + {x} = {index}")  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        left, middle, right = axes[0]
        y, x = divmod(i, values.shape[1])
        best = divmod(int(indices.flatten()[i]), across)
        window = rectangle(image.shape, y * step, x * step, kernel_size, kernel_size)
        write_cells(left, image, "map", {"kept": rectangle(image.shape, *best), "marked": window})
        now = {"kept": rectangle(values.shape, y, x)}
        write_cells(middle, first_cells(values, i), "maxima", now, image.shape)
        write_cells(right, first_cells(indices, i), "their indices", now, image.shape)

    return Steps(captions, draw, 7.5, 3.2, 1, 3)


def step_unpooling(values: Tensor, scale: int, indices: Tensor) -> Steps:
    """Three ways to enlarge an (H, W) map, cell by cell; `indices` are those of max pooling."""
    cells = torch.arange(values.numel()).reshape(values.shape)
    captions = [f"where does the {value:g} go?" for value in values.flatten().tolist()]

    def draw(axes: Any, i: int) -> None:
        before = (cells <= i) * values
        now = {"marked": cells == i}
        size = values.shape[0] * scale, values.shape[1] * scale
        write_cells(axes[0, 0], values, "small map", now, size)
        for ax, kind in zip(axes[0, 1:], KINDS, strict=True):
            wide, touched = (_enlarge(part, scale, kind, indices) for part in (before, cells == i))
            name = "max unpooling" if kind == "max" else kind.replace("_", " ")
            write_cells(ax, wide, name, {"marked": touched > 0})

    return Steps(captions, draw, 9, 3, 1, 4)


def _enlarge(values: Tensor, scale: int, kind: str, indices: Tensor) -> Tensor:
    if kind == "max":
        return max_unpool2d(values[None].float(), indices[None], scale)[0]
    return unpool_vectorized(values.float(), scale, kind)
