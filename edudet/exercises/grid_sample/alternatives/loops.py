import torch


def grid_sample(image, grid, mode, padding_mode):
    channels, height, width = image.shape
    out = torch.zeros(channels, *grid.shape[:2])
    for row in range(grid.shape[0]):
        for column in range(grid.shape[1]):
            x = ((grid[row, column, 0] + 1) * width - 1) / 2
            y = ((grid[row, column, 1] + 1) * height - 1) / 2
            if padding_mode == "border":
                x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
            if mode == "nearest":
                x, y = x.round(), y.round()
            left, top = int(torch.floor(x)), int(torch.floor(y))
            for u in (left, left + 1):
                for v in (top, top + 1):
                    if 0 <= u < width and 0 <= v < height:
                        weight = (1 - abs(u - x)) * (1 - abs(v - y))
                        out[:, row, column] += weight * image[:, v, u]
    return out
