import torch
from given import box_iou, encode_deltas, sample_balanced


def roi_targets(proposals, gt_boxes, gt_labels, order, size, positive_fraction, background_from):
    every = torch.cat([proposals, gt_boxes])
    overlaps = box_iou(every, gt_boxes).tolist()
    kinds, best = [], []
    for row in overlaps:
        highest = max(row, default=0)
        best.append(row.index(highest) if row else -1)
        kinds.append(1 if highest >= 0.5 else 0 if highest >= background_from else -1)
    kinds = torch.tensor(kinds, dtype=torch.int64)
    positive, negative = sample_balanced(kinds, order, size, positive_fraction)
    rois, labels, indices = [], [], []
    deltas = torch.zeros(len(positive) + len(negative), 4)
    for r, i in enumerate(positive.tolist() + negative.tolist()):
        rois.append(every[i])
        found = r < len(positive)
        labels.append(int(gt_labels[best[i]]) if found else 0)
        indices.append(best[i] if found else -1)
        if found:
            code = encode_deltas(gt_boxes[best[i]][None], every[i][None])[0]
            deltas[r] = code * torch.tensor([10.0, 10.0, 5.0, 5.0])
    rois = torch.stack(rois) if rois else torch.zeros(0, 4)
    return rois, torch.tensor(labels).long(), deltas, torch.tensor(indices).long()
