import torch
from given import box_iou


def soft_nms(boxes, scores, method, iou_threshold, sigma, score_threshold):
    iou = box_iou(boxes, boxes)
    if method == "gaussian":
        weights = torch.exp(-(iou**2) / sigma)
    else:
        weights = torch.where(iou > iou_threshold, 1 - iou, 1.0)
    waiting = torch.arange(len(boxes))[scores >= score_threshold]
    keep, new_scores = [], torch.zeros(0)
    while len(waiting):
        first = scores[waiting].argmax()
        best = waiting[first]
        keep.append(int(best))
        new_scores = torch.cat([new_scores, scores[best][None]])
        waiting = torch.cat([waiting[:first], waiting[first + 1 :]])
        scores = scores * weights[best]
        waiting = waiting[scores[waiting] >= score_threshold]
    return torch.tensor(keep, dtype=torch.int64), new_scores
