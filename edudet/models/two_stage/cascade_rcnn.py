"""Cascade R-CNN: three second stages, one after the other, each stricter than the one before.

    proposals -> stage 1 (IoU .5) -> boxes -> stage 2 (IoU .6) -> boxes -> stage 3 (IoU .7) -> boxes

A head that calls a box an object from an IoU of 0.5 on lets poor boxes pass; one that asks for 0.7
finds too few such proposals to learn from. But a head returns better boxes than it was given. So
each stage learns from the boxes that the stage before has moved, with a higher threshold and larger
weights of the deltas, which become smaller. Cai and Vasconcelos, 2018.

Where we differ from the paper: the losses of the stages are weighted 1, 1/2 and 1/4, as in its
authors' program; every stage draws its sample anew, and sees the ground truth once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edudet import check
from edudet.boxes import clip_boxes_to_image, decode_deltas, remove_small_boxes
from edudet.data.target import Detections, Losses, Size
from edudet.models.two_stage.fast_rcnn import BoxBranch
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork
from edudet.nn.transform import Batch, Transform
from edudet.targets import RoiTargets

IOU_THRESHOLDS = (0.5, 0.6, 0.7)
WEIGHTS = ((10.0, 10.0, 5.0, 5.0), (20.0, 20.0, 10.0, 10.0), (30.0, 30.0, 15.0, 15.0))
LOSS_WEIGHTS = (1.0, 0.5, 0.25)


class ClassAgnosticPredictor(nn.Module):
    """Scores of C classes, and one box for all of them: a box can be passed on before its class
    is known."""

    def __init__(self, in_channels: int, num_classes: int):
        check.classes("ClassAgnosticPredictor", num_classes)
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        class_logits = self.cls_score(x)                                   # (R, C)
        # The same four numbers for each class: losses and detections stay those of Fast R-CNN.
        return class_logits, self.bbox_pred(x).repeat(1, class_logits.shape[1])  # (R, 4 C)


class CascadeRCNN(FasterRCNN):
    """Faster R-CNN with several second stages.

    Args:
        backbone, transform, rpn: as for `FasterRCNN`.
        stages: the second stages in their order, each a `BoxBranch` with its `fg_iou_thresh` and
            `weights`, and with a predictor whose deltas are the same for every class. The last one
            says what is kept of the detections.

    Training gives "loss_classifier_1", "loss_box_reg_1", ... "_2", "_3" and those of the RPN.
    `keep` has for each stage a dictionary: "stage_1", "stage_2", ...

    Raises:
        ValueError: no stage, or more than LOSS_WEIGHTS has.
    """

    def __init__(
        self, backbone: nn.Module, transform: Transform, rpn: RegionProposalNetwork,
        stages: Sequence[BoxBranch],
    ):
        if not 1 <= len(stages) <= len(LOSS_WEIGHTS):
            raise ValueError(
                f"CascadeRCNN: stages must be 1 to {len(LOSS_WEIGHTS)} BoxBranches, "
                f"got {len(stages)}"
            )
        super().__init__(backbone, transform, rpn, stages[0])
        self.later_branches = nn.ModuleList(stages[1:])

    @property
    def stages(self) -> list[BoxBranch]:
        return [self.box_branch, *self.later_branches]  # type: ignore[list-item]

    def train_heads(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], batch: Batch,
        keep: dict[str, Any] | None,
    ) -> Losses:
        losses: Losses = {}
        for number, branch in enumerate(self.stages, 1):
            sampled = branch.sample(proposals, batch.targets, f"rois of stage {number}")
            rois = [one.rois for one in sampled]                           # each (R_i, 4)
            seen = _of_stage(keep, number)
            class_logits, deltas = branch(maps, rois, batch.sizes, seen)   # (R, C), (R, 4 C)
            seen.update(proposals=proposals, roi_targets=sampled, rois=rois)
            for name, loss in branch.losses(class_logits, deltas, sampled).items():
                losses[f"{name}_{number}"] = LOSS_WEIGHTS[number - 1] * loss
            moved = moved_boxes(branch, deltas, rois, batch.sizes)
            proposals = [
                with_area(boxes[~_is_ground_truth(one, target["boxes"])])
                for boxes, one, target in zip(moved, sampled, batch.targets, strict=True)
            ]
        return losses

    def detect(
        self, maps: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None,
    ) -> list[Detections]:
        for number, branch in enumerate(self.stages[:-1], 1):
            _, deltas = branch(maps, proposals, sizes, _of_stage(keep, number))
            moved = moved_boxes(branch, deltas, proposals, sizes)
            proposals = [with_area(boxes) for boxes in moved]              # each (P_i, 4)
        last = self.stages[-1]
        class_logits, deltas = last(maps, proposals, sizes, _of_stage(keep, len(self.stages)))
        # All three judge the boxes that the last one was given: a vote of unlike experts.
        scores = [branch(maps, proposals, sizes)[0].softmax(-1) for branch in self.stages[:-1]]
        mean = torch.stack([*scores, class_logits.softmax(-1)]).mean(0)    # (P, C)
        if keep is not None:
            keep.update(rois=proposals, scores=mean)
        # A softmax undoes the logarithm: the scores of the detections are the means themselves.
        return last.detections(mean.log(), deltas, proposals, sizes)


def moved_boxes(
    branch: BoxBranch, deltas: Tensor, rois: Sequence[Tensor], sizes: Sequence[Size]
) -> list[Tensor]:
    """The RoIs of each image (L_i, 4), moved by deltas (sum of L_i, 4 C) that are the same for
    every class; without a gradient: where a stage looks is given, not learnt by the next one."""
    parts = deltas.detach()[:, :4].split([len(boxes) for boxes in rois])
    return [
        clip_boxes_to_image(decode_deltas(part, boxes, branch.weights), size)
        for part, boxes, size in zip(parts, rois, sizes, strict=True)
    ]


def with_area(boxes: Tensor) -> Tensor:
    """Without those that a stage has moved out of the image: nothing is left of them to move."""
    return boxes[remove_small_boxes(boxes, 1e-2)]


def _is_ground_truth(sampled: RoiTargets, gt_boxes: Tensor) -> Tensor:
    """(R,) bool: which RoIs were the ground truth itself. The next stage adds it again, and what
    this stage has made of a perfect box is no example of the boxes that it passes on."""
    same = sampled.rois[:, None] == gt_boxes.to(sampled.rois)              # (R, G, 4)
    return same.all(-1).any(1)


def _of_stage(keep: dict[str, Any] | None, number: int) -> dict[str, Any]:
    return {} if keep is None else keep.setdefault(f"stage_{number}", {})


def cascade_of(make: Callable[..., BoxBranch]) -> list[BoxBranch]:
    """Three stages: `make` is called with the `fg_iou_thresh` and the `weights` of each."""
    return [
        make(fg_iou_thresh=threshold, weights=weights)
        for threshold, weights in zip(IOU_THRESHOLDS, WEIGHTS, strict=True)
    ]
