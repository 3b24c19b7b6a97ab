"""Rows are anchors, columns objects. Needs nothing but torch."""

import torch


def overlaps(a, b):
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    union = area_a[:, None] + area_b - inter
    return torch.where(union > 0, inter / union, torch.zeros(()))


def match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold):
    labels = torch.zeros(len(anchors), dtype=torch.int64)
    if len(gt_boxes) == 0 or len(anchors) == 0:
        return labels, labels - 1
    iou = overlaps(anchors, gt_boxes)
    best_iou, best = iou.max(1)
    labels[best_iou >= negative_threshold] = -1
    labels[best_iou > positive_threshold] = 1
    of_gt = iou.max(0).values
    labels[((iou == of_gt) & (iou > 0)).any(1)] = 1
    return labels, torch.where(labels == 1, best, -1)
