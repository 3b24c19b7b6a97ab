"""Column i of a matrix is what it makes of the signal that is 1 at i and 0 elsewhere."""

import torch
from torch.nn.functional import conv1d, conv2d


def conv_matrix(kernel, input_size, stride, padding, dilation):
    units = torch.eye(input_size)[:, None]
    return conv1d(units, kernel[None, None], None, stride, padding, dilation)[:, 0].T


def conv_matrix2d(kernel, height, width):
    units = torch.eye(height * width).reshape(-1, 1, height, width)
    return conv2d(units, kernel[None, None]).flatten(1).T
