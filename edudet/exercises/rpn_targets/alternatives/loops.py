import torch
from given import encode_deltas, match_anchors, sample_balanced


def rpn_targets(
    anchors, gt_boxes, order, positive_threshold, negative_threshold, size, positive_fraction
):
    matched, objects = match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold)
    positive, negative = sample_balanced(matched, order, size, positive_fraction)
    labels, indices = [-1] * len(anchors), [-1] * len(anchors)
    deltas = torch.zeros(len(anchors), 4)
    for i in negative.tolist():
        labels[i] = 0
    for i in positive.tolist():
        labels[i], indices[i] = 1, int(objects[i])
        deltas[i] = encode_deltas(gt_boxes[indices[i] : indices[i] + 1], anchors[i : i + 1])[0]
    return torch.tensor(labels).long(), deltas, torch.tensor(indices).long()
