import numpy as np


def encode_deltas(boxes, anchors):
    x1, y1, x2, y2 = boxes.numpy().T
    ax1, ay1, ax2, ay2 = anchors.numpy().T
    dx = (x1 + x2 - ax1 - ax2) / 2 / (ax2 - ax1)
    dy = (y1 + y2 - ay1 - ay2) / 2 / (ay2 - ay1)
    return np.stack([dx, dy, np.log((x2 - x1) / (ax2 - ax1)), np.log((y2 - y1) / (ay2 - ay1))], 1)


def decode_deltas(deltas, anchors):
    x1, y1, x2, y2 = anchors.numpy().T
    dx, dy, dw, dh = deltas.numpy().T
    x, y = (x1 + x2) / 2 + dx * (x2 - x1), (y1 + y2) / 2 + dy * (y2 - y1)
    width, height = ((x2 - x1), (y2 - y1)) * np.exp(np.minimum([dw, dh], np.log(1000 / 16)))
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1)
