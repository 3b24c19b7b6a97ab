"""Anchors: boxes of a few fixed shapes around every cell of a feature map.

Each cell of the map answers for k anchors, k = scales x aspect ratios: is there an object, and how
must the anchor move to fit it (`edudet.boxes.encode_deltas`)? The same shapes stand at every cell,
so an object that moves by one stride meets the same anchors one cell further: translation
invariance. Faster R-CNN (Ren et al., 2015); SSD (Liu et al., 2016) calls them default boxes.

    generate_anchors   the k shapes around the origin
    grid_anchors       these shapes at every cell of one map
    AnchorGenerator    both, for the maps of several levels

Where in its cell does an anchor stand? Cell (y, x) of a map of stride s sees the image's pixels
[x s, x s + s) x [y s, y s + s), the centre of which is (x + 0.5) s: `offset=0.5` puts the anchors
there. With `offset=0`, as in the paper's code and torchvision, they stand at the cell's upper left
corner: the whole grid lies half a stride too far left and up, and the last half stride of the image
has no anchor's centre. A head learns to undo the shift, but the IoU with small objects is lost
before it learns. Weights trained with one offset need the same one.

`generate_anchors` and `grid_anchors` twice each: a loop, the definition, and a vectorised form.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edudet import check

Stride = float | tuple[float, float]
RATIOS = (0.5, 1.0, 2.0)


def generate_anchors(
    scales: Sequence[float], aspect_ratios: Sequence[float] = RATIOS,
    dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu", rounded: bool = True,
) -> Tensor:
    """Return one anchor for every pair of an aspect ratio and a scale, centred on the origin.

    Args:
        scales: sides in pixels of the square that has the anchor's area; positive.
        aspect_ratios: height / width; positive. Ratios change the shape, not the area.
        dtype, device: of the result; 16-bit numbers are computed in float32.
        rounded: round the coordinates to whole pixels (half to even), as torchvision does.

    Returns:
        (A, 4) xyxy, A = number of ratios * number of scales; ratio by ratio.

    Raises:
        TypeError, ValueError: a scale or a ratio is not a positive number; `dtype` is no float.
    """
    for name, values in (("scales", scales), ("aspect_ratios", aspect_ratios)):
        if not isinstance(values, (tuple, list)):
            raise TypeError(f"generate_anchors: {name} must be a list of numbers, got {values!r}")
        for value in values:
            check.positive("generate_anchors", **{name: value})
    if dtype not in check.FLOATS:
        raise ValueError(f"generate_anchors: dtype must be a floating-point one, got {dtype}")
    check.is_bool("generate_anchors", rounded=rounded)
    return generate_anchors_vectorized(scales, aspect_ratios, dtype, device, rounded)


def generate_anchors_loop(
    scales: Sequence[float], aspect_ratios: Sequence[float] = RATIOS,
    dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu", rounded: bool = True,
) -> Tensor:
    wide = torch.promote_types(dtype, torch.float32)
    anchors = torch.zeros(len(aspect_ratios) * len(scales), 4, dtype=wide, device=device)
    for i in range(len(aspect_ratios)):
        for j in range(len(scales)):
            # height / width = ratio and height * width = scale^2
            stretch = anchors.new_tensor(aspect_ratios[i]).sqrt()
            width = 1 / stretch * anchors.new_tensor(scales[j])
            height = stretch * anchors.new_tensor(scales[j])
            anchor = torch.stack([-width / 2, -height / 2, width / 2, height / 2])
            anchors[i * len(scales) + j] = anchor.round() if rounded else anchor
    return anchors.to(dtype)


def generate_anchors_vectorized(
    scales: Sequence[float], aspect_ratios: Sequence[float] = RATIOS,
    dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu", rounded: bool = True,
) -> Tensor:
    wide = torch.promote_types(dtype, torch.float32)
    sides = torch.tensor(scales, dtype=wide, device=device)
    stretch = torch.tensor(aspect_ratios, dtype=wide, device=device).sqrt()
    widths = ((1 / stretch)[:, None] * sides).flatten()                  # (A,)
    heights = (stretch[:, None] * sides).flatten()                       # (A,)
    anchors = torch.stack([-widths, -heights, widths, heights], 1) / 2   # (A, 4)
    return (anchors.round() if rounded else anchors).to(dtype)


def grid_anchors(
    base_anchors: Tensor, grid_size: tuple[int, int], stride: Stride, offset: float = 0.0
) -> Tensor:
    """Return the base anchors at every cell of a map.

    Args:
        base_anchors: (A, 4) float; xyxy around the origin: `generate_anchors`.
        grid_size: (height, width) of the map, in cells; 0 is allowed.
        stride: pixels from cell to cell: (down, right), or one number.
        offset: where in its cell an anchor stands: 0 at the upper left corner, 0.5 in the centre.

    Returns:
        (H W A, 4) xyxy in pixels of the image; row by row, cell by cell. Not clipped: anchors at
        the border reach beyond it.

    Gradient:
        Flows to `base_anchors`.

    Raises:
        TypeError, ValueError: `base_anchors` is not (A, 4) float; a size is not a whole number of
            at least 0; a stride is not positive; `offset` lies outside [0, 1].
    """
    check.boxes("grid_anchors", base_anchors=base_anchors)
    check.dtype("grid_anchors", check.FLOATS, base_anchors=base_anchors)
    if not isinstance(grid_size, (tuple, list)) or len(grid_size) != 2:
        raise TypeError(
            f"grid_anchors: grid_size must be a pair (height, width), got {grid_size!r}"
        )
    for side in grid_size:
        check.is_int("grid_anchors", grid_size=side)
        if side < 0:
            raise ValueError(f"grid_anchors: grid_size must be at least 0, got {tuple(grid_size)}")
    if isinstance(stride, (tuple, list)) and len(stride) != 2:
        raise TypeError(f"grid_anchors: stride must be a number or a pair, got {stride!r}")
    for step in _pair(stride):
        check.positive("grid_anchors", stride=step)
    check.unit_interval("grid_anchors", offset=offset)
    return grid_anchors_vectorized(base_anchors, grid_size, stride, offset)


def _pair(stride: Stride) -> tuple[float, float]:
    return (stride[0], stride[1]) if isinstance(stride, (tuple, list)) else (stride, stride)


def grid_anchors_loop(
    base_anchors: Tensor, grid_size: tuple[int, int], stride: Stride, offset: float = 0.0
) -> Tensor:
    base = base_anchors.to(torch.promote_types(base_anchors.dtype, torch.float32))
    down, right = _pair(stride)
    anchors = []
    for y in range(grid_size[0]):
        for x in range(grid_size[1]):
            for a in range(len(base)):
                dx = (base.new_tensor(x) + offset) * right
                dy = (base.new_tensor(y) + offset) * down
                x1, y1, x2, y2 = base[a]
                anchors += [x1 + dx, y1 + dy, x2 + dx, y2 + dy]
    if not anchors:
        return base_anchors[:0]
    return torch.stack(anchors).reshape(-1, 4).to(base_anchors.dtype)


def grid_anchors_vectorized(
    base_anchors: Tensor, grid_size: tuple[int, int], stride: Stride, offset: float = 0.0
) -> Tensor:
    base = base_anchors.to(torch.promote_types(base_anchors.dtype, torch.float32))
    dy, dx = (
        (torch.arange(size, dtype=base.dtype, device=base.device) + offset) * step
        for size, step in zip(grid_size, _pair(stride), strict=True)
    )
    # x1 and x2 depend on the column alone, y1 and y2 on the row: few sums, written many times.
    x = base[:, 0::2] + dx[:, None, None]                                # (W, A, 2)
    y = base[:, 1::2] + dy[:, None, None, None]                          # (H, 1, A, 2)
    anchors = torch.stack(torch.broadcast_tensors(x, y), -1)             # (H, W, A, 2, 2)
    return anchors.reshape(-1, 4).to(base_anchors.dtype)


class AnchorGenerator(nn.Module):
    """The anchors of several feature maps, e.g. of a feature pyramid.

    Args:
        sizes: the scales of every level: ((32,), (64,), ...), or (32, 64, ...) for one each.
        aspect_ratios: height / width; one tuple for all levels, or one for each.
        strides: pixels between the cells of each level. None: image size // map size, as in
            torchvision: right where the image is a multiple of it.
        offset, rounded: see `grid_anchors`, `generate_anchors`. With their defaults the numbers
            are torchvision's, bit for bit.
    """

    def __init__(
        self, sizes: Sequence, aspect_ratios: Sequence = RATIOS,
        strides: Sequence[Stride] | None = None, offset: float = 0.0, rounded: bool = True,
    ):
        super().__init__()
        if not isinstance(sizes, (tuple, list)):
            raise TypeError(f"AnchorGenerator: sizes must be a list, got {sizes!r}")
        sizes = [size if isinstance(size, (tuple, list)) else (size,) for size in sizes]
        if not aspect_ratios or not isinstance(aspect_ratios[0], (tuple, list)):
            aspect_ratios = [aspect_ratios] * len(sizes)
        _one_for_each_level(len(sizes), aspect_ratios=aspect_ratios)
        if strides is not None:
            _one_for_each_level(len(sizes), strides=strides)
        self.strides, self.offset = strides, offset
        self.base_anchors = [
            generate_anchors(*level, rounded=rounded)
            for level in zip(sizes, aspect_ratios, strict=True)
        ]

    def num_anchors_per_location(self) -> list[int]:
        return [len(base) for base in self.base_anchors]

    def forward(self, image_size: tuple[int, int], feature_maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the anchors of every map (..., H, W): a list of (H W A, 4), in the maps' order.

        float64 for float64 maps, else float32: in bfloat16, pixel 257 does not exist.
        """
        _one_for_each_level(len(self.base_anchors), feature_maps=feature_maps)
        check.size("AnchorGenerator", image_size=image_size)
        image_height, image_width = _pair(image_size)
        anchors = []
        for i, feature_map in enumerate(feature_maps):
            check.is_tensor("AnchorGenerator", **{f"feature_maps[{i}]": feature_map})
            height, width = feature_map.shape[-2:]
            stride = image_height // max(height, 1), image_width // max(width, 1)
            dtype = torch.promote_types(feature_map.dtype, torch.float32)
            base = self.base_anchors[i].to(feature_map.device, dtype)
            wanted = stride if self.strides is None else self.strides[i]
            anchors.append(grid_anchors(base, (height, width), wanted, self.offset))
        return anchors


def _one_for_each_level(num_levels: int, **named: Sequence) -> None:
    for name, values in named.items():
        if len(values) != num_levels:
            raise ValueError(
                f"AnchorGenerator: {name} must have one entry for each of the {num_levels} levels "
                f"of sizes, got {len(values)}"
            )


IMPLEMENTATIONS = {"loop": grid_anchors_loop, "vectorized": grid_anchors_vectorized}
IMPLEMENTATIONS_OF_GENERATE_ANCHORS = {
    "loop": generate_anchors_loop,
    "vectorized": generate_anchors_vectorized,
}
