import torch
from given import box_iou


def match_detections(gt_boxes, boxes, scores, iou_threshold, rule):
    iou = box_iou(boxes, gt_boxes).tolist()
    n, m = len(boxes), len(gt_boxes)
    claims = [-1] * n
    if rule == "pairs":
        pairs = [(iou[i][j], i, j) for i in range(n) for j in range(m)]
        for overlap, i, j in sorted(pairs, reverse=True):
            if overlap >= iou_threshold and claims[i] == -1 and j not in claims:
                claims[i] = j
        return torch.tensor(claims, dtype=torch.int64)
    for i in sorted(range(n), key=lambda i: -scores[i].item()):
        best, largest = -1, 0
        for j in range(m):
            if iou[i][j] > largest and (rule == "voc" or j not in claims):
                best, largest = j, iou[i][j]
        if best >= 0 and largest >= iou_threshold and best not in claims:
            claims[i] = best
    return torch.tensor(claims, dtype=torch.int64)
