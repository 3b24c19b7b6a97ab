# expect: none fail
import torch


def box_iou(boxes1, boxes2):
    return torch.full((len(boxes1), len(boxes2)), float('inf'))
