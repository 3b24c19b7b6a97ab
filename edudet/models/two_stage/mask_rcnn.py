"""Mask R-CNN: Faster R-CNN, and for each detection the shape of the object.

    maps -> RoIAlign 14x14 -> four 3x3 convolutions -> transposed convolution -> 28x28 masks,
                                                                                 one for each class

A small fully convolutional network looks at each RoI. It says a mask for every class, and only that
of the right class is trained (of the detected class is used): classes do not compete for pixels, so
a mask is a sigmoid, not a softmax. He et al., 2017.

Where we differ from the paper: mask targets are not rounded to 0 and 1 (`mask_targets`); the masks
are trained on all RoIs of objects that the box branch has drawn.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, pad

from edudet import check
from edudet.data.target import Detections, Losses, Size
from edudet.dtypes import widen
from edudet.models.two_stage.fast_rcnn import BoxBranch, objects_of
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork
from edudet.nn.transform import Batch, Transform
from edudet.targets import RoiTargets, mask_targets


class MaskPredictor(nn.Module):
    """Twice the size by a transposed convolution, then one mask for each class."""

    def __init__(self, in_channels: int, channels: int, num_classes: int):
        check.classes("MaskPredictor", num_classes)
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(in_channels, channels, 2, 2)
        self.mask_fcn_logits = nn.Conv2d(channels, num_classes, 1)
        for layer in (self.conv5_mask, self.mask_fcn_logits):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return self.mask_fcn_logits(self.conv5_mask(x).relu())             # (R, C, 2 h, 2 w)


class MaskRCNN(FasterRCNN):
    """Faster R-CNN with a mask branch.

    Args:
        backbone, transform, rpn, box_branch: as for `FasterRCNN`.
        mask_pool: (maps, boxes, sizes) -> features of each box.
        mask_head, mask_predictor: features -> (R, C, M, M) logits.
        aligned: whether targets are read at the centres of pixels, as in detectron2; else half a
            pixel off, as in torchvision, whose weights expect it.

    Training needs "masks" (G, H, W) in each target, and gives "loss_mask" in addition; detections
    have "masks" (D, 1, H, W): the probability of every pixel of the image.
    """

    needs = ("masks",)

    def __init__(
        self, backbone: nn.Module, transform: Transform, rpn: RegionProposalNetwork,
        box_branch: BoxBranch, mask_pool: nn.Module, mask_head: nn.Module,
        mask_predictor: nn.Module, aligned: bool = False,
    ):
        super().__init__(backbone, transform, rpn, box_branch)
        self.mask_pool, self.mask_head = mask_pool, mask_head
        self.mask_predictor, self.aligned = mask_predictor, aligned

    def branch_losses(
        self, maps: Sequence[Tensor], sampled: Sequence[RoiTargets], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        objects = objects_of(sampled)
        rois = [one.rois for one in objects]
        labels = torch.cat([one.labels for one in objects])                # (P,)
        logits = self.mask_logits(maps, rois, batch.sizes)                 # (P, C, M, M)
        shift = 0.5 if self.aligned else 0.0
        targets = torch.cat([
            mask_targets(target["masks"], one.rois - shift, one.gt_indices, logits.shape[-1])
            for target, one in zip(batch.targets, objects, strict=True)
        ])                                                                 # (P, M, M)
        if keep is not None:
            keep.update(mask_rois=rois, mask_logits=logits, mask_targets=targets)
        if len(labels) == 0:
            return {"loss_mask": logits.sum()}  # 0, in the graph
        of_class = logits[torch.arange(len(labels), device=labels.device), labels]
        return {"loss_mask": binary_cross_entropy_with_logits(of_class, targets.to(of_class))}

    def mask_logits(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        features = self.mask_pool(maps, boxes, sizes)                      # (R, C_map, 14, 14)
        return self.mask_predictor(self.mask_head(features))               # (R, C, 28, 28)

    def detect(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None,
    ) -> list[Detections]:
        found = super().detect(maps, proposals, sizes, keep)
        boxes = [one["boxes"].detach() for one in found]  # no gradient flows to where RoIs lie
        labels = torch.cat([one["labels"] for one in found])
        logits = self.mask_logits(maps, boxes, sizes)
        if keep is not None:
            keep.update(mask_rois=boxes, mask_logits=logits)
        of_class = logits[torch.arange(len(labels), device=labels.device), labels]
        masks = widen(of_class).sigmoid()[:, None].split([len(one) for one in boxes])
        return [{**one, "masks": mask} for one, mask in zip(found, masks, strict=True)]

    def to_image(self, found: Detections, size: Size, image_size: Size) -> Detections:
        found = super().to_image(found, size, image_size)
        return {**found, "masks": paste_masks(found["masks"], found["boxes"], image_size)}


def paste_masks(masks: Tensor, boxes: Tensor, size: Size) -> Tensor:
    """Put the mask of each box where the box lies in the image.

    Args:
        masks: (D, 1, M, M) probabilities, each of one box.
        boxes: (D, 4) xyxy, pixels.
        size: (height, width) of the image.

    Returns:
        (D, 1, height, width); 0 outside the boxes; a gradient flows to the masks, none to the
        boxes. As in Detectron and torchvision: the mask gets a
        border of one zero (so that it fades out), its box grows as much, is cut off to whole
        pixels, and the mask is stretched to them bilinearly.
    """
    height, width = size
    pasted = masks.new_zeros(len(masks), 1, height, width)
    if len(masks) == 0:
        return pasted
    side = masks.shape[-1]
    padded = pad(masks, (1, 1, 1, 1))
    grown = _grown(boxes, (side + 2) / side).long().tolist()
    for i, (x1, y1, x2, y2) in enumerate(grown):
        w, h = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
        stretched = interpolate(padded[i : i + 1], (h, w), mode="bilinear", align_corners=False)
        left, right = max(x1, 0), min(x1 + w, width)
        top, bottom = max(y1, 0), min(y1 + h, height)
        inside = stretched[0, :, top - y1 : bottom - y1, left - x1 : right - x1]
        pasted[i, :, top:bottom, left:right] = inside
    return pasted


def _grown(boxes: Tensor, factor: float) -> Tensor:
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * factor
    centre = (boxes[:, 2:] + boxes[:, :2]) * 0.5
    return torch.cat([centre - half, centre + half], 1)
