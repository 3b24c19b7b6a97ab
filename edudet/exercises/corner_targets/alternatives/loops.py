import math

import torch
from given import gaussian_heatmaps, gaussian_radius


def corner_targets(boxes, labels, num_classes, size, stride, min_overlap):
    n = len(boxes)
    cells, offsets = torch.zeros(2, n, 2), torch.zeros(2, n, 2)
    places, sides = torch.zeros(2, n, dtype=torch.int64), torch.zeros(n, 2)
    for i, box in enumerate(boxes.tolist()):
        x1, y1, x2, y2 = [value / stride for value in box]
        sides[i, 0], sides[i, 1] = math.ceil(y2 - y1), math.ceil(x2 - x1)
        for corner, (x, y) in enumerate([(x1, y1), (x2, y2)]):
            column, row = min(int(x), size[1] - 1), min(int(y), size[0] - 1)
            cells[corner, i] = torch.tensor([column, row])
            offsets[corner, i] = torch.tensor([x - column, y - row])
            places[corner, i] = row * size[1] + column
    radii = gaussian_radius(sides, min_overlap).floor()
    first = gaussian_heatmaps(cells[0], radii, labels, num_classes, size)
    second = gaussian_heatmaps(cells[1], radii, labels, num_classes, size)
    return first, second, places[0], places[1], offsets[0], offsets[1]
