"""Heatmaps of points: 1 at the cell of a point, falling off around it like a Gaussian.

A detector that looks for corners or centres answers at each cell "is it here?". One cell is right,
but its neighbours are nearly right: a box from slightly wrong corners still overlaps the object
well. Gaussians tell the loss so. CornerNet (Law and Deng, 2018), CenterNet (Zhou et al., 2019).

    gaussian_radius     how far two corners may be off before the IoU falls below `min_overlap`
    gaussian_heatmaps   exp(-distance^2 / (2 sigma^2)) around each point, at most a radius away

The radius is the smallest of three, for a box of h x w and t = min_overlap. The corners move by r

    inwards both     (h - 2r)(w - 2r) = t h w                    4 r^2 - 2 (h+w) r + (1-t) h w = 0
    outwards both    h w = t (h + 2r)(w + 2r)                  4t r^2 + 2t (h+w) r - (1-t) h w = 0
    the same way     (h - r)(w - r) = t (2 h w - (h-r)(w-r))   r^2 - (h+w) r + h w (1-t)/(1+t) = 0

of which we need the smaller positive root, (b - sqrt(b^2 - 4ac)) / 2a. The original code, copied to
this day, has (b + sqrt(b^2 - 4ac)) / 2 in its place: the larger root, and never divided by a. What
is left as the minimum is the second case, 4t times too large. For 100 x 100 and t = 0.7 it gives
27 instead of 8; corners 27 pixels off make a box with an IoU of 0.21.

Each function twice: a loop, the definition, and a vectorised form.
"""

import math

import torch
from torch import Tensor

from edudet import check

Size = tuple[int, int]


def gaussian_radius(sizes: Tensor, min_overlap: float = 0.7) -> Tensor:
    """Return by how much both corners of a box may be off, so that the IoU is `min_overlap` yet.

    Args:
        sizes: (..., 2) float; height and width of each box; which is which does not matter.
        min_overlap: an IoU above 0, at most 1.

    Returns:
        (...) in the unit of `sizes`: float64 for float64, else float32. Not rounded; 0 for a box
        without width or height.

    Raises:
        TypeError, ValueError: `sizes` is not (..., 2) float, or has a negative or non-finite
            number (not looked for on CUDA); `min_overlap` lies outside (0, 1].
    """
    check.is_tensor("gaussian_radius", sizes=sizes)
    if sizes.ndim == 0 or sizes.shape[-1] != 2:
        raise ValueError(
            f"gaussian_radius: sizes must have shape (..., 2), got {tuple(sizes.shape)}"
        )
    check.dtype("gaussian_radius", check.FLOATS, sizes=sizes)
    check.unit_interval("gaussian_radius", min_overlap=min_overlap)
    check.positive("gaussian_radius", min_overlap=min_overlap)
    if check.can_look(sizes) and not ((sizes >= 0) & sizes.isfinite()).all():
        raise ValueError("gaussian_radius: sizes must be finite and at least 0, got others")
    return gaussian_radius_vectorized(sizes, min_overlap)


def gaussian_radius_loop(sizes: Tensor, min_overlap: float = 0.7) -> Tensor:
    sizes = sizes.to(torch.promote_types(sizes.dtype, torch.float32))
    radii = sizes.new_zeros(sizes[..., 0].numel())
    for i, (height, width) in enumerate(sizes.reshape(-1, 2)):
        total, area = height + width, height * width
        lost = (1 - min_overlap) * area
        inwards = (2 * total - _sqrt(4 * total**2 - 16 * lost)) / 8
        b = 2 * min_overlap * total
        outwards = (_sqrt(b**2 + 16 * min_overlap * lost) - b) / (8 * min_overlap)
        same_way = (total - _sqrt(total**2 - 4 * lost / (1 + min_overlap))) / 2
        radii[i] = max(0, min(inwards, outwards, same_way))
    return radii.reshape(sizes.shape[:-1])


def _sqrt(discriminant: Tensor) -> Tensor:
    return torch.sqrt(discriminant.clamp(min=0))  # rounding may leave a little less than 0


def gaussian_radius_vectorized(sizes: Tensor, min_overlap: float = 0.7) -> Tensor:
    sizes = sizes.to(torch.promote_types(sizes.dtype, torch.float32))
    total, area = sizes.sum(-1), sizes.prod(-1)                          # (...)
    lost = (1 - min_overlap) * area
    inwards = (2 * total - _sqrt(4 * total**2 - 16 * lost)) / 8
    b = 2 * min_overlap * total
    outwards = (_sqrt(b**2 + 16 * min_overlap * lost) - b) / (8 * min_overlap)
    same_way = (total - _sqrt(total**2 - 4 * lost / (1 + min_overlap))) / 2
    return torch.minimum(torch.minimum(inwards, outwards), same_way).clamp(min=0)


def gaussian_heatmaps(
    points: Tensor, radii: Tensor, labels: Tensor, num_classes: int, size: Size
) -> Tensor:
    """Return one heatmap for each class, with a Gaussian around each point.

    Args:
        points: (N, 2) float; x, y in cells: a point in [2, 3) belongs to cell 2, and the Gaussian
            stands on the cell, not between. Points outside the map are drawn where they reach it.
        radii: (N,), same dtype and device; in cells, 0 or more. The Gaussian ends where |dx| or
            |dy| is larger, and sigma is (2 radius + 1) / 6, so that hardly anything is cut off.
        labels: (N,) integer, same device; 0, ..., num_classes - 1.
        num_classes, size: of the result; size is (height, width) in cells.

    Returns:
        (C, H, W), float64 for float64 points, else float32. Where Gaussians meet, the larger value.

    Gradient:
        None: a target has none.

    Raises:
        TypeError, ValueError: shapes, dtypes or devices do not fit; a number is not finite, a
            radius negative or a label out of range (on CUDA: not drawn).
    """
    function = "gaussian_heatmaps"
    check.is_tensor(function, points=points, radii=radii, labels=labels)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{function}: points must have shape (N, 2), got {tuple(points.shape)}")
    if radii.shape != points.shape[:1]:
        raise ValueError(
            f"{function}: radii must have shape (N,) with the N of points, {len(points)}, "
            f"got {tuple(radii.shape)}"
        )
    check.dtype(function, check.FLOATS, points=points)
    check.same_dtype(function, points=points, radii=radii)
    check.same_device(function, points=points, radii=radii, labels=labels)
    check_labels(function, labels, len(points), num_classes)
    check.size(function, size=size)
    if check.can_look(points, radii):
        check.finite(function, radii=radii)
        for i in (~points.isfinite().all(1)).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{function}: points[{i}] must be finite, got {points[i].tolist()}")
        for i in (radii < 0).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{function}: radii[{i}] must be at least 0, got {radii[i].item():g}")
    return gaussian_heatmaps_vectorized(points, radii, labels, num_classes, size)


def check_labels(function: str, labels: Tensor, number: int, num_classes: int) -> None:
    check.is_int(function, num_classes=num_classes)
    check.positive(function, num_classes=num_classes)
    check.is_tensor(function, labels=labels)
    if labels.shape != (number,):
        raise ValueError(
            f"{function}: labels must have shape (N,), one for each of {number}, "
            f"got {tuple(labels.shape)}"
        )
    check.dtype(function, check.INTEGERS, labels=labels)
    if check.can_look(labels):
        for i in ((labels < 0) | (labels >= num_classes)).nonzero().flatten().tolist()[:1]:
            raise ValueError(
                f"{function}: labels[{i}] must lie in 0, ..., {num_classes - 1}, "
                f"got {labels[i].item()}"
            )


def gaussian_heatmaps_loop(
    points: Tensor, radii: Tensor, labels: Tensor, num_classes: int, size: Size
) -> Tensor:
    height, width = check.pair(size)
    dtype = torch.promote_types(points.dtype, torch.float32)
    heatmaps = torch.zeros(num_classes, height, width, dtype=dtype, device=points.device)
    for (px, py), radius, label in zip(
        points.tolist(), radii.tolist(), labels.tolist(), strict=True
    ):
        sigma = (2 * radius + 1) / 6
        for y in range(height):
            for x in range(width):
                dx, dy = x - math.floor(px), y - math.floor(py)
                if abs(dx) <= radius and abs(dy) <= radius:
                    value = math.exp(-(dx**2 + dy**2) / (2 * sigma**2))
                    heatmaps[label, y, x] = max(heatmaps[label, y, x].item(), value)
    return heatmaps


def gaussian_heatmaps_vectorized(
    points: Tensor, radii: Tensor, labels: Tensor, num_classes: int, size: Size
) -> Tensor:
    height, width = check.pair(size)
    dtype = torch.promote_types(points.dtype, torch.float32)
    cells, radii = points.detach().to(dtype).floor(), radii.detach().to(dtype)[:, None]
    dx = torch.arange(width, device=cells.device) - cells[:, :1]         # (N, W)
    dy = torch.arange(height, device=cells.device) - cells[:, 1:]        # (N, H)
    # Far from the point the distance is infinite, and the exponential of it 0.
    dx, dy = (d.masked_fill(d.abs() > radii, math.inf) for d in (dx, dy))
    distance2 = dy[:, :, None] ** 2 + dx[:, None, :] ** 2                # (N, H, W)
    sigma = (2 * radii[:, :, None] + 1) / 6
    values = torch.exp(-distance2 / (2 * sigma**2))
    # A label that is out of range draws on a map that is thrown away.
    valid = (labels >= 0) & (labels < num_classes)
    maps = torch.where(valid, labels.long(), num_classes)[:, None, None].expand_as(values)
    heatmaps = values.new_zeros(num_classes + 1, height, width)
    return heatmaps.scatter_reduce(0, maps, values, "amax")[:num_classes]


IMPLEMENTATIONS = {"loop": gaussian_heatmaps_loop, "vectorized": gaussian_heatmaps_vectorized}
IMPLEMENTATIONS_OF_GAUSSIAN_RADIUS = {
    "loop": gaussian_radius_loop,
    "vectorized": gaussian_radius_vectorized,
}
