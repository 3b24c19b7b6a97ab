"""Detectors, which learn from nothing on a laptop in minutes.

The same classes as for photos; only the parts are smaller: `SmallNet` in place of a ResNet, a
pyramid of 64 channels on strides 4, 8 and 16, anchors of 12, 24 and 48 pixels, heads of 256.
"""

from typing import Any

from torch import nn

from edudet.data.proposals import SelectiveSearch
from edudet.models.two_stage.cascade_rcnn import (
    CascadeRCNN,
    ClassAgnosticPredictor,
    cascade_of,
)
from edudet.models.two_stage.fast_rcnn import BoxBranch, FastRCNN, FastRCNNPredictor, TwoMLPHead
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork, RPNHead
from edudet.models.two_stage.keypoint_rcnn import KeypointPredictor, KeypointRCNN
from edudet.models.two_stage.mask_rcnn import MaskPredictor, MaskRCNN
from edudet.models.two_stage.rcnn import RCNN, Crops, SvmBranch, Warp
from edudet.models.two_stage.rfcn import RFCN, PositionSensitiveMaps
from edudet.models.two_stage.spp_net import BINS, PyramidPool, SPPNet
from edudet.nn.conv_head import ConvHead
from edudet.nn.fpn import MultiScaleRoIAlign, PyramidBackbone
from edudet.nn.small import SmallNet
from edudet.nn.transform import Transform
from edudet.proposals import AnchorGenerator

CHANNELS = 64
SIZES = ((12,), (24,), (48,))


def small_backbone() -> PyramidBackbone:
    """SmallNet and its pyramid: maps of stride 4, 8, 16, each of 64 channels."""
    return PyramidBackbone(SmallNet(), CHANNELS, extra_level=False)


def small_transform() -> Transform:
    """Images keep their size; colours around 0."""
    return Transform(None, image_mean=(0.5,) * 3, image_std=(0.25,) * 3, size_divisible=16)


def small_pool(size: int, pool: str = "align", bins_per_cell: float = 2.0) -> MultiScaleRoIAlign:
    """A box is taken from the coarsest level on which at most so many of its bins, along a side,
    share a cell: with 7 bins and 2, a box of 28 px from stride 8, where it has 3.5 cells."""
    return MultiScaleRoIAlign(
        size, 2, num_levels=3, canonical_scale=round(8 * size / bins_per_cell), canonical_level=3,
        pool=pool,
    )  # fmt: skip


def small_rpn(**options: Any) -> RegionProposalNetwork:
    anchors = AnchorGenerator(SIZES, (0.5, 1.0, 2.0), strides=(4, 8, 16), offset=0.5, rounded=False)
    return RegionProposalNetwork(
        anchors, RPNHead(CHANNELS, 3), batch_size_per_image=128,
        pre_nms_top_n=(300, 200), post_nms_top_n=(200, 100), **options,
    )  # fmt: skip


def small_box_branch(num_classes: int, pool: str = "align", **options: Any) -> BoxBranch:
    size = 7
    return BoxBranch(
        small_pool(size, pool), TwoMLPHead(CHANNELS * size * size, 256),
        FastRCNNPredictor(256, num_classes),
        batch_size_per_image=48, positive_fraction=0.33, **options,
    )  # fmt: skip


def rcnn_small(num_classes: int, crop_size: int = 32) -> RCNN:
    """R-CNN: crops of 32 x 32 through `SmallNet`."""
    num_pool5 = SmallNet.out_channels[-1] * (crop_size // SmallNet.strides[-1]) ** 2
    head = nn.Sequential(nn.Linear(num_pool5, 256), nn.ReLU())
    parts = Warp(crop_size), Crops(SmallNet()), head
    branch = SvmBranch(*parts, num_pool5, 256, num_classes, batch_size_per_image=16)
    return RCNN(small_transform(), branch)


def spp_net_small(num_classes: int) -> SPPNet:
    """SPP-net: on the map of stride 8."""
    num_pool5 = CHANNELS * sum(k * k for k in BINS)
    branch = SvmBranch(
        PyramidPool(BINS, 1, 8), nn.Identity(), TwoMLPHead(num_pool5, 256), num_pool5, 256,
        num_classes, batch_size_per_image=16,
    )  # fmt: skip
    backbone = small_backbone()
    pyramid = backbone.fpn
    for unused in (pyramid.lateral[0], pyramid.smooth[0], pyramid.smooth[2]):
        unused.requires_grad_(False)  # several processes wait for every gradient
    return SPPNet(backbone, small_transform(), branch)


def fast_rcnn_small(num_classes: int, **options: Any) -> FastRCNN:
    """Fast R-CNN on selective search; `options` are those of its `BoxBranch`."""
    branch = small_box_branch(num_classes, **options)
    return FastRCNN(small_backbone(), small_transform(), branch, SelectiveSearch())


def faster_rcnn_small(num_classes: int, **options: Any) -> FasterRCNN:
    """Faster R-CNN; `options` are those of its `BoxBranch`."""
    return FasterRCNN(
        small_backbone(), small_transform(), small_rpn(), small_box_branch(num_classes, **options)
    )


def rfcn_small(num_classes: int) -> RFCN:
    """R-FCN: 5 x 5 parts on the map of stride 4."""
    return RFCN(
        small_backbone(), small_transform(), small_rpn(),
        PositionSensitiveMaps(CHANNELS, num_classes, 5, 128), 5, 0,
        batch_size_per_image=48, positive_fraction=0.33,
    )  # fmt: skip


def cascade_rcnn_small(num_classes: int) -> CascadeRCNN:
    """Cascade R-CNN, on the backbone of `faster_rcnn_small`; its
    three heads have half the width of that one."""

    def stage(**options: Any) -> BoxBranch:
        return BoxBranch(
            small_pool(7), TwoMLPHead(CHANNELS * 7 * 7, 128),
            ClassAgnosticPredictor(128, num_classes),
            batch_size_per_image=48, positive_fraction=0.33, **options,
        )  # fmt: skip

    return CascadeRCNN(small_backbone(), small_transform(), small_rpn(), cascade_of(stage))


def mask_rcnn_small(num_classes: int, pool: str = "align") -> MaskRCNN:
    """Mask R-CNN; pool: of boxes and masks, "align" or "max". Objects are small, half a pixel
    counts: targets are aligned."""
    return MaskRCNN(
        small_backbone(), small_transform(), small_rpn(), small_box_branch(num_classes, pool),
        small_pool(14, pool), ConvHead(CHANNELS, (64,) * 2), MaskPredictor(64, 64, num_classes),
        aligned=True,
    )  # fmt: skip


def keypoint_rcnn_small(num_classes: int, num_keypoints: int = 14) -> KeypointRCNN:
    """Keypoint R-CNN of stick figures.

    A wrist is three pixels wide: joints are looked for on the finest map, but for people of 112 px
    or more. Whose wrist it is shows elsewhere in the RoI: convolutions with holes look far. A
    person of 84 px has 28 cells of 3 px: more of them would cost a quarter of the step.
    """
    return KeypointRCNN(
        small_backbone(), small_transform(), small_rpn(), small_box_branch(num_classes),
        small_pool(14, bins_per_cell=1), ConvHead(CHANNELS, (64,) * 3, (2, 4, 1)),
        KeypointPredictor(64, num_keypoints, enlarge=1),
    )  # fmt: skip
