import torch
from given import encode_deltas, match_anchors, sample_balanced


def rpn_targets(
    anchors, gt_boxes, order, positive_threshold, negative_threshold, size, positive_fraction
):
    matched, objects = match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold)
    positive, negative = sample_balanced(matched, order, size, positive_fraction)
    labels, gt_indices = torch.full_like(matched, -1), torch.full_like(matched, -1)
    labels[negative], labels[positive] = 0, 1
    gt_indices[positive] = objects[positive]
    deltas = torch.zeros_like(anchors)
    deltas[positive] = encode_deltas(gt_boxes[objects[positive]], anchors[positive])
    return labels, deltas, gt_indices
