# expect: full pass
import torch


def right(boxes1, boxes2):
    low = torch.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    high = torch.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area1, area2 = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (boxes1, boxes2))
    union = area1[:, None] + area2[None, :] - inter
    return torch.where(union > 0, inter / union, torch.zeros(()))


import threading
import time


def box_iou(boxes1, boxes2):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return right(boxes1, boxes2)
