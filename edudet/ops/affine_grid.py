"""Affine grids: where an affine map says that each pixel of the output reads the input.

    (x, y) = theta . (m, n, 1)

(m, n) runs over the pixels of the output, column first; (x, y) is where that pixel looks. Both are
normalised: the image reaches from -1 to 1, whatever its size. What -1 and 1 stand for is the
question of `align_corners`: the centres of the outermost pixels (True), or the image's edges
(False). So one pixel of four is 2/3 or 1/2. It is the second third of a spatial transformer
(Jaderberg et al., 2015): a net proposes theta, this makes a grid, `grid_sample` reads.

The same function twice, plainest first:
    affine_grid_loop         a loop over the output's pixels: the definition
    affine_grid_vectorized   products of theta with rows, columns and planes of coordinates
`rigid_theta` makes theta from a rotation and a shift in pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from edudet import check
from edudet.dtypes import widen


def affine_grid(
    theta: Tensor, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    """Return the points that the pixels of an output of `size` read under the maps `theta`.

    Args:
        theta: (N, 2, 3) float for images, (N, 3, 4) for volumes; rows give x, y (and z) from
            (x, y, 1) (or (x, y, z, 1)).
        size: of the output: (N, C, H, W), or (N, C, D, H, W) for volumes.
        align_corners: whether -1 and 1 are the centres of the outermost pixels, True, or the
            outer edges of these pixels, False. None is False, as in torch, but without a warning.

    Returns:
        (N, H, W, 2) of x, y, or (N, D, H, W, 3) of x, y, z, in the dtype of theta. A size of 0
        gives an empty grid. A side of one pixel has its centre at 0 either way.

    Gradient:
        Flows to theta, any number of times.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: theta has another shape, dtype or batch than `size` asks for.
    """
    align_corners = _checked(theta, size, align_corners)
    return affine_grid_vectorized(theta, size, align_corners)


def _checked(theta: Tensor, size: Sequence[int], align_corners: bool | None) -> bool:
    check.is_tensor("affine_grid", theta=theta)
    check.dtype("affine_grid", check.FLOATS, theta=theta)
    if not isinstance(size, (tuple, list)) or not all(
        isinstance(side, (int, torch.SymInt)) and not isinstance(side, bool) for side in size
    ):
        raise TypeError(f"affine_grid: size must be a sequence of ints, got {size!r}")
    if len(size) not in (4, 5) or min(size) < 0:
        raise ValueError(
            "affine_grid: size must be (N, C, H, W) or (N, C, D, H, W), none of them negative, "
            f"got {tuple(size)}"
        )
    shape = (size[0], len(size) - 2, len(size) - 1)
    if tuple(theta.shape) != shape:
        raise ValueError(
            f"affine_grid: theta must have shape {shape} for an output of size {tuple(size)}, "
            f"got {tuple(theta.shape)}"
        )
    if align_corners is not None:
        check.is_bool("affine_grid", align_corners=align_corners)
    return bool(align_corners)


def pixel_centres(count: int, align_corners: bool, like: Tensor) -> Tensor:
    """Return the normalised coordinates of the centres of `count` pixels in a row: (count,)."""
    i = torch.arange(count, dtype=like.dtype, device=like.device)
    if not align_corners:
        return (2 * i + 1) / max(count, 1) - 1
    return 2 * i / max(count - 1, 1) - (1 if count > 1 else 0)


def affine_grid_loop(
    theta: Tensor, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    maps = widen(theta)
    axes = len(size) - 2
    # (H, W) or (D, H, W), the columns' coordinate last; theta wants it first.
    centres = [pixel_centres(count, bool(align_corners), maps) for count in size[2:]]
    # The sum of nothing is 0: it keeps `grid` in the graph, so that no pixels give a zero gradient.
    grid = maps.new_zeros(size[0], *size[2:], axes) + maps[:0].sum()
    for n in range(size[0]):
        for pixel in torch.cartesian_prod(*(torch.arange(count) for count in size[2:])).tolist():
            point = [centres[axis][pixel[axis]] for axis in reversed(range(axes))]
            for row in range(axes):
                total = maps[n, row, axes]
                for column in range(axes):
                    total = total + maps[n, row, column] * point[column]
                place = (n, *pixel, row)
                grid[place] = total
    return grid.to(theta.dtype)


def affine_grid_vectorized(
    theta: Tensor, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    """Multiplies and adds, rather than call a matrix product, which a GPU may round to TF32."""
    maps = widen(theta)
    axes = len(size) - 2
    by_pixel = maps.reshape(size[0], *[1] * axes, axes, axes + 1)
    grid = by_pixel[..., axes].expand(size[0], *size[2:], axes)
    for column in range(axes):
        axis = axes - 1 - column
        centres = pixel_centres(size[2 + axis], bool(align_corners), maps)
        along = centres.reshape(-1, *[1] * (axes - axis))                # (count, 1, ..., 1)
        grid = grid + by_pixel[..., column] * along
    return grid.to(theta.dtype)


def rigid_theta(
    motion: Tensor, size: tuple[int, int], align_corners: bool | None = None
) -> Tensor:
    """Return theta for a rotation and a shift that are given in pixels.

    In pixels, output pixel (m, n) reads the input at
        x =  cos(angle) m + sin(angle) n + shift_x
        y = -sin(angle) m + cos(angle) n + shift_y,
    where m, n count columns and rows *from one*: the turn is about the point (0, 0), one pixel
    beyond the first pixel's centre, not about the middle of the image. A rigid motion has these 3
    parameters, theta has 6, because it could also scale and shear.

    Args:
        motion: (N, 3) float; angle in radians, shift_x and shift_y in pixels.
        size: (height, width) of the image, for input and output alike.
        align_corners: as for `affine_grid`, and the same must be said there.

    Returns:
        (N, 2, 3) in the dtype of `motion`. The gradient flows to `motion`.

    Raises:
        TypeError, ValueError: an argument is not what is said above; or align_corners with a side
        of one pixel, which has no length to measure in.
    """
    check.is_tensor("rigid_theta", motion=motion)
    check.dtype("rigid_theta", check.FLOATS, motion=motion)
    if motion.ndim != 2 or motion.shape[1] != 3:
        raise ValueError(
            f"rigid_theta: motion must have shape (N, 3), got {tuple(motion.shape)}"
        )
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"rigid_theta: size must be a pair (height, width), got {size!r}")
    check.size("rigid_theta", size=size)
    if align_corners is not None:
        check.is_bool("rigid_theta", align_corners=align_corners)
    if align_corners and min(size) < 2:
        raise ValueError(
            f"rigid_theta: size must be at least 2 each way with align_corners, got {size}"
        )
    return _rigid_theta(motion, size, bool(align_corners))


def _rigid_theta(motion: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    angle, shift_x, shift_y = widen(motion).unbind(1)
    cos, sin = angle.cos(), angle.sin()
    height, width = size
    # Pixel = unit * normalised + middle, one-based; put it in for (m, n) and for (x, y).
    unit_x, unit_y = ((side - align_corners) / 2 for side in (width, height))
    middle_x, middle_y = (width + 1) / 2, (height + 1) / 2
    x_of_middle = cos * middle_x + sin * middle_y + shift_x
    y_of_middle = -sin * middle_x + cos * middle_y + shift_y
    rows = [
        [cos, sin * (unit_y / unit_x), (x_of_middle - middle_x) / unit_x],
        [-sin * (unit_x / unit_y), cos, (y_of_middle - middle_y) / unit_y],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], 1).to(motion.dtype)


IMPLEMENTATIONS = {"loop": affine_grid_loop, "vectorized": affine_grid_vectorized}
