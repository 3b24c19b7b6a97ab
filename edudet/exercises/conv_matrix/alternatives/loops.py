import torch


def conv_matrix(kernel, input_size, stride, padding, dilation):
    rows = (input_size + 2 * padding - dilation * (len(kernel) - 1) - 1) // stride + 1
    matrix = torch.zeros(rows, input_size)
    for row in range(rows):
        for i, weight in enumerate(kernel):
            x = row * stride - padding + i * dilation
            if 0 <= x < input_size:
                matrix[row, x] = weight
    return matrix


def conv_matrix2d(kernel, height, width):
    down, across = height - len(kernel) + 1, width - len(kernel[0]) + 1
    matrix = torch.zeros(down * across, height * width)
    for y in range(down):
        for x in range(across):
            for i in range(len(kernel)):
                for j in range(len(kernel[0])):
                    matrix[y * across + x, (y + i) * width + x + j] = kernel[i, j]
    return matrix
