"""R-CNN: cut out every proposal, show it to a classification network, judge what the network sees.

    image, proposals -> crops (R, 3, S, S), with some context -> CNN -> pool5 (R, D5)
        -> fully connected -> fc7 (R, D7) -> C linear SVMs -> margins (R, C)
        pool5 -> ridge regression for each class -> deltas (R, 4 C) -> NMS

Girshick, Donahue, Darrell and Malik, 2014. Trained in five steps:

    1  a classification network               `model.box_branch.step = 1`, `train(model, ...)`;
                                              or take weights of other pictures
    2  fine-tuned on warped proposals         `model.begin_fine_tuning()`, `train(model, ...)`
    3  features of all proposals, on disk     `cache = model.cache_features(dataset, folder)`
    4  a linear SVM for each class            `model.train_svms(cache)`
    5  box regressors for each class          `model.train_regressors(cache)`

`finish` is steps 3 to 5. Seen from today it is Fast R-CNN whose map is the image itself, and so it
is written here: `FastRCNN` with `Warp` for the pooling and `SvmBranch` for the heads.

Where we differ from the paper: step 1 learns from the objects cut out of the same scenes, where the
paper has ImageNet's photos; SVMs have the squared hinge (`linear_svm.py`); a detection's score is
the sigmoid of its margin, in the same order; RoIs for fine-tuning are drawn from each image, a
quarter of them objects, not 32 and 96 from all; regression targets are not whitened; features are
kept as float16.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from edudet import check
from edudet.data.proposals import SelectiveSearch
from edudet.data.shards import Shards, digest
from edudet.data.target import Detections, Losses, Size, Target, checked_targets
from edudet.dtypes import widen
from edudet.models.two_stage.fast_rcnn import BoxBranch, FastRCNN
from edudet.nn.feature_cache import FeatureCache
from edudet.nn.linear_svm import Examples, LinearSVMs
from edudet.nn.ridge import BoxRegressors
from edudet.nn.transform import Batch, Transform
from edudet.ops import roi_align
from edudet.progress import track
from edudet.targets import RoiTargets

CONTEXT = 16 / 227  # the paper's context, as a part of the crop's side
NEGATIVE_BELOW, REGRESSED_FROM = 0.3, 0.6  # IoU
AT_MARGIN = 0.2689  # sigmoid(-1): worse is surely background


def warp(image: Tensor, boxes: Tensor, size: int = 227, context: float = 16.0) -> Tensor:
    """Cut out boxes, each stretched to a square whatever its shape is.

    Args:
        image: (C, H, W) float; what lies outside counts as 0.
        boxes: (R, 4) float; xyxy, pixels.
        size: side of the square crops.
        context: so many pixels on each side of the crop show what is around the box.

    Returns:
        (R, C, size, size): each pixel the mean of bilinear samples, one at least for each of the
        image's pixels under it. A box without an area gives zeros.

    Raises:
        ValueError: the context leaves nothing of the crop; a box is not finite or is inverted.
    """
    check.is_tensor("warp", image=image)
    check.boxes("warp", boxes=boxes)
    if not 0 <= 2 * context < size:
        raise ValueError(f"warp: context must lie in [0, {size / 2:g}), got {context}")
    around = (boxes[:, 2:] - boxes[:, :2]) * (context / (size - 2 * context))  # (R, 2)
    grown = torch.cat([boxes[:, :2] - around, boxes[:, 2:] + around], 1)   # (R, 4)
    # A border of zeros: roi_align repeats the last pixels for one pixel more.
    return roi_align(pad(image, (1, 1, 1, 1))[None], [grown + 1], size, 1.0, -1, aligned=True)


class Pixels(nn.Module):
    """R-CNN has no backbone: its map is the image."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images]


class Warp(nn.Module):
    """`warp` as a pooling: (maps, boxes, sizes) -> crops (R, 3, size, size)."""

    def __init__(self, size: int = 227, context: float | None = None):
        super().__init__()
        self.size, self.context = size, size * CONTEXT if context is None else context

    def forward(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        # Without what the batch has put beside the image: its neighbours change nothing.
        images = [one[:, :h, :w] for one, (h, w) in zip(maps[0], sizes, strict=True)]
        pairs = zip(images, boxes, strict=True)
        return torch.cat([warp(*pair, self.size, self.context) for pair in pairs])

    def extra_repr(self) -> str:
        return f"{self.size}, context={self.context:g}"


class Crops(nn.Module):
    """The CNN of R-CNN: crops (R, 3, S, S) -> the last map of a backbone, as vectors (R, D5)."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.net = backbone

    def forward(self, crops: Tensor) -> Tensor:
        return self.net(crops)[-1].flatten(1)


class SvmBranch(BoxBranch):
    """Heads that are not learnt together with the network, but after it.

    Args:
        pool: (maps, boxes, sizes) -> (R, ...).
        body: that -> pool5 (R, D5), from which boxes are regressed and which is kept on disk.
        head: pool5 -> fc7 (R, D7), which the SVMs see.
        num_pool5, num_fc7: D5 and D7.
        num_classes: C, the background included.
        chunk: how many RoIs pass through `body` at once in evaluation.
        options: of `BoxBranch`; by default the paper's.

    `step`: 1: trained on the objects alone; 2: on proposals, with background.
    """

    def __init__(
        self, pool: nn.Module, body: nn.Module, head: nn.Module, num_pool5: int, num_fc7: int,
        num_classes: int, chunk: int = 256, batch_size_per_image: int = 64,
        score_thresh: float = AT_MARGIN, nms_thresh: float = 0.3, **options: Any,
    ):
        check.classes("SvmBranch", num_classes)
        super().__init__(
            pool, head, nn.Linear(num_fc7, num_classes), score_thresh=score_thresh,
            nms_thresh=nms_thresh, batch_size_per_image=batch_size_per_image,
            weights=(1.0, 1.0, 1.0, 1.0), **options,
        )  # fmt: skip
        self.body, self.chunk, self.step = body, chunk, 2
        self.svms = LinearSVMs(num_fc7, num_classes)
        self.regressors = BoxRegressors(num_pool5, num_classes)

    def sample(
        self, proposals: Sequence[Tensor], targets: Sequence[Target], name: str = "rois"
    ) -> list[RoiTargets]:
        if self.step == 2:
            return super().sample(proposals, targets, name)
        objects = [
            (target["boxes"].to(boxes), target["labels"])
            for boxes, target in zip(proposals, targets, strict=True)
        ]
        return [
            RoiTargets(boxes, labels, torch.zeros_like(boxes), torch.arange(len(labels)).to(labels))
            for boxes, labels in objects
        ]

    def forward(
        self, maps: Sequence[Tensor], rois: Sequence[Tensor], sizes: Sequence[Size],
        keep: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Training: class logits (R, C), no deltas. Evaluation: margins (R, C), deltas (R, 4 C)."""
        crops = self.pool(maps, rois, sizes)                               # (R, ...)
        pool5 = self.pool5(crops)                                          # (R, D5)
        fc7 = self.head(pool5)                                             # (R, D7)
        if self.training:
            scores = self.predictor(fc7)                                   # (R, C)
            deltas = scores.new_zeros(len(scores), 4 * scores.shape[1])
        else:
            scores, deltas = self.svms(fc7), self.regressors(pool5)        # (R, C), (R, 4 C)
        if keep is not None:
            keep.update(roi_features=crops, pool5=pool5, fc7=fc7)
            keep.update(class_logits=scores, deltas=deltas)
        return scores, deltas

    def pool5(self, crops: Tensor) -> Tensor:
        parts = [crops] if self.training else crops.split(self.chunk)
        return torch.cat([self.body(part) for part in parts])

    def losses(
        self, class_logits: Tensor, deltas: Tensor, sampled: Sequence[RoiTargets]
    ) -> Losses:
        losses = super().losses(class_logits, deltas, sampled)
        return {"loss_classifier": losses["loss_classifier"]}

    def detections(
        self, class_logits: Tensor, deltas: Tensor, rois: Sequence[Tensor], sizes: Sequence[Size]
    ) -> list[Detections]:
        counts = [len(boxes) for boxes in rois]
        scores = widen(class_logits).sigmoid().split(counts)               # each (L, C)
        of_class = widen(deltas).unflatten(-1, (-1, 4)).split(counts)      # each (L, C, 4)
        every = zip(scores, of_class, rois, sizes, strict=True)
        return [self._of_one_image(*one) for one in every]


class RCNN(FastRCNN):
    """R-CNN.

    Args:
        transform: resizes and normalises: what lies outside an image is then its mean colour, 0.
        box_branch: what is done with each proposal.
        propose: image (3, H, W) -> (P, 4), where a target brings no "proposals".
        backbone: `Pixels`; SPP-net has another one.

    Training gives "loss_classifier", of step 1 or 2. Evaluation, after all steps, detections as
    those of `FastRCNN`; a score of 0.5 lies on the border between a class and everything else.
    """

    box_branch: SvmBranch

    def __init__(
        self, transform: Transform, box_branch: SvmBranch,
        propose: Callable[[Tensor], Tensor] | None = None, backbone: nn.Module | None = None,
    ):
        super().__init__(backbone or Pixels(), transform, box_branch, propose or SelectiveSearch())

    def begin_fine_tuning(self) -> None:
        """Between steps 1 and 2: the last layer is thrown away and begins again, at random."""
        self.box_branch.step = 2
        self.box_branch.predictor.reset_parameters()  # type: ignore[operator]

    @torch.no_grad()
    def cache_features(
        self, dataset: Any, folder: str | Path, progress: bool = False
    ) -> FeatureCache:
        """Step 3: write the features of all proposals and objects of all images into `folder`.

        What is there already, made by the same weights of the same images and proposals, is not
        computed again; so a call that was broken off goes on where it was. RuntimeError if the disk
        will not have room for them all: raised with the first image already.
        """
        self.eval()
        shards, names = Shards(folder), []
        network = nn.ModuleList([self.backbone, self.box_branch.body])
        weights = digest(repr(self.box_branch.pool), *network.state_dict().values())
        for i in track(range(len(dataset)), "features", shown=progress, stream=sys.stderr):
            batch, boxes, objects = self._inputs(*dataset[i])
            name = digest(weights, batch.images, boxes, *objects.values())
            if name not in shards:
                maps = self.backbone(batch.images)                         # each (1, C, H_l, W_l)
                crops = self.box_branch.pool(maps, [boxes], batch.sizes)   # (R, ...)
                pool5 = self.box_branch.pool5(crops).half()                # (R, D5)
                size = shards.write(name, pool5=pool5, boxes=boxes, **objects)
                shards.check_room((len(dataset) - i - 1) * size)
            names.append(name)
        return FeatureCache(shards, names)

    def _inputs(self, image: Tensor, target: Target) -> tuple[Batch, Tensor, dict[str, Tensor]]:
        """The image as the network sees it, proposals and objects (R, 4) on it, and the objects."""
        device = self.box_branch.svms.weight.device
        name = type(self).__name__
        [image] = self.transform.checked(name, [image])
        [apart] = checked_targets(
            name, [image], [target], num_classes=self.box_branch.num_classes
        )
        objects = {name: apart[name] for name in ("boxes", "labels")}
        [moved] = self._with_proposals([image], [target])
        moved = {"proposals": moved["proposals"], **objects}
        moved = {name: value.to(device) for name, value in moved.items()}
        batch = self.transform([image.to(device)], [moved])
        [moved] = batch.targets
        objects = {"gt_boxes": moved["boxes"], "gt_labels": moved["labels"]}
        return batch, torch.cat([moved["proposals"], moved["boxes"]]), objects

    @torch.no_grad()
    def train_svms(self, cache: FeatureCache, rounds: int = 2, seed: int = 0) -> list[int]:
        """Step 4: one SVM for each class, on hard negatives; see `LinearSVMs.fit`.

        Positive are the objects themselves, negative all regions with an IoU below 0.3 with each
        of them; what lies between teaches nothing."""
        svms, head = self.box_branch.svms, self.box_branch.head

        def source() -> Iterable[Examples]:
            for regions in cache:
                features = head(regions.pool5.to(svms.weight))             # (R, D7)
                yield features, *regions.examples(len(svms.bias), NEGATIVE_BELOW)

        return svms.fit(source, rounds, seed=seed)

    @torch.no_grad()
    def train_regressors(self, cache: FeatureCache, strength: float = 1000.0) -> None:
        """Step 5: for each class, four numbers that move a near proposal (IoU >= 0.6) onto its
        object: ridge regression with this strength on features of mean norm 20."""
        regressors = self.box_branch.regressors
        regressors.fit(lambda: (one.near_objects(REGRESSED_FROM) for one in cache), strength)

    def finish(
        self, dataset: Any, folder: str | Path | None = None, progress: bool = False
    ) -> None:
        """Steps 3 to 5; without a folder, the features lie in a temporary one."""
        with tempfile.TemporaryDirectory() as temporary:
            cache = self.cache_features(dataset, folder or temporary, progress)
            self.train_svms(cache)
            self.train_regressors(cache)
