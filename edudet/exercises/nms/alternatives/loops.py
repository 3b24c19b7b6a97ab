import torch
from given import box_iou


def nms(boxes, scores, iou_threshold):
    iou = box_iou(boxes, boxes)
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i].item(), i))
    keep = []
    for i in order:
        if all(iou[k, i] <= iou_threshold for k in keep):
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)
