import torch
from given import average_precision, box_iou


def coco_ap(ground_truth, detections, iou_threshold, smallest, largest):
    answers, wanted = [], 0
    for truth, found in zip(ground_truth, detections, strict=True):
        ignore = truth["crowd"] | outside(truth["boxes"], smallest, largest)
        wanted += int((~ignore).sum())
        answers += answers_of(truth, found, ignore, iou_threshold, smallest, largest)
    if wanted == 0:
        return -1
    answers.sort(key=lambda answer: -answer[0])
    hits = torch.cumsum(torch.tensor([right for _, right in answers], dtype=torch.float64), 0)
    return average_precision(hits / wanted, hits / torch.arange(1, len(hits) + 1), 101)


def outside(boxes, smallest, largest):
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (areas < smallest) | (areas > largest)


def part_inside(box, crowd):
    low, high = torch.maximum(box[:2], crowd[:2]), torch.minimum(box[2:], crowd[2:])
    return (high - low).clamp(min=0).prod() / (box[2:] - box[:2]).prod()


def answers_of(truth, found, ignore, iou_threshold, smallest, largest):
    iou = box_iou(found["boxes"], truth["boxes"])
    too_small_or_large = outside(found["boxes"], smallest, largest)
    taken, answers = set(), []
    for i in torch.argsort(found["scores"], descending=True, stable=True).tolist():
        best, key = None, None
        for j, crowd in enumerate(truth["crowd"].tolist()):
            overlap = part_inside(found["boxes"][i], truth["boxes"][j]) if crowd else iou[i, j]
            rank = (not ignore[j], overlap)
            if overlap >= iou_threshold and j not in taken and (best is None or rank > key):
                best, key = j, rank
        if best is not None and not truth["crowd"][best]:
            taken.add(best)
        if not (ignore[best] if best is not None else too_small_or_large[i]):
            answers.append((found["scores"][i].item(), best is not None))
    return answers
