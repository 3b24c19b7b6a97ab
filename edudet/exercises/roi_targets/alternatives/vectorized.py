import torch
from given import box_iou, encode_deltas, sample_balanced


def roi_targets(proposals, gt_boxes, gt_labels, order, size, positive_fraction, background_from):
    rois = torch.cat([proposals, gt_boxes])
    best_iou, best = torch.zeros(len(rois)), torch.zeros(len(rois), dtype=torch.int64)
    if len(gt_boxes):
        best_iou, best = box_iou(rois, gt_boxes).max(1)
    kinds = torch.full((len(rois),), -1)
    kinds[best_iou >= background_from] = 0
    kinds[best_iou >= 0.5] = 1
    positive, negative = sample_balanced(kinds, order, size, positive_fraction)
    labels, deltas = torch.zeros(len(rois), dtype=torch.int64), torch.zeros(len(rois), 4)
    indices = torch.full((len(rois),), -1)
    labels[positive], indices[positive] = gt_labels[best[positive]], best[positive]
    deltas[positive] = encode_deltas(gt_boxes[best[positive]], rois[positive])
    deltas = deltas * torch.tensor([10.0, 10.0, 5.0, 5.0])
    chosen = torch.cat([positive, negative])
    return rois[chosen], labels[chosen], deltas[chosen], indices[chosen]
