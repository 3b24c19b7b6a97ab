import numpy as np


def unpool_nearest(x, scale):
    return np.kron(x.numpy(), np.ones((1, *scale), np.float32))


def unpool_bed_of_nails(x, scale):
    channels, height, width = x.shape
    out = np.zeros((channels, height * scale[0], width * scale[1]), np.float32)
    out[:, :: scale[0], :: scale[1]] = x
    return out


def max_unpool2d(values, indices, output_size):
    out = np.zeros((len(values), output_size[0] * output_size[1]), np.float32)
    for channel, places, numbers in zip(out, indices.numpy(), values.numpy(), strict=True):
        for place, number in zip(places.flat, numbers.flat, strict=True):
            channel[place] = number
    return out.reshape(-1, *output_size)
