"""A map's matrix is made of blocks, one for each row of the kernel and row of the map."""

import torch


def conv_matrix(kernel, input_size, stride, padding, dilation):
    framed = input_size + 2 * padding
    starts = torch.arange(0, framed - dilation * (len(kernel) - 1), stride)
    places = starts[:, None] + dilation * torch.arange(len(kernel))
    rows = torch.zeros(len(starts), framed).scatter(1, places, kernel.expand(len(starts), -1))
    return rows[:, padding : padding + input_size]


def conv_matrix2d(kernel, height, width):
    downwards = torch.eye(len(kernel))
    return sum(
        torch.kron(conv_matrix(down, height, 1, 0, 1), conv_matrix(across, width, 1, 0, 1))
        for down, across in zip(downwards, kernel, strict=True)
    )
