"""Keypoint R-CNN: Mask R-CNN's idea for joints, each a mask of one pixel.

    maps -> RoIAlign 14x14 -> 3x3 convolutions -> transposed convolution, bilinear -> K maps 56x56

For each of K joints the network says a map of logits over the cells of the RoI; the target is a
single cell, the loss a cross-entropy over all cells (softmax: a joint is in exactly one place). He
et al., 2017, section 5.

Where we differ from the paper: RoIs are those of objects that the box branch has drawn; a joint
outside its RoI teaches nothing.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from edudet import check
from edudet.data.target import Detections, Losses, Size
from edudet.dtypes import widen
from edudet.models.two_stage.fast_rcnn import BoxBranch, objects_of
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork
from edudet.nn.transform import Batch, Transform, resize_keypoints
from edudet.targets import RoiTargets, keypoint_targets

LEFT_OUT = -1  # in place of a cell


class KeypointPredictor(nn.Module):
    """Twice the size by a transposed convolution, then `enlarge` times by bilinear interpolation:
    (R, C, h, w) -> (R, num_keypoints, 2 enlarge h, 2 enlarge w)."""

    def __init__(self, in_channels: int, num_keypoints: int, enlarge: int = 2):
        check.is_int("KeypointPredictor", num_keypoints=num_keypoints, enlarge=enlarge)
        check.positive("KeypointPredictor", num_keypoints=num_keypoints, enlarge=enlarge)
        super().__init__()
        self.enlarge = enlarge
        self.kps_score_lowres = nn.ConvTranspose2d(in_channels, num_keypoints, 4, 2, 1)
        nn.init.kaiming_normal_(
            self.kps_score_lowres.weight, mode="fan_out", nonlinearity="relu"
        )
        nn.init.zeros_(self.kps_score_lowres.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.kps_score_lowres(x)                                       # (R, K, 2 h, 2 w)
        if self.enlarge == 1:
            return x
        return interpolate(
            x, scale_factor=float(self.enlarge), mode="bilinear", align_corners=False,
            recompute_scale_factor=False,
        )  # fmt: skip


class KeypointRCNN(FasterRCNN):
    """Faster R-CNN with a keypoint branch.

    Args:
        backbone, transform, rpn, box_branch: as for `FasterRCNN`.
        keypoint_pool: (maps, boxes, sizes) -> features of each box.
        keypoint_head, keypoint_predictor: features -> (R, K, M, M) logits.

    Training needs "keypoints" (G, K, 3) in each target, and gives "loss_keypoint" in addition;
    detections have "keypoints" (D, K, 3), x, y and 1, and "keypoints_scores" (D, K), the logits.
    """

    needs = ("keypoints",)

    def __init__(
        self, backbone: nn.Module, transform: Transform, rpn: RegionProposalNetwork,
        box_branch: BoxBranch, keypoint_pool: nn.Module, keypoint_head: nn.Module,
        keypoint_predictor: nn.Module,
    ):
        super().__init__(backbone, transform, rpn, box_branch)
        self.keypoint_pool, self.keypoint_head = keypoint_pool, keypoint_head
        self.keypoint_predictor = keypoint_predictor

    @property
    def num_joints(self) -> int | None:
        layer = getattr(self.keypoint_predictor, "kps_score_lowres", None)
        return getattr(layer, "out_channels", None)

    def branch_losses(
        self, maps: Sequence[Tensor], sampled: Sequence[RoiTargets], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        objects = objects_of(sampled)
        rois = [one.rois for one in objects]
        logits = self.keypoint_logits(maps, rois, batch.sizes)             # (P, K, M, M)
        joints = torch.cat([
            target["keypoints"][one.gt_indices]
            for target, one in zip(batch.targets, objects, strict=True)
        ])                                                                 # (P, K, 3)
        if joints.shape[1] != logits.shape[1]:
            raise ValueError(f"KeypointRCNN: targets must have {logits.shape[1]} joints for each "
                             f"object, got {joints.shape[1]}")  # fmt: skip
        boxes = torch.cat(rois)                                            # (P, 4)
        cells, valid = keypoint_targets(joints.to(boxes), boxes, logits.shape[-1])
        if keep is not None:
            keep.update(keypoint_rois=rois, keypoint_logits=logits, keypoint_cells=cells)
        if not valid.any():
            return {"loss_keypoint": 0 * logits.sum()}  # 0, in the graph
        # The others are left out by the loss itself: a copy of the rest would take longer.
        wanted = cells.masked_fill(~valid, LEFT_OUT).flatten()             # (P K,)
        return {"loss_keypoint": cross_entropy(
            logits.flatten(0, 1).flatten(1), wanted, ignore_index=LEFT_OUT
        )}  # fmt: skip

    def keypoint_logits(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        features = self.keypoint_pool(maps, boxes, sizes)                  # (R, C_map, 14, 14)
        return self.keypoint_predictor(self.keypoint_head(features))       # (R, K, 56, 56)

    def detect(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None,
    ) -> list[Detections]:
        found = super().detect(maps, proposals, sizes, keep)
        boxes = [one["boxes"].detach() for one in found]  # no gradient flows to where RoIs lie
        logits = self.keypoint_logits(maps, boxes, sizes)                  # (D, K, M, M)
        if keep is not None:
            keep.update(keypoint_rois=boxes, keypoint_logits=logits)
        by_image = widen(logits).split([len(one) for one in boxes])
        for one, maps_of_joints in zip(found, by_image, strict=True):
            places, scores = heatmaps_to_keypoints(maps_of_joints, one["boxes"])
            one.update(keypoints=places, keypoints_scores=scores)
        return found

    def to_image(self, found: Detections, size: Size, image_size: Size) -> Detections:
        found = super().to_image(found, size, image_size)
        return {**found, "keypoints": resize_keypoints(found["keypoints"], size, image_size)}


def heatmaps_to_keypoints(heatmaps: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """The place of the largest logit of each map, in pixels of the image.

    Args:
        heatmaps: (D, K, M, M); of each box, of each joint.
        boxes: (D, 4) xyxy, pixels.

    Returns:
        keypoints (D, K, 3): x, y, 1, and scores (D, K), the logits there; float32. The maps are
        enlarged to the box's size bicubically before the largest place is sought: cells of 56 x 56
        would be coarse for a large box.
    """
    count, joints = heatmaps.shape[:2]
    places = torch.ones(count, joints, 3, device=heatmaps.device)
    scores = torch.zeros(count, joints, device=heatmaps.device)
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)                     # (D, 2) width, height
    for i, (width, height) in enumerate(sides.ceil().long().tolist()):
        enlarged = interpolate(
            heatmaps[i][:, None], (height, width), mode="bicubic", align_corners=False
        )[:, 0].flatten(1)                                                 # (K, height width)
        best = enlarged.argmax(1)
        # The centre of the pixel, shrunk from the box's whole pixels to its true sides.
        cell = torch.stack([best % width, best // width], 1).float() + 0.5
        shrink = sides[i] / sides.new_tensor([width, height])
        places[i, :, 0] = cell[:, 0] * shrink[0] + boxes[i, 0]
        places[i, :, 1] = cell[:, 1] * shrink[1] + boxes[i, 1]
        scores[i] = enlarged.gather(1, best[:, None])[:, 0]
    return places, scores
