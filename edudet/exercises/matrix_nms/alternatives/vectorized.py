import torch
from given import box_iou


def matrix_nms(boxes, scores, method, sigma, score_threshold):
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] >= score_threshold]
    if len(order) == 0:
        return order, scores[order]
    iou = box_iou(boxes[order], boxes[order]).triu(1)
    covered = iou.amax(0)[:, None]
    if method == "gaussian":
        factors = torch.exp((covered**2 - iou**2) / sigma)
    else:
        factors = torch.where(covered < 1, (1 - iou) / (1 - covered), 1.0)
    factors = torch.where(torch.ones_like(iou).triu(1) > 0, factors, 1.0)
    new_scores = torch.zeros_like(scores) - 1
    new_scores[order] = scores[order] * factors.amin(0).clamp(max=1)
    keep = new_scores.argsort(descending=True, stable=True)
    keep = keep[new_scores[keep] >= score_threshold]
    return keep, new_scores[keep]
