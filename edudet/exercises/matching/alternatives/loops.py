import torch
from given import box_iou


def match_anchors(anchors, gt_boxes, positive_threshold, negative_threshold):
    iou = box_iou(anchors, gt_boxes).tolist()
    labels, indices = [], []
    for i in range(len(anchors)):
        best = 0
        for j in range(len(gt_boxes)):
            if iou[i][j] > iou[i][best]:
                best = j
        highest = iou[i][best] if len(gt_boxes) else 0
        label = 0 if highest < negative_threshold else -1
        if highest > positive_threshold:
            label = 1
        for j in range(len(gt_boxes)):
            if iou[i][j] > 0 and iou[i][j] == max(row[j] for row in iou):
                label = 1
        labels.append(label)
        indices.append(best if label == 1 else -1)
    return torch.tensor(labels), torch.tensor(indices)
