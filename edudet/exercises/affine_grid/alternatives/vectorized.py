import torch


def affine_grid(theta, height, width, align_corners):
    rows, columns = (centres(count, align_corners) for count in (height, width))
    n, m = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([m, n, torch.ones_like(m)], -1) @ theta.T


def centres(count, align_corners):
    reach = 1 - 1 / count
    if align_corners:
        reach = 1 if count > 1 else 0
    return torch.linspace(-reach, reach, count)
