"""A weight for each row and each column of the mask: two matrix products make the target."""

import torch


def weights(low, high, size, pixels):
    position = low + (torch.arange(size) + 0.5) * (high - low) / size
    position = position.clamp(max=pixels - 1)
    return (1 - (position[:, None] - torch.arange(pixels)).abs()).clamp(min=0)


def mask_targets(gt_masks, rois, gt_indices, size):
    targets = torch.zeros(len(rois), size, size)
    for p, (x1, y1, x2, y2) in enumerate(rois.tolist()):
        mask = gt_masks[gt_indices[p]].float()
        down = weights(y1, y2, size, mask.shape[0])
        across = weights(x1, x2, size, mask.shape[1])
        targets[p] = down @ mask @ across.T
    return targets
