"""X' a: the matrix of the convolution that would lead back, transposed."""

import torch
from given import conv_matrix


def conv_transpose(image, weight, stride, padding, output_padding):
    (channels, height, width), (_, d, rows, columns) = image.shape, weight.shape
    tall = (height - 1) * stride + rows - 2 * padding + output_padding
    wide = (width - 1) * stride + columns - 2 * padding + output_padding
    out = torch.zeros(d, tall, wide)
    for i, one in enumerate(torch.eye(rows)):
        down = conv_matrix(one, tall, stride, padding, 1)[:height]
        for c in range(channels):
            for k in range(d):
                across = conv_matrix(weight[c, k, i], wide, stride, padding, 1)[:width]
                out[k] += down.T @ image[c] @ across
    return out
