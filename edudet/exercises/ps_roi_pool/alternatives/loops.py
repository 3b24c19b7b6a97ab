import math

import torch


def rounded(x):
    return int(x + 0.5) if x >= 0 else -int(-x + 0.5)


def cells(low, high, i, bins, count):
    first = rounded(low)
    length = max(rounded(high) - first, 1)
    begin, end = first + i * length // bins, first + math.ceil((i + 1) * length / bins)
    return range(max(begin, 0), min(end, count))


def ps_roi_pool(feature_maps, boxes, output_size, spatial_scale):
    rows, columns = output_size
    number, height, width = feature_maps.shape
    out = torch.zeros(len(boxes), number // (rows * columns), rows, columns)
    for k, box in enumerate(boxes):
        x1, y1, x2, y2 = (box * spatial_scale).tolist()
        for i in range(rows):
            for j in range(columns):
                maps = feature_maps[i * columns + j :: rows * columns]
                down = cells(y1, y2, i, rows, height)
                across = cells(x1, x2, j, columns, width)
                if len(down) and len(across):
                    part = maps[:, down.start : down.stop, across.start : across.stop]
                    out[k, :, i, j] = part.mean((1, 2))
    return out
