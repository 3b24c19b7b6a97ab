import torch
from given import box_iou


def nms(boxes, scores, iou_threshold):
    left = torch.argsort(scores, descending=True, stable=True)
    keep = []
    while len(left):
        best, left = left[0], left[1:]
        keep.append(best)
        left = left[box_iou(boxes[best][None], boxes[left])[0] <= iou_threshold]
    return torch.stack(keep) if keep else torch.zeros(0, dtype=torch.int64)
