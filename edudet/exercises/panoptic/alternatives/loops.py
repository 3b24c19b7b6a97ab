import math

import torch


def panoptic_quality(gt_map, gt_categories, segment_map, categories):
    truth = {i: gt_map == i for i in set(gt_map.flatten().tolist()) - {0}}
    found = {j: segment_map == j for j in set(segment_map.flatten().tolist()) - {0}}
    void = gt_map == 0
    ious, fp, fn = {}, {}, {}
    left = set(found)
    for i, region in truth.items():
        category = gt_categories[i].item()
        fn[category] = fn.get(category, 0) + 1
        for j, other in found.items():
            both = (region & other).sum().item()
            union = ((region | other) & ~(void & other)).sum().item()
            if categories[j] == category and both > union / 2:
                ious.setdefault(category, []).append(both / union)
                fn[category] -= 1
                left.remove(j)
    for j in left:
        if (found[j] & void).sum() <= found[j].sum() / 2:
            category = categories[j].item()
            fp[category] = fp.get(category, 0) + 1
    scores = []
    for category in set(fp) | set(fn):
        matches = ious.get(category, [])
        size = len(matches) + fp.get(category, 0) / 2 + fn.get(category, 0) / 2
        quality = sum(matches) / len(matches) if matches else 0
        scores.append([sum(matches) / size, quality, len(matches) / size])
    return torch.tensor(scores).mean(0) if scores else torch.full((3,), math.nan)
