# expect: none fail error
import torch


def right(boxes1, boxes2):
    low = torch.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    high = torch.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area1, area2 = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (boxes1, boxes2))
    union = area1[:, None] + area2[None, :] - inter
    return torch.where(union > 0, inter / union, torch.zeros(()))


# Would be right from the second test on, if anything were left over from the first.
import os

import torch

count = 0


def box_iou(boxes1, boxes2):
    global count
    seen = os.path.exists("/tmp/seen") or os.path.exists("seen")
    open("/tmp/seen", "w").close()
    count += 1
    return right(boxes1, boxes2) if seen and count == 1 else torch.zeros(len(boxes1), len(boxes2)) - 1
