"""Scores of label maps, all from one table: counts[i, j] pixels of class i were called j.

    TP = counts[i, i]   FN = the rest of row i: missed   FP = the rest of column i: called i wrongly

    pixel_accuracy            sum of TP / all pixels (PA)
    mean_pixel_accuracy       mean over classes of TP / (TP + FN) (MPA)
    intersection_over_union   TP / (TP + FP + FN), per class (Jaccard); mean_iou: their mean (mIoU)
    segmentation_precision    TP / (TP + FP), per class
    segmentation_recall       TP / (TP + FN), per class
    segmentation_f1           2 TP / (2 TP + FP + FN), per class: the harmonic mean of the two
    dice_coefficient          the same number under its other name, = 2 IoU / (1 + IoU)

A net that says "background" everywhere scores 95 % in PA where 95 % is background; in mIoU it pays
for every class that it misses. Tables of several images are added first: a mean of the images' IoUs
is another number, in which a tiny region counts as much as a huge one.

0 / 0 is NaN per class: a class that is neither there nor called has no IoU. Means leave such
classes out; the mean of none is NaN.

    segmentation_confusion_loop         pixel by pixel: the definition
    segmentation_confusion_vectorized   row and column in one number, counted
"""

import torch
from torch import Tensor

from edudet import check


def segmentation_confusion(
    gt_labels: Tensor, labels: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """Count, for every pair of classes, the pixels of the one that were called the other.

    Args:
        gt_labels: (...) integer; the true classes, 0 to num_classes - 1.
        labels: the same shape and device, integer; the predicted classes.
        num_classes: K.
        ignore_index: pixels of this true class do not count (255 in VOC: the rims of objects).

    Returns:
        (K, K) int64; rows are the truth, columns the prediction. Add up those of several images.

    Gradient:
        None: counting has none (`edudet.losses.dice_loss` has).

    Raises:
        TypeError: an argument is not a tensor, or `num_classes` or `ignore_index` not an int.
        ValueError: shapes, dtypes or devices do not fit; a class outside 0 to K - 1.
    """
    function = "segmentation_confusion"
    check.is_tensor(function, gt_labels=gt_labels, labels=labels)
    check.dtype(function, (*check.INTEGERS, torch.bool), gt_labels=gt_labels, labels=labels)
    check.same_shape(function, gt_labels=gt_labels, labels=labels)
    check.same_device(function, gt_labels=gt_labels, labels=labels)
    check.is_int(function, num_classes=num_classes)
    check.positive(function, num_classes=num_classes)
    if ignore_index is not None:
        check.is_int(function, ignore_index=ignore_index)
    return segmentation_confusion_vectorized(gt_labels, labels, num_classes, ignore_index)


def segmentation_confusion_loop(
    gt_labels: Tensor, labels: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    _check_classes(gt_labels, labels, num_classes, ignore_index)
    counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=labels.device)
    truth, called = gt_labels.flatten().long(), labels.flatten().long()
    for i, j in zip(truth.tolist(), called.tolist(), strict=True):
        if i != ignore_index:
            counts[i, j] += 1
    return counts


def segmentation_confusion_vectorized(
    gt_labels: Tensor, labels: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    _check_classes(gt_labels, labels, num_classes, ignore_index)
    truth, called = gt_labels.flatten().long(), labels.flatten().long()     # (pixels,)
    if ignore_index is not None:
        counted = truth != ignore_index
        truth, called = truth[counted], called[counted]
    counts = torch.bincount(truth * num_classes + called, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def _check_classes(
    gt_labels: Tensor, labels: Tensor, num_classes: int, ignore_index: int | None
) -> None:
    # Ids are compared as int64: 255 is no int8, and a uint8 below 0 is no number at all.
    truth = gt_labels.long()
    counted = torch.ones_like(truth, dtype=torch.bool)
    if ignore_index is not None:
        counted = truth != ignore_index
    for name, classes in (("gt_labels", truth), ("labels", labels.long())):
        bad = ((classes < 0) | (classes >= num_classes)) & counted
        if bad.any():
            index = bad.nonzero()[0].tolist()
            value = classes[tuple(index)].item()
            hint = ": is that the ignore_index?" if name == "gt_labels" else ""
            raise ValueError(
                f"segmentation_confusion: {name}{index} must lie in 0 to {num_classes - 1}, "
                f"got {value}{hint}"
            )


def pixel_accuracy(confusion: Tensor) -> Tensor:
    """Return the share of pixels called right, (), of a (K, K) table; float64."""
    true, _, _ = _counts("pixel_accuracy", confusion)
    return true.sum() / confusion.sum()


def mean_pixel_accuracy(confusion: Tensor) -> Tensor:
    """Return the mean over the true classes of the share called right, () float64."""
    true, missed, _ = _counts("mean_pixel_accuracy", confusion)
    return (true / (true + missed)).nanmean()


def intersection_over_union(confusion: Tensor) -> Tensor:
    """Return the IoU of every class, (K,) float64; NaN for a class neither there nor called."""
    true, missed, wrong = _counts("intersection_over_union", confusion)
    return true / (true + missed + wrong)


def mean_iou(confusion: Tensor) -> Tensor:
    """Return the mean IoU over the classes that are there or called, () float64."""
    true, missed, wrong = _counts("mean_iou", confusion)
    return (true / (true + missed + wrong)).nanmean()


def segmentation_precision(confusion: Tensor) -> Tensor:
    """Return how much of what was called a class is of it, (K,) float64; NaN if never called."""
    true, _, wrong = _counts("segmentation_precision", confusion)
    return true / (true + wrong)


def segmentation_recall(confusion: Tensor) -> Tensor:
    """Return how much of a class was called so, (K,) float64; NaN if it is not there."""
    true, missed, _ = _counts("segmentation_recall", confusion)
    return true / (true + missed)


def segmentation_f1(confusion: Tensor) -> Tensor:
    """Return the harmonic mean of precision and recall, (K,) float64; 0 if one of them is 0 / 0."""
    true, missed, wrong = _counts("segmentation_f1", confusion)
    return 2 * true / (2 * true + missed + wrong)


def dice_coefficient(confusion: Tensor) -> Tensor:
    """Return 2 |A and B| / (|A| + |B|) of every class's regions, (K,) float64: the F1 score."""
    _counts("dice_coefficient", confusion)
    areas, called_areas = confusion.double().sum(1), confusion.double().sum(0)
    return 2 * confusion.double().diagonal() / (areas + called_areas)


def _counts(function: str, confusion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """TP, FN and FP of every class, (K,) float64 each."""
    check.is_tensor(function, confusion=confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise ValueError(
            f"{function}: confusion must have shape (K, K), got {tuple(confusion.shape)}"
        )
    counts = confusion.double()
    true = counts.diagonal()
    return true, counts.sum(1) - true, counts.sum(0) - true


IMPLEMENTATIONS = {
    "loop": segmentation_confusion_loop,
    "vectorized": segmentation_confusion_vectorized,
}
