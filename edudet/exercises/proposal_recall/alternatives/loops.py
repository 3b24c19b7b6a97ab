import torch
from given import box_iou


def proposal_recall(gt_boxes, proposals, counts, iou_threshold):
    recall = []
    for n in counts:
        found = total = 0
        for objects, boxes in zip(gt_boxes, proposals, strict=True):
            iou = box_iou(objects, boxes[:n])
            for i in range(len(objects)):
                total += 1
                if any(iou[i, j] >= iou_threshold for j in range(iou.shape[1])):
                    found += 1
        recall.append(found / total if total else -1.0)
    return torch.tensor(recall)
