"""Each cell of the image writes."""

import torch


def conv_transpose(image, weight, stride, padding, output_padding):
    channels, height, width = image.shape
    _, out_channels, rows, columns = weight.shape
    size_y = (height - 1) * stride + rows - 2 * padding + output_padding
    size_x = (width - 1) * stride + columns - 2 * padding + output_padding
    out = torch.zeros(out_channels, size_y, size_x)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                for i in range(rows):
                    for j in range(columns):
                        row, column = y * stride + i - padding, x * stride + j - padding
                        if 0 <= row < size_y and 0 <= column < size_x:
                            out[:, row, column] += image[c, y, x] * weight[c, :, i, j]
    return out
