# expect: none error
import torch


def box_iou(boxes1, boxes2):
    return torch.ones(1 << 40)
