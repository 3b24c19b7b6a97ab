import math

import torch


def segmentation_confusion(gt_labels, labels, num_classes, ignore_index):
    counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for true, called in zip(gt_labels.flatten(), labels.flatten(), strict=True):
        if true != ignore_index:
            counts[true, called] += 1
    return counts


def pixel_accuracy(confusion):
    return ratio(sum(confusion[i, i] for i in range(len(confusion))), confusion.sum())


def intersection_over_union(confusion):
    dice = dice_coefficient(confusion)
    return [d / (2 - d) for d in dice]


def mean_iou(confusion):
    there = [iou for iou in intersection_over_union(confusion) if not math.isnan(iou)]
    return ratio(sum(there), len(there))


def dice_coefficient(confusion):
    k = range(len(confusion))
    return [ratio(2 * confusion[i, i], confusion[i].sum() + confusion[:, i].sum()) for i in k]


def ratio(part, whole):
    return float(part) / float(whole) if whole else math.nan
