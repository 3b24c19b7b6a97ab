"""A convolution of the image with zeros between its cells, with the flipped kernel."""

import torch
from torch.nn.functional import conv2d, pad


def conv_transpose(image, weight, stride, padding, output_padding):
    c, height, width = image.shape
    spread = torch.zeros(c, (height - 1) * stride + 1, (width - 1) * stride + 1)
    spread[:, ::stride, ::stride] = image
    up, left = weight.shape[2] - 1 - padding, weight.shape[3] - 1 - padding
    framed = pad(spread, (left, left + output_padding, up, up + output_padding))
    return conv2d(framed[None], weight.flip(2, 3).transpose(0, 1))[0]
