"""Only the four pixels around the point count: find them, and leave out those outside."""

import math

import torch


def sampling_weights(point, height, width, align_corners):
    offset = 0 if align_corners else 1
    x = ((point[0].item() + 1) * (width - 1 + offset) - offset) / 2
    y = ((point[1].item() + 1) * (height - 1 + offset) - offset) / 2
    u, v = math.floor(x), math.floor(y)
    weights = torch.zeros(height, width)
    for column, part_x in ((u, u + 1 - x), (u + 1, x - u)):
        for row, part_y in ((v, v + 1 - y), (v + 1, y - v)):
            if 0 <= row < height and 0 <= column < width:
                weights[row, column] = part_x * part_y
    return weights
