"""Feature pyramid network: maps of every scale, all with the meaning of the deepest one.

A deep map knows what there is, but its cells are coarse; a shallow one knows where, but little
more than edges. The pyramid sends the deep map down again, and adds it to each shallower one:

    C5 -1x1-> P5 --3x3-> out          lateral  1x1, to the same number of channels
    C4 -1x1-> + <- P5 up, 3x3-> out   top-down nearest neighbour, to the size of the map below
    C3 -1x1-> + <- P4 up, 3x3-> out
    C2 -1x1-> + <- P3 up, 3x3-> out

Lin et al., 2017. A small object is then found on a fine map, a large one on a coarse map:
`MultiScaleRoIAlign` takes each box from the level of equation 1.

Where we differ from the paper: nothing in the pyramid itself. P6, which the paper uses for the
proposals only, is a subsampled P5, as there.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from edudet.boxes import box_area
from edudet.data.target import Size
from edudet.ops import roi_align, roi_pool


class FeaturePyramid(nn.Module):
    """Lateral connections and the way down.

    Args:
        in_channels: of the maps C2, C3, ..., fine to coarse.
        out_channels: of every map of the pyramid.
        extra_level: append one more map, every second cell of the coarsest.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int = 256, extra_level=True):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, out_channels, 1) for c in in_channels)
        self.smooth = nn.ModuleList(
            nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in in_channels
        )
        self.out_channels, self.extra_level = out_channels, extra_level
        for conv in (*self.lateral, *self.smooth):
            nn.init.kaiming_uniform_(conv.weight, a=1)
            nn.init.zeros_(conv.bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """(N, C_l, H_l, W_l) of each level -> (N, out_channels, H_l, W_l) of each, one more if
        `extra_level`."""
        top = self.lateral[-1](maps[-1])
        pyramid = [self.smooth[-1](top)]
        for level in range(len(maps) - 2, -1, -1):
            side = self.lateral[level](maps[level])                        # (N, C, H_l, W_l)
            top = side + interpolate(top, side.shape[-2:], mode="nearest")
            pyramid.insert(0, self.smooth[level](top))
        if self.extra_level:
            pyramid.append(pyramid[-1][:, :, ::2, ::2])
        return pyramid


class PyramidBackbone(nn.Module):
    """A backbone and its pyramid: image -> [P2, P3, ...].

    Args:
        body: a module with `out_channels` and `strides`, one for each of its maps.
        out_channels, extra_level: as for `FeaturePyramid`.
    """

    def __init__(self, body: Any, out_channels: int = 256, extra_level: bool = True):
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramid(body.out_channels, out_channels, extra_level)
        self.out_channels = out_channels
        extra = (2 * body.strides[-1],) if extra_level else ()
        self.strides = (*body.strides, *extra)

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.fpn(self.body(images))


def roi_levels(
    boxes: Tensor, finest: int, coarsest: int, canonical_scale: float = 224,
    canonical_level: int = 4,
) -> Tensor:
    """Return for each box (K, 4) the level k of the pyramid from which its features are taken.

    k = floor(canonical_level + log2(sqrt(w h) / canonical_scale)), kept within [finest, coarsest]:
    a box of 224 px is taken from P4, one half as large from P3. Equation 1 of the paper.

    Returns:
        (K,) int64; level k has the stride 2^k.
    """
    sides = box_area(boxes).sqrt()
    # 1e-6: a box of exactly 224 px stays on its level, whatever the logarithm rounds to.
    levels = torch.floor(canonical_level + torch.log2(sides / canonical_scale) + 1e-6)
    return levels.clamp(finest, coarsest).long()


class MultiScaleRoIAlign(nn.Module):
    """RoIAlign on a pyramid: every box from the map that suits its size.

    Args:
        output_size: side of the result, in bins.
        sampling_ratio: points of each bin in each direction; 0: as many as the box has cells.
        num_levels: how many maps are used, from the finest on (the extra one is for proposals).
        canonical_scale, canonical_level: as for `roi_levels`.
        pool: "align", or "max": RoIPool, which snaps to cells.
    """

    def __init__(
        self, output_size: int, sampling_ratio: int = 2, num_levels: int = 4,
        canonical_scale: float = 224, canonical_level: int = 4, pool: str = "align",
    ):
        super().__init__()
        if pool not in ("align", "max"):
            raise ValueError(f'MultiScaleRoIAlign: pool must be "align" or "max", got {pool!r}')
        self.output_size, self.sampling_ratio = output_size, sampling_ratio
        self.num_levels, self.pool = num_levels, pool
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level

    def forward(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        """Return the features of all boxes, image after image.

        Args:
            maps: (N, C, H_l, W_l) of each level, fine to coarse.
            boxes: of each image (L_i, 4); xyxy in pixels.
            sizes: (height, width) of the images: with the maps' sizes they tell the strides.

        Returns:
            (sum of L_i, C, output_size, output_size)
        """
        maps = maps[: self.num_levels]
        logs = [_log2_stride(one, sizes) for one in maps]
        if len(maps) == 1:
            return self._pooled(maps[0], list(boxes), logs[0])
        every = torch.cat(list(boxes))
        image = torch.cat([torch.full((len(b),), float(i)) for i, b in enumerate(boxes)])
        rois = torch.cat([image.to(every)[:, None], every], 1)             # (K, 5)
        levels = roi_levels(
            every, logs[0], logs[-1], self.canonical_scale, self.canonical_level
        )
        features = maps[0].new_zeros(
            len(rois), maps[0].shape[1], self.output_size, self.output_size
        )
        for one, log in zip(maps, logs, strict=True):
            here = (levels == log).nonzero()[:, 0]
            pooled = self._pooled(one, rois[here], log).to(features.dtype)
            features = features.index_put((here,), pooled)
        return features

    def _pooled(self, feature_map: Tensor, rois: Tensor | list[Tensor], log: int) -> Tensor:
        size, scale = (self.output_size, self.output_size), 2.0**-log
        if self.pool == "max":
            return roi_pool(feature_map, rois, size, scale)  # type: ignore[return-value]
        return roi_align(feature_map, rois, size, scale, self.sampling_ratio)


def _log2_stride(feature_map: Tensor, sizes: Sequence[Size]) -> int:
    """k, where the stride is 2^k, of the map of a batch that is padded to less than twice its size.

    Padding makes size / map too small, never too large: hence rounded up. (torchvision rounds, and
    to the height alone: 35 rows padded to 64 halve its strides.)
    """
    ratios = (max(size[side] for size in sizes) / feature_map.shape[side - 2] for side in (0, 1))
    return math.ceil(math.log2(max(ratios)))
