import torch
from given import box_iou


def match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold):
    labels = torch.zeros(len(anchors), dtype=torch.int64)
    if len(gt_boxes) == 0 or len(anchors) == 0:
        return labels, labels - 1
    iou = box_iou(anchors, gt_boxes)
    best_iou, best = iou.max(1)
    labels[best_iou >= negative_threshold] = -1
    labels[best_iou > positive_threshold] = 1
    of_gt = iou.max(0).values
    labels[((iou == of_gt) & (iou > 0)).any(1)] = 1
    return labels, torch.where(labels == 1, best, -1)
