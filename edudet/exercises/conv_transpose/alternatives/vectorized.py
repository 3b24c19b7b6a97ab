"""Each cell of the kernel writes the whole image, a stride apart, on a canvas that is cut then."""

import torch


def conv_transpose(image, weight, stride, padding, output_padding):
    (_, height, width), (_, d, rows, columns) = image.shape, weight.shape
    tall, wide = (height - 1) * stride + 1, (width - 1) * stride + 1
    canvas = torch.zeros(d, tall + rows - 1 + output_padding, wide + columns - 1 + output_padding)
    for i in range(rows):
        for j in range(columns):
            product = torch.einsum("chw,cd->dhw", image, weight[:, :, i, j])
            canvas[:, i : i + tall : stride, j : j + wide : stride] += product
    _, bottom, right = canvas.shape
    return canvas[:, padding : bottom - padding, padding : right - padding]
