import torch


def max_pool2d_with_indices(input, kernel_size, stride, padding):
    channels, height, width = input.shape
    rows = (height + 2 * padding[0] - kernel_size[0]) // stride[0] + 1
    columns = (width + 2 * padding[1] - kernel_size[1]) // stride[1] + 1
    values = torch.full((channels, rows, columns), -torch.inf)
    indices = torch.zeros(channels, rows, columns, dtype=torch.int64)
    for c in range(channels):
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
                for y in range(max(top, 0), min(top + kernel_size[0], height)):
                    for x in range(max(left, 0), min(left + kernel_size[1], width)):
                        if input[c, y, x] > values[c, i, j]:
                            values[c, i, j] = input[c, y, x]
                            indices[c, i, j] = y * width + x
    return values, indices
