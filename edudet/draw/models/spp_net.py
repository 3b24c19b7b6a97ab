"""Spatial pyramid pooling, level by level."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edudet.draw.boxes import draw_boxes
from edudet.draw.grids import show_cells
from edudet.draw.ops.roi_pool import draw_roi_bins
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops.roi_pool import roi_pool, roi_pool_bins


def step_pyramid_pool(
    feature_map: Tensor, boxes: Tensor, bins: Sequence[int] = (4, 2, 1), stride: float = 1
) -> Steps:
    """Spatial pyramid pooling of an (H, W) map: for each of (S, 4) boxes (xyxy, pixels) level after
    level, with the numbers found so far beside it: as many for every box."""
    pooled = [roi_pool(feature_map[None, None], [boxes], k, 1 / stride) for k in bins]
    numbers = torch.cat([one.flatten(1) for one in pooled], 1)  # type: ignore[union-attr]
    ends = torch.tensor([k * k for k in bins]).cumsum(0).tolist()
    order = [(s, level) for s in range(len(boxes)) for level in range(len(bins))]
    sizes = [f"{x2 - x1:.0f} × {y2 - y1:.0f} pixels" for x1, y1, x2, y2 in boxes.tolist()]
    captions = [
        f"{sizes[s]}, {bins[level]} × {bins[level]} bins: {ends[level]} numbers so far"
        for s, level in order
    ]

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        s, level = order[i]
        show_cells(left, feature_map, "one channel of the map", stride)
        left.set_xlabel("pixels")
        draw_roi_bins(left, roi_pool_bins(boxes[s], bins[level], 1 / stride)[0])
        draw_boxes(left, boxes[s : s + 1], "dropped", dashed=True)
        begin = ends[level] - bins[level] ** 2
        colours = [COLOURS["faint" if k < begin else "kept"] for k in range(ends[level])]
        right.bar(range(ends[level]), numbers[s, : ends[level]].tolist(), color=colours)
        right.set(xlim=(-0.8, ends[-1] - 0.2), xticks=[0, *ends[:-1]],
                  ylim=(min(0.0, float(numbers.min())), float(numbers.max()) * 1.05),
                  xlabel="which number", title="what is handed on")  # fmt: skip

    return Steps(captions, draw, 7, 3.3, 1, 2)
