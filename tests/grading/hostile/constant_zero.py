# expect: none fail
import torch


def box_iou(boxes1, boxes2):
    return torch.zeros(len(boxes1), len(boxes2))
