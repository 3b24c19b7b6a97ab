import math

import torch


def gaussian_heatmaps(points, radii, labels, num_classes, size):
    heatmaps = torch.zeros(num_classes, *size)
    for (px, py), radius, label in zip(points.tolist(), radii, labels, strict=True):
        radius = radius.item()
        sigma = (2 * radius + 1) / 6
        for y in range(size[0]):
            for x in range(size[1]):
                dx, dy = x - math.floor(px), y - math.floor(py)
                if max(abs(dx), abs(dy)) <= radius:
                    value = math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
                    heatmaps[label, y, x] = max(heatmaps[label, y, x].item(), value)
    return heatmaps


def gaussian_radius(sizes, min_overlap):
    t, radii = min_overlap, []
    for h, w in sizes.tolist():
        lost = (1 - t) * h * w
        inwards = (2 * (h + w) - math.sqrt(4 * (h + w) ** 2 - 16 * lost)) / 8
        outwards = -2 * t * (h + w) + math.sqrt(4 * t * t * (h + w) ** 2 + 16 * t * lost)
        same_way = (h + w - math.sqrt((h + w) ** 2 - 4 * lost / (1 + t))) / 2
        radii.append(min(inwards, outwards / (8 * t), same_way))
    return torch.tensor(radii)
