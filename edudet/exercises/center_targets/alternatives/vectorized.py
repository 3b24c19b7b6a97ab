import torch
from given import gaussian_heatmaps, gaussian_radius


def center_targets(boxes, labels, num_classes, size, stride, min_overlap):
    low, high = boxes[:, :2] / stride, boxes[:, 2:] / stride
    centres, sizes = (low + high) / 2, high - low
    cells = torch.minimum(centres.floor(), torch.tensor([size[1] - 1, size[0] - 1]))
    radii = gaussian_radius(sizes.ceil(), min_overlap).floor()
    heatmaps = gaussian_heatmaps(cells, radii, labels, num_classes, size)
    places = cells.long() @ torch.tensor([1, size[1]])
    return heatmaps, places, centres - cells, sizes
