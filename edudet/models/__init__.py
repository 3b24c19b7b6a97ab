"""Detectors, one paper in one file. Each answers as torchvision's do.

    published   ResNet-50 with a pyramid, for photos: runs torchvision's weights
    small       for pictures of 128 pixels: learns from nothing on a laptop in minutes
"""

from edudet.models.cascade_rcnn import CascadeRCNN
from edudet.models.fast_rcnn import FastRCNN
from edudet.models.faster_rcnn import FasterRCNN
from edudet.models.keypoint_rcnn import KeypointRCNN
from edudet.models.mask_rcnn import MaskRCNN
from edudet.models.published import (
    fasterrcnn_resnet50_fpn,
    keypointrcnn_resnet50_fpn,
    load_torchvision_state_dict,
    maskrcnn_resnet50_fpn,
)
from edudet.models.rcnn import RCNN
from edudet.models.rfcn import RFCN
from edudet.models.spp_net import SPPNet

__all__ = [
    "RCNN",
    "RFCN",
    "CascadeRCNN",
    "FastRCNN",
    "FasterRCNN",
    "KeypointRCNN",
    "MaskRCNN",
    "SPPNet",
    "fasterrcnn_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "load_torchvision_state_dict",
    "maskrcnn_resnet50_fpn",
]
