import torch


def unpool_nearest(x, scale):
    channels, height, width = x.shape
    out = torch.zeros(channels, height * scale[0], width * scale[1])
    for i in range(height * scale[0]):
        for j in range(width * scale[1]):
            out[:, i, j] = x[:, i // scale[0], j // scale[1]]
    return out


def unpool_bed_of_nails(x, scale):
    channels, height, width = x.shape
    out = torch.zeros(channels, height * scale[0], width * scale[1])
    for i in range(height):
        for j in range(width):
            out[:, i * scale[0], j * scale[1]] = x[:, i, j]
    return out


def max_unpool2d(values, indices, output_size):
    channels, height, width = values.shape
    out = torch.zeros(channels, *output_size)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                y, x = divmod(int(indices[c, i, j]), output_size[1])
                out[c, y, x] = values[c, i, j]
    return out
