import torch
from given import gaussian_heatmaps, gaussian_radius


def corner_targets(boxes, labels, num_classes, size, stride, min_overlap):
    boxes = boxes / stride
    sides = boxes[:, 2:] - boxes[:, :2]
    radii = gaussian_radius(sides.ceil(), min_overlap).floor()
    last = torch.tensor([size[1] - 1, size[0] - 1])
    heatmaps, places, offsets = [], [], []
    for corners in (boxes[:, :2], boxes[:, 2:]):
        cells = torch.minimum(corners.floor(), last)
        heatmaps.append(gaussian_heatmaps(cells, radii, labels, num_classes, size))
        places.append((cells[:, 1] * size[1] + cells[:, 0]).long())
        offsets.append(corners - cells)
    return *heatmaps, *places, *offsets
