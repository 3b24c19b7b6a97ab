import torch


def gaussian_heatmaps(points, radii, labels, num_classes, size):
    dx = torch.arange(size[1]) - points[:, :1].floor()
    dy = torch.arange(size[0]) - points[:, 1:].floor()
    heatmaps = torch.zeros(num_classes, *size)
    for i in range(len(points)):
        sigma = (2 * radii[i] + 1) / 6
        rows, columns = (torch.exp(-(d[i] ** 2) / (2 * sigma**2)) for d in (dy, dx))
        inside = (dy[i].abs() <= radii[i])[:, None] & (dx[i].abs() <= radii[i])
        value = rows[:, None] * columns * inside
        heatmaps[labels[i]] = torch.maximum(heatmaps[labels[i]], value)
    return heatmaps


def gaussian_radius(sizes, min_overlap):
    t, total, area = min_overlap, sizes.sum(1), sizes.prod(1)
    radii = [
        smaller_root(torch.tensor(4.0), -2 * total, (1 - t) * area),
        (-2 * t * total + (4 * t**2 * total**2 + 16 * t * (1 - t) * area).sqrt()) / (8 * t),
        smaller_root(torch.tensor(1.0), -total, (1 - t) / (1 + t) * area),
    ]
    return torch.stack(radii).amin(0).clamp(min=0)


def smaller_root(a, b, c):
    return (-b - (b**2 - 4 * a * c).clamp(min=0).sqrt()) / (2 * a)
