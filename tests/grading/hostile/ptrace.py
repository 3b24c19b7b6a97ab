# expect: none fail
import ctypes

import torch

libc = ctypes.CDLL(None, use_errno=True)


def box_iou(boxes1, boxes2):
    assert libc.ptrace(16, 1, 0, 0) == -1
    return torch.zeros(len(boxes1), len(boxes2)) - 1
