import torch
from given import felzenszwalb, merge_regions


def selective_search(image, scale):
    labels = felzenszwalb(image, scale)
    corners = {}
    for y, row in enumerate(labels.tolist()):
        for x, region in enumerate(row):
            x1, y1, x2, y2 = corners.get(region, (x, y, x, y))
            corners[region] = min(x1, x), min(y1, y), max(x2, x + 1), max(y2, y + 1)
    for a, b in merge_regions(labels).tolist():
        low = [min(corners[a][k], corners[b][k]) for k in (0, 1)]
        high = [max(corners[a][k], corners[b][k]) for k in (2, 3)]
        corners[len(corners)] = (*low, *high)
    boxes = []
    for region in range(len(corners)):
        if corners[region] not in boxes:
            boxes.append(corners[region])
    return torch.tensor(boxes, dtype=torch.float32)
