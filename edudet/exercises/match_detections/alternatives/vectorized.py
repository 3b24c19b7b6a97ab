"""Overlaps of what is taken are struck out of the table. Needs nothing but torch."""

import torch


def overlaps(a, b):
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    union = area_a[:, None] + area_b - inter
    return torch.where(union > 0, inter / union, torch.zeros(()))


def match_detections(gt_boxes, boxes, scores, iou_threshold, rule):
    iou = overlaps(boxes, gt_boxes)
    claims = torch.full((len(boxes),), -1)
    if iou.numel() == 0:
        return claims
    if rule == "voc":  # only the best object of each detection is left
        iou = torch.where(iou == iou.amax(1, keepdim=True), iou, -1.0)
    turns = torch.argsort(scores, descending=True, stable=True)
    for turn in turns:
        table = iou if rule == "pairs" else iou[turn : turn + 1]
        best = table.max()
        if best < iou_threshold:
            continue
        i, j = divmod(table.argmax().item(), iou.shape[1])
        i = i if rule == "pairs" else turn
        claims[i] = j
        iou[i], iou[:, j] = -1, -1
    return claims
