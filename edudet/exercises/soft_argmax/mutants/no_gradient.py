import numpy
import torch


def soft_argmax(heatmaps, beta):
    maps = heatmaps.detach().numpy()
    weights = numpy.exp(beta * (maps - maps.max((1, 2), keepdims=True)))
    weights /= weights.sum((1, 2), keepdims=True)
    x = weights.sum(1) @ (numpy.arange(maps.shape[2], dtype=numpy.float32) + 0.5)
    y = weights.sum(2) @ (numpy.arange(maps.shape[1], dtype=numpy.float32) + 0.5)
    return torch.tensor(numpy.stack([x, y], 1))
