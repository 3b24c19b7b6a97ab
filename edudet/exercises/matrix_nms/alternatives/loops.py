import math

import torch
from given import box_iou


def matrix_nms(boxes, scores, method, sigma, score_threshold):
    def f(x):
        return math.exp(-(x**2) / sigma) if method == "gaussian" else 1 - x

    iou, scores = box_iou(boxes, boxes).tolist(), scores.tolist()
    order = [i for i in range(len(scores)) if scores[i] >= score_threshold]
    order.sort(key=lambda i: -scores[i])
    covered, new = {}, {}
    for place, j in enumerate(order):
        better = order[:place]
        covered[j] = max([iou[i][j] for i in better], default=0.0)
        factors = [f(iou[i][j]) / f(covered[i]) for i in better if f(covered[i]) > 0]
        new[j] = scores[j] * min([1.0, *factors])
    keep = sorted(j for j in order if new[j] >= score_threshold)
    keep.sort(key=lambda j: -new[j])
    return torch.tensor(keep, dtype=torch.int64), torch.tensor([new[j] for j in keep])
