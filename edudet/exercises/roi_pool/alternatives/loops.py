import math

import torch


def rounded(x):
    return int(x + 0.5) if x >= 0 else -int(-x + 0.5)


def cells(low, high, i, bins, count):
    first, last = rounded(low), rounded(high)
    length = last - first + 1
    begin, end = first + i * length // bins, first + math.ceil((i + 1) * length / bins)
    return range(max(begin, 0), min(end, count))


def roi_pool(feature_map, boxes, output_size, spatial_scale):
    channels, height, width = feature_map.shape
    rows, columns = output_size
    out = torch.zeros(len(boxes), channels, rows, columns)
    for k, box in enumerate(boxes):
        x1, y1, x2, y2 = (box * spatial_scale).tolist()
        for i in range(rows):
            for j in range(columns):
                values = [
                    feature_map[:, y, x]
                    for y in cells(y1, y2, i, rows, height)
                    for x in cells(x1, x2, j, columns, width)
                ]
                if values:
                    out[k, :, i, j] = torch.stack(values).max(0).values
    return out
