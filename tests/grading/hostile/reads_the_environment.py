# expect: none fail
import os

import torch


def box_iou(boxes1, boxes2):
    assert not [name for name in os.environ if "KEY" in name or "TOKEN" in name or "EDUDET" in name]
    return torch.zeros(len(boxes1), len(boxes2)) - 1
