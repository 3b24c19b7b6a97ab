import torch


def read(mask, x, y):
    height, width = mask.shape
    x, y = min(x, width - 1), min(y, height - 1)
    c, r = int(x), int(y)
    u, v = x - c, y - r
    c2, r2 = min(c + 1, width - 1), min(r + 1, height - 1)
    upper = (1 - u) * mask[r, c] + u * mask[r, c2]
    lower = (1 - u) * mask[r2, c] + u * mask[r2, c2]
    return (1 - v) * upper + v * lower


def mask_targets(gt_masks, rois, gt_indices, size):
    targets = torch.zeros(len(rois), size, size)
    for p in range(len(rois)):
        mask = gt_masks[gt_indices[p]].numpy().astype(float)
        x1, y1, x2, y2 = rois[p].tolist()
        for i in range(size):
            for j in range(size):
                x = x1 + (j + 0.5) * (x2 - x1) / size
                y = y1 + (i + 0.5) * (y2 - y1) / size
                targets[p, i, j] = read(mask, x, y)
    return targets
