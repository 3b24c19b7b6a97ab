import torch


def sampling_weights(point, height, width, align_corners):
    x, y = position(point[0], width, align_corners), position(point[1], height, align_corners)
    weights = torch.zeros(height, width)
    for v in range(height):
        for u in range(width):
            weights[v, u] = max(0, 1 - abs(u - x)) * max(0, 1 - abs(v - y))
    return weights


def position(coordinate, count, align_corners):
    if align_corners:
        return (coordinate + 1) / 2 * (count - 1)
    return (coordinate + 1) / 2 * count - 0.5
