"""R-FCN: a second stage of which nothing is left but a vote.

    maps -> 3x3 convolution -> score maps k k C  --+
                            -> box maps   k k 4  --+-> position-sensitive pooling at each proposal
                                                       -> (C + 4, k, k) -> mean of the k k bins
                                                       -> class logits (C), deltas (4)

Faster R-CNN still runs two large layers for every one of its proposals. Here the last layers are
convolutions of the whole image, computed once. Were they ordinary maps, they could not say where in
an object a cell lies, and a proposal that is off would score as well as one that fits. So each
class has k x k maps, one for "here is its upper left part", and so on, and each bin of a proposal
asks only its own. Nothing is learnt behind the pooling: a proposal more costs a few additions. Dai,
Li, He and Sun, 2016.

Where we differ from the paper: the maps are those of one level of the backbone that is given, where
the paper has a ResNet-101 whose last stage is dilated to stride 16; a 3x3 convolution in place of
its 1x1 one in front of the maps; no online mining of hard examples.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from edudet import check
from edudet.data.target import Detections, Losses, Size
from edudet.models.two_stage.fast_rcnn import BoxBranch
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork
from edudet.nn.transform import Batch, Transform
from edudet.ops import ps_roi_pool


class PositionSensitiveMaps(nn.Module):
    """A map for each part of each class, and for each part of the four deltas.

    Args:
        in_channels: of the map that it is given.
        num_classes: C, the background included: it has parts, too.
        bins: k; each class has k k maps.
        channels: of the convolution in front.
    """

    def __init__(self, in_channels: int, num_classes: int, bins: int = 3, channels: int = 256):
        check.classes("PositionSensitiveMaps", num_classes)
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.score_maps = nn.Conv2d(channels, num_classes * bins * bins, 1)
        self.box_maps = nn.Conv2d(channels, 4 * bins * bins, 1)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        for layer in (self.score_maps, self.box_maps):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, 0)  # type: ignore[arg-type]

    def forward(self, feature_map: Tensor) -> Tensor:
        x = relu(self.conv(feature_map))                                   # (N, channels, H, W)
        return torch.cat([self.score_maps(x), self.box_maps(x)], 1)        # (N, (C + 4) k k, H, W)


class PositionSensitivePool(nn.Module):
    """Each bin of a box from its own map. Without a weight.

    Args:
        bins: k.
        stride: pixels of a cell of the maps.
    """

    def __init__(self, bins: int, stride: int):
        super().__init__()
        self.bins, self.stride = bins, stride

    def forward(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        # ps_roi_pool reads neither the last row nor the last column, so one is put behind them.
        padded = pad(maps[0], (0, 1, 0, 1))                                # (N, (C + 4) k k, ...)
        return ps_roi_pool(padded, list(boxes), self.bins, 1 / self.stride)  # (R, C + 4, k, k)


class Vote(nn.Module):
    """(R, C + 4, k, k) -> (R, C + 4): the parts have equal votes."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3))


class VotePredictor(nn.Module):
    """(R, C + 4) -> class logits (R, C) and deltas (R, 4 C), which are the same for every class."""

    def forward(self, votes: Tensor) -> tuple[Tensor, Tensor]:
        class_logits, deltas = votes[:, :-4], votes[:, -4:]
        return class_logits, deltas.repeat(1, class_logits.shape[1])


class RFCN(FasterRCNN):
    """Faster R-CNN on position-sensitive maps.

    Args:
        backbone, transform, rpn: as for `FasterRCNN`.
        position_maps: what is computed of a map of the backbone.
        bins: k, that of `position_maps`.
        level: which map of the backbone; 0 is the finest.
        options: of `BoxBranch`.

    `keep` has the "position_maps" (N, (C + 4) k k, H, W) in addition; "roi_features" are the parts
    (R, C + 4, k, k) before the vote.

    Raises:
        ValueError: `position_maps` has no k k maps of each class.
    """

    def __init__(
        self, backbone: nn.Module, transform: Transform, rpn: RegionProposalNetwork,
        position_maps: PositionSensitiveMaps, bins: int = 3, level: int = 0, **options: Any,
    ):
        channels = position_maps.box_maps.out_channels
        if channels != 4 * bins * bins:
            raise ValueError(
                f"RFCN: bins must be that of position_maps, {math.isqrt(channels // 4)}, got {bins}"
            )
        strides: Any = backbone.strides
        branch = BoxBranch(
            PositionSensitivePool(bins, strides[level]), Vote(), VotePredictor(), **options
        )
        super().__init__(backbone, transform, rpn, branch)
        self.position_maps, self.level, self.bins = position_maps, level, bins

    @property
    def num_classes(self) -> int:
        return self.position_maps.score_maps.out_channels // self.bins**2

    def train_heads(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        return super().train_heads([self._mapped(maps, keep)], proposals, batch, keep)

    def detect(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None,
    ) -> list[Detections]:
        return super().detect([self._mapped(maps, keep)], proposals, sizes, keep)

    def _mapped(self, maps: Sequence[Tensor], keep: dict[str, Any] | None) -> Tensor:
        mapped = self.position_maps(maps[self.level])                      # (N, (C + 4) k k, H, W)
        if keep is not None:
            keep.update(position_maps=mapped)
        return mapped
