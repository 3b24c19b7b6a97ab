"""The features of all proposals of many images, computed once and kept on disk.

R-CNN and SPP-net train several things one after the other on the same features. Those of VOC took
200 GB: one file for each image, read when it is needed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from edudet.boxes import encode_deltas
from edudet.data.shards import Shards
from edudet.ops import box_iou


class Regions(NamedTuple):
    """What is kept of an image; boxes in pixels of the image as the network saw it."""

    pool5: Tensor  # (R, D) float16: the features of the proposals, then of the objects
    boxes: Tensor  # (R, 4)
    gt_boxes: Tensor  # (G, 4): without crowds
    gt_labels: Tensor  # (G,)

    def best_objects(self) -> tuple[Tensor, Tensor]:
        """Of each region the best IoU with an object, (R,), and the number of that object, (R,); 0
        and 0 where there is none."""
        iou = box_iou(self.boxes, self.gt_boxes)                           # (R, G)
        if iou.shape[1] == 0:
            return iou.new_zeros(len(iou)), self.gt_labels.new_zeros(len(iou))
        best, gt = iou.max(1)
        return best, gt

    def examples(self, num_classes: int, negative_below: float) -> tuple[Tensor, Tensor]:
        """Which regions are positive and which negative for each class, two of (R, C) bool: the
        objects of the class themselves; those whose IoU with each of these is below a threshold."""
        iou = box_iou(self.boxes, self.gt_boxes)                           # (R, G)
        of_class = one_hot(self.gt_labels, num_classes)                    # (G, C)
        best = iou.new_zeros(len(iou), num_classes)                        # (R, C)
        for overlap, label in zip(iou.T, of_class, strict=True):
            best = torch.maximum(best, overlap[:, None] * label)
        positive = torch.zeros_like(best, dtype=torch.bool)
        rows = torch.arange(len(iou) - len(self.gt_labels), len(iou))
        positive[rows, self.gt_labels] = True
        return positive, best < negative_below

    def near_objects(self, iou_from: float) -> tuple[Tensor, Tensor, Tensor]:
        """Of the proposals with an IoU of at least this: features (K, D), the deltas to the best
        object (K, 4), its label (K,)."""
        best, gt = self.best_objects()                                     # (R,), (R,)
        best = best[: len(best) - len(self.gt_labels)]
        near = (best >= iou_from).nonzero()[:, 0]                          # (K,)
        deltas = encode_deltas(self.gt_boxes[gt[near]], self.boxes[near])
        return self.pool5[near], deltas, self.gt_labels[gt[near]]


class FeatureCache:
    """The regions of all images, one file each: `for regions in cache`."""

    def __init__(self, shards: Shards, names: Sequence[str]):
        self.shards, self.names = shards, list(names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Regions:
        return Regions(**self.shards.read(self.names[i]))

    def __iter__(self) -> Iterator[Regions]:
        return (self[i] for i in range(len(self)))
