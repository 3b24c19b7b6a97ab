# expect: none bad_reply timeout not_run
import torch


def box_iou(boxes1, boxes2):
    return torch.zeros(1 << 25)
