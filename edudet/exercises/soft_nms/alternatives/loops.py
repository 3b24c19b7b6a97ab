import math

import torch
from given import box_iou


def soft_nms(boxes, scores, method, iou_threshold, sigma, score_threshold):
    iou = box_iou(boxes, boxes).tolist()
    now = scores.tolist()
    waiting = [i for i in range(len(now)) if now[i] >= score_threshold]
    keep = []
    while waiting:
        best = waiting[0]
        for i in waiting:
            if now[i] > now[best]:
                best = i
        keep.append(best)
        waiting.remove(best)
        for i in waiting:
            if method == "gaussian":
                now[i] *= math.exp(-iou[best][i] ** 2 / sigma)
            elif iou[best][i] > iou_threshold:
                now[i] *= 1 - iou[best][i]
        waiting = [i for i in waiting if now[i] >= score_threshold]
    return torch.tensor(keep, dtype=torch.int64), torch.tensor([now[i] for i in keep])
