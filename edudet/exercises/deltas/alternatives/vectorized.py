import math

import torch


def encode_deltas(boxes, anchors):
    centres, sizes = centres_and_sizes(boxes)
    anchor_centres, anchor_sizes = centres_and_sizes(anchors)
    return torch.cat([(centres - anchor_centres) / anchor_sizes, (sizes / anchor_sizes).log()], 1)


def decode_deltas(deltas, anchors):
    anchor_centres, anchor_sizes = centres_and_sizes(anchors)
    centres = anchor_centres + deltas[:, :2] * anchor_sizes
    sizes = anchor_sizes * deltas[:, 2:].clamp(max=math.log(1000 / 16)).exp()
    return torch.cat([centres - sizes / 2, centres + sizes / 2], 1)


def centres_and_sizes(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
