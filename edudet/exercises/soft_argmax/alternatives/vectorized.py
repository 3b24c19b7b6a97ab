import torch


def soft_argmax(heatmaps, beta):
    k, height, width = heatmaps.shape
    weights = torch.softmax(beta * heatmaps.reshape(k, -1), -1).reshape(k, height, width)
    x = weights.sum(1) @ (torch.arange(width) + 0.5)
    y = weights.sum(2) @ (torch.arange(height) + 0.5)
    return torch.stack([x, y], 1)
