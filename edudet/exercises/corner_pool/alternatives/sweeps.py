"""One line after the other: each takes over the largest of the line before."""

import torch


def corner_pool(feature_map, corner):
    down, across = feature_map.clone(), feature_map.clone()
    height, width = feature_map.shape[1:]
    if corner == "top_left":
        for y in reversed(range(height - 1)):
            down[:, y] = torch.maximum(down[:, y], down[:, y + 1])
        for x in reversed(range(width - 1)):
            across[:, :, x] = torch.maximum(across[:, :, x], across[:, :, x + 1])
    else:
        for y in range(1, height):
            down[:, y] = torch.maximum(down[:, y], down[:, y - 1])
        for x in range(1, width):
            across[:, :, x] = torch.maximum(across[:, :, x], across[:, :, x - 1])
    return down + across
