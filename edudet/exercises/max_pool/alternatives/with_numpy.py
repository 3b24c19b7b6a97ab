import numpy as np


def max_pool2d_with_indices(input, kernel_size, stride, padding):
    maps = input.numpy()
    channels, height, width = maps.shape
    (k, m), (s, t), (p, q) = kernel_size, stride, padding
    corners = [
        [(y - p, x - q) for x in range(0, width + 2 * q - m + 1, t)]
        for y in range(0, height + 2 * p - k + 1, s)
    ]
    indices = np.empty((channels, len(corners), len(corners[0])), np.int64)
    for i, row in enumerate(corners):
        for j, (top, left) in enumerate(row):
            y, x = max(top, 0), max(left, 0)
            window = maps[:, y : top + k, x : left + m]
            flat = window.reshape(channels, -1).argmax(1)
            indices[:, i, j] = (y + flat // window.shape[2]) * width + x + flat % window.shape[2]
    return np.take_along_axis(maps.reshape(channels, -1), indices.reshape(channels, -1), 1).reshape(
        indices.shape
    ), indices
