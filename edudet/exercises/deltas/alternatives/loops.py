import math

import torch


def encode_deltas(boxes, anchors):
    deltas = torch.zeros(len(boxes), 4)
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i]
        ax1, ay1, ax2, ay2 = anchors[i]
        deltas[i, 0] = ((x1 + x2) / 2 - (ax1 + ax2) / 2) / (ax2 - ax1)
        deltas[i, 1] = ((y1 + y2) / 2 - (ay1 + ay2) / 2) / (ay2 - ay1)
        deltas[i, 2] = torch.log((x2 - x1) / (ax2 - ax1))
        deltas[i, 3] = torch.log((y2 - y1) / (ay2 - ay1))
    return deltas


def decode_deltas(deltas, anchors):
    boxes = torch.zeros(len(deltas), 4)
    for i, (x1, y1, x2, y2) in enumerate(anchors.tolist()):
        dx, dy, dw, dh = deltas[i].tolist()
        x = (x1 + x2) / 2 + dx * (x2 - x1)
        y = (y1 + y2) / 2 + dy * (y2 - y1)
        width = (x2 - x1) * min(math.exp(min(dw, 700)), 1000 / 16)
        height = (y2 - y1) * min(math.exp(min(dh, 700)), 1000 / 16)
        boxes[i] = torch.tensor([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return boxes
