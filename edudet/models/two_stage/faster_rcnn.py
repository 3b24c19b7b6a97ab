"""Faster R-CNN: the network proposes its regions itself.

    image -> backbone -> maps --------------------------+
                           |                            |
                           +-> RPN -> ~1000 proposals --+-> Fast R-CNN's heads -> detections

The region proposal network slides over the maps. At every cell it says for each of k anchors
whether there is an object (one logit) and how the anchor must move to fit it (four deltas); the
best go on to the second stage, which is that of Fast R-CNN. Four losses, trained jointly. Ren et
al., 2015.

Where we differ from the paper: one logit for each anchor in place of two (a softmax of two is the
sigmoid of their difference); all losses at once, where the paper trains in four alternating steps
(`alternating.py`); with a pyramid, k best proposals of each level; anchors that cross the border
are trained, too; the weights of the losses are those of torchvision.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from edudet.boxes import clip_boxes_to_image, decode_deltas, remove_small_boxes
from edudet.data.target import (
    Detections,
    Losses,
    Size,
    Target,
    checked_targets,
    crowds_of,
    generator_of,
)
from edudet.dtypes import widen
from edudet.losses import rpn_loss
from edudet.models.two_stage.fast_rcnn import BoxBranch
from edudet.nn.transform import Batch, Images, Transform, resize_boxes, size_of
from edudet.ops import batched_nms
from edudet.proposals import AnchorGenerator
from edudet.targets import RoiTargets, rpn_targets


class RPNHead(nn.Module):
    """A 3x3 convolution, then an objectness and four deltas for each of the A anchors of a cell."""

    def __init__(self, in_channels: int, num_anchors: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, in_channels, 3, padding=1)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, 1)
        self.bbox_pred = nn.Conv2d(in_channels, 4 * num_anchors, 1)
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(parameter, std=0.01)
            else:
                nn.init.zeros_(parameter)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Of each map (N, C, H, W): objectness (N, H W A) and deltas (N, H W A, 4)."""
        objectness, deltas = [], []
        for one in maps:
            x = relu(self.conv(one))                                       # (N, C, H, W)
            # Cell by cell, anchor by anchor: the order of `grid_anchors`.
            objectness.append(self.cls_logits(x).permute(0, 2, 3, 1).flatten(1))
            by_cell = self.bbox_pred(x).permute(0, 2, 3, 1).flatten(1)     # (N, H W A 4)
            deltas.append(by_cell.unflatten(1, (-1, 4)))
        return objectness, deltas


class RegionProposalNetwork(nn.Module):
    """Which anchors show an object, of whatever class?

    Args:
        anchor_generator, head: the anchors of each level, and what is said of them.
        fg_iou_thresh, bg_iou_thresh: IoU above which an anchor is an object, below which it is not.
        batch_size_per_image, positive_fraction: how many anchors the loss looks at.
        pre_nms_top_n, post_nms_top_n: (in training, afterwards): proposals of each level before
            NMS, of each image after it.
        nms_thresh, score_thresh: of the proposals.
    """

    def __init__(
        self, anchor_generator: AnchorGenerator, head: nn.Module, *, fg_iou_thresh: float = 0.7,
        bg_iou_thresh: float = 0.3, batch_size_per_image: int = 256,
        positive_fraction: float = 0.5, pre_nms_top_n: tuple[int, int] = (2000, 1000),
        post_nms_top_n: tuple[int, int] = (2000, 1000), nms_thresh: float = 0.7,
        score_thresh: float = 0.0,
    ):
        super().__init__()
        self.anchor_generator, self.head = anchor_generator, head
        self.fg_iou_thresh, self.bg_iou_thresh = fg_iou_thresh, bg_iou_thresh
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction
        self.pre_nms_top_n, self.post_nms_top_n = pre_nms_top_n, post_nms_top_n
        self.nms_thresh, self.score_thresh = nms_thresh, score_thresh

    def forward(
        self, batch: Batch, maps: Sequence[Tensor], keep: dict[str, Any] | None = None
    ) -> tuple[list[Tensor], Losses]:
        """Return the proposals of each image, (P_i, 4), and in training the two losses."""
        objectness, deltas = self.head(maps)                     # each (N, A_l), (N, A_l, 4)
        anchors = self.anchor_generator(batch.images.shape[-2:], maps)     # each (A_l, 4)
        # Where to look is given to the second stage, not learnt by it. In 16 bits, a box of 300 px
        # would lie on every second pixel.
        proposals, scores = self._best(
            [widen(one.detach()) for one in objectness], [widen(one.detach()) for one in deltas],
            anchors, batch.sizes,
        )
        if keep is not None:
            keep.update(anchors=anchors, objectness=objectness, anchor_deltas=deltas,
                        proposals=proposals, proposal_scores=scores)  # fmt: skip
        if not self.training:
            return proposals, {}
        losses = self._losses(
            torch.cat(anchors), torch.cat(objectness, 1), torch.cat(deltas, 1), batch.targets, keep
        )
        return proposals, losses

    def _best(
        self, objectness: Sequence[Tensor], deltas: Sequence[Tensor], anchors: Sequence[Tensor],
        sizes: Sequence[Size],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The anchors that most look like objects, moved by their deltas, without doubles."""
        logits, boxes, levels = [], [], []
        for level, (logit, delta, anchor) in enumerate(
            zip(objectness, deltas, anchors, strict=True)
        ):
            count = min(self.pre_nms_top_n[not self.training], logit.shape[1])
            logit, best = logit.topk(count, dim=1)                         # (N, count)
            chosen = delta.gather(1, best[..., None].expand(-1, -1, 4))    # (N, count, 4)
            logits.append(logit)
            boxes.append(decode_deltas(chosen, anchor[best]))              # (N, count, 4)
            levels.append(torch.full_like(best, level))
        every = zip(
            torch.cat(boxes, 1), torch.cat(logits, 1).sigmoid(), torch.cat(levels, 1), sizes,
            strict=True,
        )
        proposals, scores = zip(*(self._of_one_image(*one) for one in every), strict=True)
        return list(proposals), list(scores)

    def _of_one_image(
        self, boxes: Tensor, scores: Tensor, levels: Tensor, size: Size
    ) -> tuple[Tensor, Tensor]:
        boxes = clip_boxes_to_image(boxes, size)
        large = remove_small_boxes(boxes, 1e-3)
        kept = large[scores[large] >= self.score_thresh]
        boxes, scores, levels = boxes[kept], scores[kept], levels[kept]
        # Level by level: a fine and a coarse anchor are not rivals.
        kept = batched_nms(boxes, scores, levels, self.nms_thresh)
        kept = kept[: self.post_nms_top_n[not self.training]]
        return boxes[kept], scores[kept]

    def _losses(
        self, anchors: Tensor, objectness: Tensor, deltas: Tensor, targets: Sequence[Target],
        keep: dict[str, Any] | None,
    ) -> Losses:
        sampled = [
            rpn_targets(
                anchors, target["boxes"].to(anchors), self.fg_iou_thresh, self.bg_iou_thresh,
                self.batch_size_per_image, self.positive_fraction, crowds_of(target, anchors),
                generator_of(target, "rpn", anchors.device),
            )
            for target in targets
        ]
        if keep is not None:
            keep.update(rpn_targets=sampled)
        labels = torch.cat([one.labels for one in sampled])                # (N A,)
        target_deltas = torch.cat([one.deltas for one in sampled])         # (N A, 4)
        objects, boxes = rpn_loss(
            objectness.flatten(), deltas.flatten(0, 1), labels, target_deltas.to(deltas)
        )
        return {"loss_objectness": objects, "loss_rpn_box_reg": boxes}


class FasterRCNN(nn.Module):
    """The two stages on one backbone.

    Args:
        backbone: images (N, 3, H, W) -> list of maps.
        transform: resizes and normalises.
        rpn: the first stage.
        box_branch: the second stage.
    """

    needs: tuple[str, ...] = ()  # what targets must have for training besides boxes and labels

    def __init__(
        self, backbone: nn.Module, transform: Transform, rpn: RegionProposalNetwork,
        box_branch: BoxBranch,
    ):
        super().__init__()
        self.transform, self.backbone, self.rpn = transform, backbone, rpn
        self.box_branch = box_branch

    @property
    def num_classes(self) -> int | None:
        """How many there are, the background included; None: the predictor does not say."""
        return self.box_branch.num_classes

    @property
    def num_joints(self) -> int | None:
        """How many each object has; None: any number, or none at all."""
        return None

    def forward(
        self, images: Images, targets: Sequence[Target] | None = None,
        keep: dict[str, Any] | None = None,
    ) -> Any:
        """Training: the losses by name. Evaluation: a list of detections, one for each image.

        Args:
            images: each (3, H, W), float in [0, 1]; or a batch (N, 3, H, W).
            targets: for training: of each image "boxes" (G, 4), xyxy, and "labels" (G,), from 1 on;
                what else there may be, and in which forms: edudet/data/target.py.
            keep: a dictionary that receives the intermediate results: docs/keep.md.

        Returns:
            {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}, or
            [{"boxes" (D, 4), "labels" (D,), "scores" (D,)}, ...], best first.
        """
        name = type(self).__name__
        images = self.transform.checked(name, images)
        if self.training:
            targets = checked_targets(
                name, images, targets, self.needs, self.num_classes, K=self.num_joints
            )
        batch = self.transform(images, (targets or ()) if self.training else ())
        maps = self.backbone(batch.images)                                 # each (N, C, H_l, W_l)
        proposals, losses = self.rpn(batch, maps, keep)                    # each (P, 4)
        if keep is not None:
            keep.update(batch=batch, maps=maps)
        if self.training:
            return losses | self.train_heads(maps, proposals, batch, keep)
        found = self.detect(maps, proposals, batch.sizes, keep)
        return [
            self.to_image(one, size, size_of(image))
            for one, image, size in zip(found, images, batch.sizes, strict=True)
        ]

    def train_heads(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        """The losses of the second stage, of further branches too."""
        sampled = self.box_branch.sample(proposals, batch.targets)
        rois = [one.rois for one in sampled]
        if keep is not None:
            keep.update(roi_targets=sampled, rois=rois)
        class_logits, deltas = self.box_branch(maps, rois, batch.sizes, keep)
        losses = self.box_branch.losses(class_logits, deltas, sampled)
        return losses | self.branch_losses(maps, sampled, batch, keep)

    def branch_losses(
        self, maps: Sequence[Tensor], sampled: Sequence[RoiTargets], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        """Here none; Mask R-CNN and Keypoint R-CNN add theirs, on the same RoIs."""
        return {}

    def detect(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None,
    ) -> list[Detections]:
        """Detections on the resized images; other heads add to them."""
        if keep is not None:
            keep.update(rois=proposals)
        class_logits, deltas = self.box_branch(maps, proposals, sizes, keep)
        return self.box_branch.detections(class_logits, deltas, proposals, sizes)

    def to_image(self, found: Detections, size: Size, image_size: Size) -> Detections:
        """The detections on an image of its original size."""
        return {**found, "boxes": resize_boxes(found["boxes"], size, image_size)}
