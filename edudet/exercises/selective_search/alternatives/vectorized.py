import torch
from given import felzenszwalb, merge_regions


def selective_search(image, scale):
    labels = felzenszwalb(image, scale)
    masks = [labels == region for region in range(int(labels.max()) + 1)]
    for a, b in merge_regions(labels).tolist():
        masks.append(masks[a] | masks[b])
    boxes = []
    for mask in masks:
        y, x = mask.nonzero().T.tolist()
        boxes.append((min(x), min(y), max(x) + 1, max(y) + 1))
    return torch.tensor(list(dict.fromkeys(boxes)), dtype=torch.float32)
