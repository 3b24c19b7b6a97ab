"""All by hand: nothing is given."""

import torch


def overlaps(a, b):
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    inter = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - low).clamp(min=0).prod(-1)
    areas = [(x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b)]
    return inter / (areas[0][:, None] + areas[1] - inter).clamp(min=1e-9)


def answers_of(truth, found, label, iou_threshold):
    mine, wanted = found["labels"] == label, truth["labels"] == label
    scores, order = found["scores"][mine].sort(descending=True, stable=True)
    right = torch.zeros(len(scores), dtype=torch.bool)
    if wanted.any() and mine.any():
        iou = overlaps(found["boxes"][mine][order], truth["boxes"][wanted])
        largest, best = iou.max(1)
        for j in range(iou.shape[1]):
            hits = ((best == j) & (largest >= iou_threshold)).nonzero()
            right[hits[:1]] = True
    return scores, right, int(wanted.sum())


def voc_map(ground_truth, detections, iou_threshold, year):
    means, pairs = [], list(zip(ground_truth, detections, strict=True))
    for label in torch.cat([truth["labels"] for truth in ground_truth]).unique():
        parts = [answers_of(*both, label, iou_threshold) for both in pairs]
        scores, right = (torch.cat([part[k] for part in parts]) for k in (0, 1))
        right = right[scores.argsort(descending=True)].double()
        wanted = sum(part[2] for part in parts)
        recall = right.cumsum(0) / wanted
        precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
        smoothed = precision.flip(0).cummax(0).values.flip(0) if len(right) else precision
        if year == 2010:
            means.append((right * smoothed).sum() / wanted)
            continue
        levels = torch.arange(11) / 10 - 1e-6
        place = torch.searchsorted(recall, levels.double())
        means.append(torch.cat([smoothed, smoothed.new_zeros(1)])[place].mean())
    return torch.stack(means).mean()
