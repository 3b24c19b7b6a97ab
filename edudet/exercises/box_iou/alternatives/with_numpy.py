import numpy as np


def box_iou(boxes1, boxes2):
    a, b = boxes1.numpy(), boxes2.numpy()
    width = np.minimum.outer(a[:, 2], b[:, 2]) - np.maximum.outer(a[:, 0], b[:, 0])
    height = np.minimum.outer(a[:, 3], b[:, 3]) - np.maximum.outer(a[:, 1], b[:, 1])
    inter = np.where((width > 0) & (height > 0), width * height, 0)
    areas = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    union = np.add.outer(*areas) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union != 0)
