import torch


def sampling_weights(point, height, width, align_corners):
    size = torch.tensor([width, height])
    x, y = (point + 1) / 2 * (size - 1 if align_corners else size) - (0 if align_corners else 0.5)
    across = (1 - (torch.arange(width) - x).abs()).clamp(min=0)
    down = (1 - (torch.arange(height) - y).abs()).clamp(min=0)
    return down[:, None] * across
