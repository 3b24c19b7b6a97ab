import torch
from given import box_iou


def proposal_recall(gt_boxes, proposals, counts, iou_threshold):
    found = []  # for each object: by how many proposals, at each n
    for objects, boxes in zip(gt_boxes, proposals, strict=True):
        hit = (box_iou(objects, boxes) >= iou_threshold).int()
        found += [hit[:, :n].sum(1) for n in counts]
    if sum(len(objects) for objects in gt_boxes) == 0:
        return -torch.ones(len(counts))
    pooled = [torch.cat(found[k :: len(counts)]) for k in range(len(counts))]
    return torch.stack([(of_n > 0).double().mean() for of_n in pooled])
