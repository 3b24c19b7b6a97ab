import torch


def panoptic_quality(gt_map, gt_categories, segment_map, categories):
    n, m = len(gt_categories), len(categories)
    pairs = torch.bincount((gt_map * m + segment_map).flatten(), minlength=n * m)
    both = pairs.reshape(n, m).double()
    gt_areas, areas, in_void = both.sum(1), both.sum(0), both[0].clone()
    union = gt_areas[:, None] + areas - both - in_void
    match = (gt_categories[:, None] == categories) & (2 * both > union)
    match[0], match[:, 0] = False, False
    iou = torch.where(match, both / union.clamp(min=1), 0)
    missed = (gt_areas > 0) & ~match.any(1)
    invented = (areas > 0) & ~match.any(0) & (2 * in_void <= areas)
    missed[0] = invented[0] = False
    scores = []
    for category in torch.cat([gt_categories, categories]).unique():
        of_gt, of_found = gt_categories == category, categories == category
        tp, fn = match[of_gt].sum(), missed[of_gt].sum()
        size = tp + invented[of_found].sum() / 2 + fn / 2
        if size > 0:
            total = iou[of_gt].sum()
            scores.append(torch.stack([total / size, total / tp.clamp(min=1), tp / size]))
    return torch.stack(scores).mean(0) if scores else torch.full((3,), torch.nan)
