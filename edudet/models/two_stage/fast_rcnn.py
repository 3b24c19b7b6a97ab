"""Fast R-CNN: one pass of the backbone for all proposals, then two small heads for each.

    image -> backbone -> maps -> RoI pooling at each proposal -> two fully connected layers
                                    -> class logits (C, with background as 0)
                                    -> deltas (4 for each class)

Girshick, 2015. R-CNN ran its network on each of 2000 cut-out proposals; here they share one map.
Classes and boxes are learnt together, from one multi-task loss.

Where we differ from the paper: RoIAlign unless `pool="max"`; smooth L1 with beta 1/9 and deltas
weighted (10, 10, 5, 5) in place of normalised ones, as in today's libraries; RoIs are drawn from
all with IoU < 0.5 (`background_from` restores its [0.1, 0.5)).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from edudet import check
from edudet.boxes import clip_boxes_to_image, decode_deltas, remove_small_boxes
from edudet.data.target import (
    Detections,
    Losses,
    Size,
    Target,
    check_number,
    check_values,
    checked,
    checked_targets,
    crowds_of,
    generator_of,
)
from edudet.dtypes import widen
from edudet.losses import fast_rcnn_loss, multi_task_loss
from edudet.nn.transform import Images, Transform, resize_boxes, size_of
from edudet.ops import batched_nms
from edudet.targets import RoiTargets, roi_targets


class TwoMLPHead(nn.Module):
    """Two fully connected layers: what a RoI looks like, as one vector."""

    def __init__(self, in_channels: int, representation_size: int = 1024):
        super().__init__()
        self.fc6 = nn.Linear(in_channels, representation_size)
        self.fc7 = nn.Linear(representation_size, representation_size)

    def forward(self, features: Tensor) -> Tensor:
        x = relu(self.fc6(features.flatten(1)))                            # (R, D)
        return relu(self.fc7(x))                                           # (R, D)


class FastRCNNPredictor(nn.Module):
    """The two heads: classes, and a box for each class."""

    def __init__(self, in_channels: int, num_classes: int):
        check.classes("FastRCNNPredictor", num_classes)
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, 4 * num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.flatten(1)
        return self.cls_score(x), self.bbox_pred(x)                        # (R, C), (R, 4 C)


class BoxBranch(nn.Module):
    """The second stage: what is in each proposal, and where exactly?

    Args:
        pool: (maps, boxes, sizes) -> features of each box.
        head: features -> (R, D).
        predictor: (R, D) -> class logits (R, C), deltas (R, 4 C).
        score_thresh, nms_thresh, detections_per_img: what is kept of the answers.
        fg_iou_thresh: IoU from which on a proposal is an example of an object.
        background_from: background has an IoU of at least this.
        batch_size_per_image, positive_fraction: how many RoIs are drawn, and how many are objects.
        weights: of the deltas.
        alpha: None: the sum of the two losses; else alpha S + (1 - alpha) R.
    """

    def __init__(
        self, pool: nn.Module, head: nn.Module, predictor: nn.Module, *,
        score_thresh: float = 0.05, nms_thresh: float = 0.5, detections_per_img: int = 100,
        fg_iou_thresh: float = 0.5, background_from: float = 0.0, batch_size_per_image: int = 512,
        positive_fraction: float = 0.25, weights: Sequence[float] = (10.0, 10.0, 5.0, 5.0),
        alpha: float | None = None,
    ):
        super().__init__()
        self.pool, self.head, self.predictor = pool, head, predictor
        self.score_thresh, self.nms_thresh = score_thresh, nms_thresh
        self.detections_per_img = detections_per_img
        self.fg_iou_thresh, self.background_from = fg_iou_thresh, background_from
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction
        self.weights, self.alpha = tuple(weights), alpha

    @property
    def num_classes(self) -> int | None:
        """How many the predictor knows, the background included; None: it does not say."""
        layer = getattr(self.predictor, "cls_score", self.predictor)
        return getattr(layer, "out_features", None)

    def sample(
        self, proposals: Sequence[Tensor], targets: Sequence[Target], name: str = "rois"
    ) -> list[RoiTargets]:
        """Draw the RoIs of each image that the loss looks at, with their classes and deltas.

        Of what is drawn from a target's seed, draws of other names differ."""
        return [
            roi_targets(
                boxes, target["boxes"].to(boxes), target["labels"], self.batch_size_per_image,
                self.positive_fraction, self.fg_iou_thresh, self.background_from,
                weights=self.weights, crowd_boxes=crowds_of(target, boxes),
                generator=generator_of(target, name, boxes.device),
            )
            for boxes, target in zip(proposals, targets, strict=True)
        ]

    def forward(
        self, maps: Sequence[Tensor], rois: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return class logits (R, C) and deltas (R, 4 C) of the RoIs of all images."""
        features = self.pool(maps, rois, sizes)                            # (R, C_map, 7, 7)
        class_logits, deltas = self.predictor(self.head(features))         # (R, C), (R, 4 C)
        if keep is not None:
            keep.update(roi_features=features, class_logits=class_logits, deltas=deltas)
        return class_logits, deltas

    def losses(
        self, class_logits: Tensor, deltas: Tensor, sampled: Sequence[RoiTargets]
    ) -> Losses:
        labels = torch.cat([one.labels for one in sampled])                # (R,)
        targets = torch.cat([one.deltas for one in sampled])               # (R, 4)
        classes, boxes = fast_rcnn_loss(class_logits, deltas, labels, targets.to(deltas))
        if self.alpha is None:
            return {"loss_classifier": classes, "loss_box_reg": boxes}
        nothing = torch.zeros_like(classes)
        return {
            "loss_classifier": multi_task_loss(classes, nothing, self.alpha),
            "loss_box_reg": multi_task_loss(nothing, boxes, self.alpha),
        }

    def detections(
        self, class_logits: Tensor, deltas: Tensor, rois: Sequence[Tensor], sizes: Sequence[Size]
    ) -> list[Detections]:
        """Turn scores and deltas into boxes: at most `detections_per_img` for each image."""
        counts = [len(boxes) for boxes in rois]
        scores = widen(class_logits).softmax(-1).split(counts)             # each (L, C)
        of_class = widen(deltas).unflatten(-1, (-1, 4)).split(counts)      # each (L, C, 4)
        return [
            self._of_one_image(*one) for one in zip(scores, of_class, rois, sizes, strict=True)
        ]

    def _of_one_image(
        self, scores: Tensor, deltas: Tensor, rois: Tensor, size: Size
    ) -> Detections:
        # Only what passes the threshold is decoded: a few of 1000 x 90 boxes.
        row, label = (scores[:, 1:] > self.score_thresh).nonzero(as_tuple=True)
        label = label + 1  # column 0 is background
        boxes = decode_deltas(deltas[row, label], rois[row], self.weights)
        boxes, score = clip_boxes_to_image(boxes, size), scores[row, label]
        large = remove_small_boxes(boxes, 1e-2)
        boxes, score, label = boxes[large], score[large], label[large]
        kept = batched_nms(boxes, score, label, self.nms_thresh)[: self.detections_per_img]
        return {"boxes": boxes[kept], "labels": label[kept], "scores": score[kept]}


def objects_of(sampled: Sequence[RoiTargets]) -> list[RoiTargets]:
    """Of each image the RoIs that show an object: what masks and keypoints are learnt from."""
    return [RoiTargets(*(part[one.labels > 0] for part in one)) for one in sampled]


class FastRCNN(nn.Module):
    """Fast R-CNN on proposals that come from elsewhere.

    Args:
        backbone: images (N, 3, H, W) -> list of maps.
        transform: resizes and normalises.
        box_branch: the second stage.
        propose: image (3, H, W) -> (P, 4): called where a target brings no "proposals".
    """

    def __init__(
        self, backbone: nn.Module, transform: Transform, box_branch: BoxBranch,
        propose: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.transform, self.backbone, self.box_branch = transform, backbone, box_branch
        self.propose = propose

    def forward(
        self, images: Images, targets: Sequence[Target] | None = None,
        keep: dict[str, Any] | None = None,
    ) -> Any:
        """Training: losses by name. Evaluation: boxes, labels and scores of each image.

        Args:
            images: each (3, H, W), float in [0, 1]; or a batch (N, 3, H, W).
            targets: of each image "boxes", "labels" (training) and "proposals" (P, 4); what else
                there may be, and in which forms: edudet/data/target.py.
            keep: a dictionary that receives the intermediate results: docs/keep.md.
        """
        name = type(self).__name__
        images = self.transform.checked(name, images)
        if self.training:
            targets = checked_targets(
                name, images, targets, num_classes=self.box_branch.num_classes
            )
        targets = self._with_proposals(images, targets)
        batch = self.transform(images, targets)
        maps = self.backbone(batch.images)                                 # each (N, C, H_l, W_l)
        exact = torch.promote_types(batch.images.dtype, torch.float32)
        rois = [target["proposals"].to(batch.images.device, exact) for target in batch.targets]
        if self.training:
            sampled = self.box_branch.sample(rois, batch.targets)
            rois = [one.rois for one in sampled]
        class_logits, deltas = self.box_branch(maps, rois, batch.sizes, keep)
        if keep is not None:
            keep.update(batch=batch, maps=maps, rois=rois)
        if self.training:
            return self.box_branch.losses(class_logits, deltas, sampled)
        found = self.box_branch.detections(class_logits, deltas, rois, batch.sizes)
        for one, image, size in zip(found, images, batch.sizes, strict=True):
            one["boxes"] = resize_boxes(one["boxes"], size, size_of(image))
        return found

    def _with_proposals(
        self, images: Sequence[Tensor], targets: Sequence[Target] | None
    ) -> list[Target]:
        model = type(self).__name__
        if targets is not None:
            check_number(model, images, targets)
        targets = [{} for _ in images] if targets is None else list(targets)
        for i, (image, target) in enumerate(zip(images, targets, strict=True)):
            name, size = f"{model}: targets[{i}]", size_of(image)
            targets[i] = target = checked(name, target, size, device=image.device)
            if "proposals" in target:
                check_values(name, {"proposals": target["proposals"]}, size)
                continue
            if self.propose is None:
                raise ValueError(
                    f"{name} must have 'proposals' (P, 4), for the model was made "
                    "without a function that proposes, got none"
                )
            targets[i] = {**target, "proposals": self.propose(image)}
        return targets
