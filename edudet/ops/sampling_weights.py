"""Sampling weights: how much each pixel of the input counts in one pixel that grid_sample reads.

    output(m, n) = sum over u, v of  input(u, v) kappa_mn(u, v)

Reading between pixels is a weighted mean, and the weights of one output pixel are an image over the
input: kappa. Bilinear, it is a product of two triangles around the point (x, y) that is read,
    kappa_mn(u, v) = max(0, 1 - |u - x|) max(0, 1 - |v - y|),
so that four pixels count. `grid_sample` works out only these few, its taps; here they are put where
they belong, to be looked at (Jaderberg et al., Spatial Transformer Networks, 2015, section 3.3).

The same function twice, plainest first:
    sampling_weights_loop         tap by tap, with `axis_taps`, the definition
    sampling_weights_vectorized   one row of weights for each axis, then their product
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from edudet import check
from edudet.dtypes import widen

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")
CUBIC = -0.75  # the slope of the cubic at distance 1; torch's choice, OpenCV's too


def sampling_weights(
    grid: Tensor, size: Sequence[int], pixel: Sequence[int], mode: str = "bilinear",
    padding_mode: str = "zeros", align_corners: bool | None = None,
) -> Tensor:
    """Return the weights of the input's pixels in one output pixel of `grid_sample`.

    Args:
        grid: (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3) float; see `grid_sample`.
        size: of the input: (H, W) or (D, H, W).
        pixel: the output pixel: (row, column) or (plane, row, column), from zero.
        mode, padding_mode, align_corners: see `grid_sample`.

    Returns:
        (N, H, W) or (N, D, H, W) in the dtype of grid. The sum of its products with an input is
        that pixel of `grid_sample`. Sums to 1, but for points outside with zeros as padding.

    Gradient:
        Flows to grid.

    Raises:
        TypeError, ValueError: an argument is not what is said above.
        IndexError: there is no such output pixel.
    """
    align_corners = check_sampling(
        "sampling_weights", mode, padding_mode, align_corners, len(size)
    )
    _check_place(grid, size, pixel)
    return sampling_weights_vectorized(grid, size, pixel, mode, padding_mode, align_corners)


def check_sampling(
    function: str, mode: str, padding_mode: str, align_corners: bool | None, axes: int
) -> bool:
    """Raise if the three ways of sampling make no sense; return align_corners as a bool."""
    if mode not in MODES:
        raise ValueError(f"{function}: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            f"{function}: padding_mode must be one of {', '.join(PADDING_MODES)}, "
            f"got {padding_mode!r}"
        )
    if mode == "bicubic" and axes == 3:
        raise ValueError(f"{function}: mode must be bilinear or nearest for volumes, got 'bicubic'")
    if align_corners is not None:
        check.is_bool(function, align_corners=align_corners)
    return bool(align_corners)


def _check_place(grid: Tensor, size: Sequence[int], pixel: Sequence[int]) -> None:
    check.is_tensor("sampling_weights", grid=grid)
    check.dtype("sampling_weights", check.FLOATS, grid=grid)
    axes = len(size)
    if axes not in (2, 3) or min(size) < 1:
        raise ValueError(
            f"sampling_weights: size must be (H, W) or (D, H, W), at least 1, got {tuple(size)}"
        )
    if grid.ndim != axes + 2 or grid.shape[-1] != axes:
        raise ValueError(
            f"sampling_weights: grid must have {axes + 2} dimensions, the last of {axes}, for a "
            f"size of {tuple(size)}, got {tuple(grid.shape)}"
        )
    if len(pixel) != axes or not all(
        0 <= i < count for i, count in zip(pixel, grid.shape[1:-1], strict=True)
    ):
        raise IndexError(
            f"sampling_weights: pixel must be a place in {tuple(grid.shape[1:-1])}, "
            f"got {tuple(pixel)}"
        )


def axis_taps(
    coordinate: Tensor, count: int, mode: str, padding_mode: str, align_corners: bool
) -> list[tuple[int | None, Tensor]]:
    """Return the cells of an axis of `count` that are read, each with its weight.

    `coordinate` is normalised, without dimensions. A cell is None where 0 is read instead.
    """
    position = _position(coordinate, count, align_corners)
    if mode == "bicubic":
        low = position.detach().floor()
        weights = _cubic_weights(position - low)
        cells = [_pad(low + step, count, padding_mode, align_corners) for step in (-1, 0, 1, 2)]
    else:
        position = _pad(position, count, padding_mode, align_corners)
        if mode == "nearest":
            cells, weights = [position.round()], [torch.ones_like(position)]  # half: to even
        else:
            low = position.detach().floor()
            cells, weights = [low, low + 1], [1 - (position - low), position - low]
    inside = [0 <= cell <= count - 1 for cell in cells]  # not if NaN
    return [
        (int(cell) if is_inside else None, weight)
        for cell, is_inside, weight in zip(cells, inside, weights, strict=True)
    ]


def _position(coordinate: Tensor, count: int, align_corners: bool) -> Tensor:
    """From [-1, 1] to cells, counted from the centre of cell 0."""
    if align_corners:
        return (coordinate + 1) * ((count - 1) / 2)
    return (coordinate + 1) * (count / 2) - 0.5


def _pad(position: Tensor, count: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        position = _reflect(position, count, align_corners)
    if not position > 0:  # NaN, too, ends at cell 0; a constant: no gradient flows out here
        return torch.zeros_like(position)
    if position >= count - 1:
        return torch.full_like(position, count - 1)
    return position


def _reflect(position: Tensor, count: int, align_corners: bool) -> Tensor:
    """Fold the axis between two mirrors: the outermost centres, or the outer edges."""
    mirror = 0.0 if align_corners else -0.5
    span = count - 1 if align_corners else count
    if span == 0:
        return torch.zeros_like(position)
    distance = position - mirror if position >= mirror else mirror - position
    distance = distance - 2 * span * (distance / (2 * span)).detach().floor()
    if distance > span:
        distance = 2 * span - distance
    return distance + mirror


def _cubic_weights(t: Tensor) -> list[Tensor]:
    """Of the cells at distance 1 + t, t, 1 - t and 2 - t (Keys, 1981)."""

    def near(d: Tensor) -> Tensor:
        return ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1

    def far(d: Tensor) -> Tensor:
        return ((CUBIC * d - 5 * CUBIC) * d + 8 * CUBIC) * d - 4 * CUBIC

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def sampling_weights_loop(
    grid: Tensor, size: Sequence[int], pixel: Sequence[int], mode: str = "bilinear",
    padding_mode: str = "zeros", align_corners: bool | None = None,
) -> Tensor:
    place: tuple = (slice(None), *pixel)
    points = widen(grid)[place]
    weights = points.new_zeros(len(grid), *size) + points[:0].sum()
    for n in range(len(grid)):
        taps = [
            axis_taps(points[n, -1 - axis], size[axis], mode, padding_mode, bool(align_corners))
            for axis in range(len(size))
        ]
        for combination in itertools.product(*taps):
            cells: tuple = (n, *(cell for cell, _ in combination))
            weight = combination[0][1]
            for _, along_axis in combination[1:]:
                weight = weight * along_axis
            if None not in cells:
                weights[cells] = weights[cells] + weight
    return weights.to(grid.dtype)


def all_axis_taps(
    coordinates: Tensor, count: int, mode: str, padding_mode: str, align_corners: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(...) -> the cells of `axis_taps`, int64, whether they count, and their weights: (..., taps).

    A cell that does not count is 0.
    """
    position = _position(coordinates, count, align_corners)
    if mode != "bicubic":
        position = _pad_all(position, count, padding_mode, align_corners)
    low = position.detach().round() if mode == "nearest" else position.detach().floor()
    if mode == "nearest":
        cells, weights = low[..., None], torch.ones_like(low)[..., None]
    elif mode == "bilinear":
        cells = torch.stack([low, low + 1], -1)
        weights = torch.stack([1 - (position - low), position - low], -1)
    else:
        cells = low[..., None] + torch.arange(-1, 3, dtype=low.dtype, device=low.device)
        cells = _pad_all(cells, count, padding_mode, align_corners)
        weights = torch.stack(_cubic_weights(position - low), -1)
    inside = (cells >= 0) & (cells <= count - 1)
    return cells.where(inside, 0).long(), inside, weights


def _pad_all(position: Tensor, count: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        position = _reflect_all(position, count, align_corners)
    position = position.where(position > 0, 0)
    return position.where(position < count - 1, count - 1)


def _reflect_all(position: Tensor, count: int, align_corners: bool) -> Tensor:
    mirror = 0.0 if align_corners else -0.5
    span = count - 1 if align_corners else count
    if span == 0:
        return torch.zeros_like(position)
    distance = torch.where(position >= mirror, position - mirror, mirror - position)
    distance = distance - 2 * span * (distance / (2 * span)).detach().floor()
    return torch.where(distance > span, 2 * span - distance, distance) + mirror


def sampling_weights_vectorized(
    grid: Tensor, size: Sequence[int], pixel: Sequence[int], mode: str = "bilinear",
    padding_mode: str = "zeros", align_corners: bool | None = None,
) -> Tensor:
    place: tuple = (slice(None), *pixel)
    points = widen(grid)[place]                                            # (N, axes)
    weights = torch.ones_like(points[:, 0])
    for axis, count in enumerate(size):
        cells, inside, along_axis = all_axis_taps(
            points[:, -1 - axis], count, mode, padding_mode, bool(align_corners)
        )                                                                    # (N, taps)
        is_tap = cells[..., None] == torch.arange(count, device=grid.device)
        row = along_axis[..., None].where(is_tap & inside[..., None], 0).sum(1)   # (N, count)
        weights = weights[..., None] * row.reshape(len(row), *[1] * axis, count)
    return weights.to(grid.dtype)


IMPLEMENTATIONS = {"loop": sampling_weights_loop, "vectorized": sampling_weights_vectorized}
