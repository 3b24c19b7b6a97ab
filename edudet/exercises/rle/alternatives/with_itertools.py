"""Python's own grouping."""

from itertools import groupby

import numpy as np


def rle_encode(mask):
    pixels = mask.numpy().flatten(order="F").tolist()
    runs = [(inside, len(list(group))) for inside, group in groupby(pixels)]
    return [0] * runs[0][0] + [length for _, length in runs]


def rle_decode(counts, height, width):
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return inside.reshape((height, width), order="F")
