import math

import torch
from given import gaussian_heatmaps, gaussian_radius


def center_targets(boxes, labels, num_classes, size, stride, min_overlap):
    n = len(boxes)
    cells, places = torch.zeros(n, 2), torch.zeros(n, dtype=torch.int64)
    offsets, sizes, radii = torch.zeros(n, 2), torch.zeros(n, 2), torch.zeros(n)
    for i, box in enumerate(boxes.tolist()):
        x1, y1, x2, y2 = [value / stride for value in box]
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        column, row = min(int(x), size[1] - 1), min(int(y), size[0] - 1)
        cells[i] = torch.tensor([column, row])
        places[i] = row * size[1] + column
        offsets[i] = torch.tensor([x - column, y - row])
        sizes[i] = torch.tensor([x2 - x1, y2 - y1])
        radius = gaussian_radius(sizes[i : i + 1].ceil(), min_overlap)
        radii[i] = math.floor(radius.item())
    return gaussian_heatmaps(cells, radii, labels, num_classes, size), places, offsets, sizes
