"""SPP-net: R-CNN whose convolutions see the image once, not every proposal.

    image -> convolutions -> map -> at each proposal: maxima of 4 x 4, 2 x 2 and 1 x 1 bins
        -> pool5 (R, 21 C_map) -> fully connected -> fc7 (R, D7) -> SVMs, regressors, as in R-CNN

A network with fully connected layers wants an input of a fixed size, for which R-CNN warps each of
2000 crops. Convolutions want none: only the layer between needs to give so many numbers, whatever
the size of what it sees. Spatial pyramid pooling takes the largest value in each of a fixed number
of bins, from coarse to fine. He, Zhang, Ren and Sun, 2014.

The price: pooling had no gradient for the map (Fast R-CNN gave it one), so the convolutions stay as
step 1 made them, and only the layers behind are fine-tuned. These see nothing but pool5, which lies
on disk already:

    1  the network learns to classify objects      `train(model, ...)`
    3  the convolutions are frozen; their features of all proposals go to the disk
    2  the fully connected layers are fine-tuned   `fine_tune(cache)`
    4, 5  SVMs, box regressors: `finish` is all but step 1

Where we differ from the paper: step 1 learns from the objects of the same scenes, where the paper
has ImageNet's photos; images have one size (the paper: five); pyramid of 21 bins (50); boxes are
pooled by `roi_pool`, whose bins overlap by a cell; and where R-CNN's file differs.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edudet.data.target import Size, Target
from edudet.models.two_stage.rcnn import RCNN, SvmBranch
from edudet.nn.feature_cache import FeatureCache, Regions
from edudet.nn.transform import Transform
from edudet.ops import roi_pool
from edudet.targets import sample_balanced

BINS = (4, 2, 1)


class PyramidPool(nn.Module):
    """Maxima of 4 x 4, 2 x 2, 1 x 1 bins: (maps, boxes, sizes) -> (R, 21 C).

    Args:
        bins: along a side, on each level of the pyramid.
        level, stride: which of the maps, and how many pixels a cell of it has.
    """

    def __init__(self, bins: Sequence[int] = BINS, level: int = 0, stride: int = 16):
        super().__init__()
        self.bins, self.level, self.stride = tuple(bins), level, stride

    def forward(
        self, maps: Sequence[Tensor], boxes: Sequence[Tensor], sizes: Sequence[Size]
    ) -> Tensor:
        feature_map, scale = maps[self.level], 1 / self.stride             # (N, C, H, W)
        pooled: list[Any] = [roi_pool(feature_map, list(boxes), k, scale) for k in self.bins]
        return torch.cat([one.flatten(1) for one in pooled], 1)            # (R, C sum of k k)

    def extra_repr(self) -> str:
        return f"{self.bins}, level={self.level}, stride={self.stride}"


class SPPNet(RCNN):
    """SPP-net.

    Args:
        backbone, transform: as for `FastRCNN`.
        box_branch: with a `PyramidPool` for the pooling and nothing (`nn.Identity`) for the body.
        propose: as for `RCNN`.

    Begins at step 1, in which no proposals are looked at. `step` lies in `box_branch`.
    """

    def __init__(
        self, backbone: nn.Module, transform: Transform, box_branch: SvmBranch,
        propose: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__(transform, box_branch, propose, backbone)
        box_branch.step = 1

    def _with_proposals(
        self, images: Sequence[Tensor], targets: Sequence[Target] | None
    ) -> list[Target]:
        if self.training and self.box_branch.step == 1 and targets is not None:
            return [{**one, "proposals": one["boxes"]} for one in targets]
        return super()._with_proposals(images, targets)

    def begin_fine_tuning(self) -> None:
        """Before steps 2 and 3: the convolutions are frozen, the last layer begins again."""
        super().begin_fine_tuning()
        self.backbone.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "SPPNet":
        super().train(mode)
        if self.box_branch.step == 2:
            self.backbone.eval()  # frozen statistics, too
        return self

    def fine_tune(
        self, cache: FeatureCache, iterations: int = 500, images: int = 8,
        learning_rate: float = 0.01, seed: int = 0,
    ) -> list[float]:
        """Step 2: train the fully connected layers on cached features; return the losses.

        Each step sees a few images, of each `batch_size_per_image` regions: a quarter objects, IoU
        >= 0.5. The learning rate falls linearly to 0.
        """
        branch = self.box_branch
        layers = nn.ModuleList([branch.head, branch.predictor])
        optimizer = torch.optim.SGD(
            layers.parameters(), learning_rate, momentum=0.9, weight_decay=1e-4
        )
        generator, losses = torch.Generator().manual_seed(seed), []
        for iteration in range(iterations):
            optimizer.param_groups[0]["lr"] = learning_rate * (1 - iteration / iterations)
            chosen = torch.randint(len(cache), (images,), generator=generator).tolist()
            parts = [self._drawn(cache[i], generator) for i in chosen]
            features, labels = (torch.cat(part) for part in zip(*parts, strict=True))
            logits = branch.predictor(branch.head(features))               # (R, C)
            loss = cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    def _drawn(self, regions: Regions, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A sample of the regions of an image: pool5 (R, D5) and labels (R,)."""
        branch, weight = self.box_branch, self.box_branch.svms.weight
        best, gt = regions.best_objects()                                  # (R,), (R,)
        labels = torch.zeros_like(gt)
        positive = best >= branch.fg_iou_thresh
        labels[positive] = regions.gt_labels[gt[positive]]
        labels[best < branch.background_from] = -1
        rows = torch.cat(list(sample_balanced(
            labels, branch.batch_size_per_image, branch.positive_fraction, generator
        )))
        return regions.pool5[rows].to(weight), labels[rows].to(weight.device)

    def finish(
        self, dataset: Any, folder: str | Path | None = None, progress: bool = False
    ) -> None:
        """Steps 2 to 5; without a folder, the features lie in a temporary one."""
        self.begin_fine_tuning()
        with tempfile.TemporaryDirectory() as temporary:
            cache = self.cache_features(dataset, folder or temporary, progress)
            self.fine_tune(cache)
            self.train_svms(cache)
            self.train_regressors(cache)
