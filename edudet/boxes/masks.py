"""Boxes inferred from masks: the smallest box around the pixels of an object.

A data set with masks needs no boxes of its own. Two conventions are in use for the far side:

    here            x2 = last column + 1    the box contains the last pixel, whole
    torchvision     x2 = last column        the index of the last pixel, inclusive

Pixel (row y, column x) covers [x, x + 1) x [y, y + 1). So the mask of one pixel has the box
(x, y, x + 1, y + 1) of area 1; the inclusive convention calls it (x, y, x, y), with which every IoU
is 0. To get torchvision's numbers, subtract 1 from x2 and y2.

The same function twice: masks_to_boxes_loop (the definition) and masks_to_boxes_vectorized.
"""

import torch
from torch import Tensor

from edudet import check


def masks_to_boxes(masks: Tensor) -> Tensor:
    """Return the smallest box around every mask.

    Args:
        masks: (N, H, W) bool, integer or float; a pixel belongs to the object where it is not 0.

    Returns:
        (N, 4) float32; xyxy in pixels, x2 and y2 just behind the last pixel. (0, 0, 0, 0) for a
        mask without a pixel: the only case of area 0.

    Gradient:
        None: a box does not change with a mask's values until it jumps.

    Raises:
        TypeError: `masks` is not a tensor.
        ValueError: `masks` is not (N, H, W).
    """
    check.is_tensor("masks_to_boxes", masks=masks)
    if masks.ndim != 3:
        raise ValueError(
            f"masks_to_boxes: masks must have shape (N, H, W), got {tuple(masks.shape)}"
        )
    check.dtype("masks_to_boxes", (torch.bool, *check.INTEGERS, *check.FLOATS), masks=masks)
    return masks_to_boxes_vectorized(masks)


def masks_to_boxes_loop(masks: Tensor) -> Tensor:
    num_masks, height, width = masks.shape
    boxes = torch.zeros(num_masks, 4, device=masks.device)
    for i in range(num_masks):
        pixels = [(x, y) for y in range(height) for x in range(width) if masks[i, y, x] != 0]
        if not pixels:
            continue
        columns, rows = zip(*pixels, strict=True)
        boxes[i] = torch.tensor([min(columns), min(rows), max(columns) + 1, max(rows) + 1])
    return boxes


def masks_to_boxes_vectorized(masks: Tensor) -> Tensor:
    if masks.numel() == 0:
        return torch.zeros(len(masks), 4, device=masks.device)
    # The largest of bytes: torch finds it ten times as fast as `any` of booleans.
    inside = masks.detach().bool().view(torch.uint8)
    x1, x2 = _first_and_behind_last(inside.amax(1))                      # columns with a pixel
    y1, y2 = _first_and_behind_last(inside.amax(2))                      # rows with a pixel
    return torch.stack([x1, y1, x2, y2], 1).float()


def _first_and_behind_last(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """(N, L) of 0 and 1 -> (N,) and (N,); 0 and 0 where nothing is occupied."""
    place = torch.arange(1, occupied.shape[1] + 1, device=occupied.device)
    behind = (occupied * place).amax(1)
    first = (occupied * place.flip(0)).amax(1)                           # counted from the far end
    return torch.where(behind > 0, occupied.shape[1] - first, 0), behind


IMPLEMENTATIONS = {"loop": masks_to_boxes_loop, "vectorized": masks_to_boxes_vectorized}
