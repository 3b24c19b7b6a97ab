"""Overlaps in a table: objects to ignore are lowered by 2, what is taken is struck out."""

import numpy as np


def sides(boxes):
    return np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(-1)


def coco_ap(ground_truth, detections, iou_threshold, smallest, largest):
    scores, right, wanted = [], [], 0
    for truth, found in zip(ground_truth, detections, strict=True):
        order = np.argsort(-found["scores"].numpy(), kind="stable")
        boxes, objects = found["boxes"].numpy().astype(float)[order], truth["boxes"].numpy()
        crowd, areas = truth["crowd"].numpy(), sides(objects)
        low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
        inter, mine = sides(np.concatenate([low, high], -1)), sides(boxes)[:, None]
        overlap = inter / np.where(crowd, mine, mine + areas - inter)
        ignore = crowd | (areas < smallest) | (areas > largest)
        wanted += np.sum(~ignore)
        rank = np.where(overlap >= iou_threshold, overlap - 2 * ignore, -np.inf)
        for i, row in enumerate(rank):
            j = row.argmax() if len(row) else -1
            if j < 0 or row[j] == -np.inf:
                counts, hit = smallest <= mine[i, 0] <= largest, False
            else:
                counts, hit = not ignore[j], True
                rank[:, j] = rank[:, j] if crowd[j] else -np.inf
            if counts:
                scores.append(found["scores"][order[i]].item())
                right.append(hit)
    if not wanted:
        return -1.0
    hits = np.cumsum(np.array(right)[np.argsort(-np.array(scores), kind="stable")])
    total = 0.0
    for level in np.arange(101) / 100:
        reached = [h / (i + 1) for i, h in enumerate(hits) if h / wanted >= level - 1e-9]
        total += max(reached, default=0.0)
    return total / 101
