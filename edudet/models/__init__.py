"""Models, one paper in one file. Detectors answer as torchvision's do.

    two_stage   R-CNN and its family
    dense       a class for every pixel
    published   ResNet-50 with a pyramid, for photos: runs torchvision's weights
    small       for pictures of 128 pixels: learns from nothing on a laptop in minutes
"""

from edudet.models.dense.encoder_decoder import EncoderDecoder
from edudet.models.published.two_stage import (
    fasterrcnn_resnet50_fpn,
    keypointrcnn_resnet50_fpn,
    load_torchvision_state_dict,
    maskrcnn_resnet50_fpn,
)
from edudet.models.two_stage.cascade_rcnn import CascadeRCNN
from edudet.models.two_stage.fast_rcnn import FastRCNN
from edudet.models.two_stage.faster_rcnn import FasterRCNN
from edudet.models.two_stage.keypoint_rcnn import KeypointRCNN
from edudet.models.two_stage.mask_rcnn import MaskRCNN
from edudet.models.two_stage.rcnn import RCNN
from edudet.models.two_stage.rfcn import RFCN
from edudet.models.two_stage.spp_net import SPPNet

__all__ = [
    "RCNN",
    "RFCN",
    "CascadeRCNN",
    "EncoderDecoder",
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
