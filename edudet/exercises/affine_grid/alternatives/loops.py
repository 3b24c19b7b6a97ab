import torch


def affine_grid(theta, height, width, align_corners):
    grid = torch.zeros(height, width, 2)
    for row in range(height):
        for column in range(width):
            m = centre(column, width, align_corners)
            n = centre(row, height, align_corners)
            grid[row, column, 0] = theta[0, 0] * m + theta[0, 1] * n + theta[0, 2]
            grid[row, column, 1] = theta[1, 0] * m + theta[1, 1] * n + theta[1, 2]
    return grid


def centre(index, count, align_corners):
    if align_corners:
        return 2 * index / (count - 1) - 1 if count > 1 else 0
    return (2 * index + 1) / count - 1
