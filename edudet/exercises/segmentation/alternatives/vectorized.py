import torch


def segmentation_confusion(gt_labels, labels, num_classes, ignore_index):
    counted = torch.ones_like(gt_labels, dtype=torch.bool)
    if ignore_index is not None:
        counted = gt_labels != ignore_index
    pairs = gt_labels[counted] * num_classes + labels[counted]
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def pixel_accuracy(confusion):
    return confusion.trace() / confusion.sum()


def intersection_over_union(confusion):
    right = confusion.diagonal()
    return right / (confusion.sum(0) + confusion.sum(1) - right)


def mean_iou(confusion):
    return intersection_over_union(confusion).nanmean()


def dice_coefficient(confusion):
    return 2 * confusion.diagonal() / (confusion.sum(0) + confusion.sum(1))
