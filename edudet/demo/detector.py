"""A detector of one kind of object: HOG features, a linear SVM, a sliding window over a pyramid.

Dalal and Triggs, 2005. Where this differs: only a handful of examples, so each is also mirrored,
shifted and scaled a little; blocks are 2 x 2 cells of 6 pixels.

A linear score of a window of HOG blocks is a convolution of the whole map of blocks, so that every
window of a level is classified at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from skimage.feature import hog
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import conv2d

from edudet.ops import box_iou, roi_align
from edudet.proposals import image_pyramid, sliding_windows

CELL = 6  # pixels of a HOG cell; also the stride of the window
MARGIN = 7  # pixels around the object in its window: the contour and some ground
AREA = 46 * 46  # of the object in its window
NEGATIVE_IOU = 0.3  # windows that overlap no object more are background
ROUNDS = 4  # of looking for hard negatives


class UserError(ValueError):
    """A mistake in what the user has given, told in one line."""


@dataclass
class Level:
    """One level of the pyramid: its HOG blocks and its windows, row by row."""

    blocks: Tensor  # (36, rows of blocks, columns of blocks)
    boxes: Tensor  # (N, 4) of the object in each window, pixels of the image
    grid: tuple[int, int]  # rows and columns of windows


class Detector:
    """Train with `fit` on the boxes of one image, then `scan` another."""

    def __init__(self, boxes: Tensor):
        size = (boxes[:, 2:] - boxes[:, :2]).double()
        ratio = float((size[:, 1] / size[:, 0]).log().mean().exp())  # height / width
        self.object_size = round((AREA * ratio) ** 0.5), round((AREA / ratio) ** 0.5)
        cells = [max(4, round((side + 2 * MARGIN) / CELL)) for side in self.object_size]
        self.window = cells[0] * CELL, cells[1] * CELL
        self.blocks = cells[0] - 1, cells[1] - 1  # two cells make a block
        # From a little below the smallest to a quarter above the largest example.
        area = size.prod(1).sqrt()
        largest, smallest = 1.25 * float(area.max()), 0.9 * float(area.min())
        steps = max(2, 1 + round(np.log(largest / smallest) / np.log(1.1)))
        self.scales = [AREA**0.5 / side for side in np.geomspace(smallest, largest, steps)]

    def levels(self, image: Tensor) -> Iterator[Level]:
        """image: (1, H, W) in [0, 1]."""
        for level, scale in image_pyramid(image, self.scales, self.window):
            height, width = level.shape[1:]
            rows = (height - self.window[0]) // CELL + 1
            columns = (width - self.window[1]) // CELL + 1
            boxes = self._boxes((height, width), scale)
            yield Level(hog_blocks(level[0]), boxes, (rows, columns))

    def windows(self, image: Tensor) -> Iterator[Tensor]:
        """The boxes alone of each level, (N, 4)."""
        for level, scale in image_pyramid(image, self.scales, self.window):
            yield self._boxes(tuple(level.shape[1:]), scale)

    def _boxes(self, size: tuple[int, ...], scale: tuple[float, float]) -> Tensor:
        boxes = sliding_windows((size[0], size[1]), self.window, CELL, scale)
        margin = (torch.tensor(self.window) - torch.tensor(self.object_size)) / 2
        inset = (margin / torch.tensor(scale)).flip(0)  # x, y
        return torch.cat([boxes[:, :2] + inset, boxes[:, 2:] - inset], 1)

    def features(self, level: Level, chosen: Tensor) -> Tensor:
        """The blocks of the chosen windows, (number chosen, features)."""
        windows = level.blocks.unfold(1, self.blocks[0], 1).unfold(2, self.blocks[1], 1)
        rows, columns = chosen // level.grid[1], chosen % level.grid[1]
        return windows[:, rows, columns].movedim(1, 0).flatten(1)

    def scores(self, level: Level) -> Tensor:
        """(rows, columns): the SVM's answer for every window. Above 0: an object."""
        weight = self.weight.reshape(1, -1, *self.blocks)
        found = conv2d(level.blocks[None], weight)[0, 0] + self.bias
        return found[: level.grid[0], : level.grid[1]]

    def fit(self, image: Tensor, boxes: Tensor, unknown: float = 0.0, seed: int = 0) -> int:
        """Learn from `boxes` on `image`; return the number of hard negatives that it took.

        unknown: the share of windows, those most like the boxes, that are not taken for
            background: where not all objects are marked, they may be objects.
        """
        positives = self._positives(image, boxes)
        self.weight, self.bias = positives.mean(0), 0.0  # for now: likeness to the examples
        background = []
        for level in self.levels(image):
            outside = (box_iou(level.boxes, boxes) < NEGATIVE_IOU).all(1)
            likeness = self.scores(level).flatten()
            outside &= likeness <= likeness.quantile(1 - unknown)
            background.append((level, outside.nonzero().flatten()))
        if not any(len(outside) for _, outside in background):
            raise UserError("--like must leave more of the image to learn what is not the object")
        generator = torch.Generator().manual_seed(seed)
        per_level = 800 // max(len(background), 1)
        negatives = [torch.randperm(len(outside), generator=generator)[:per_level]
                     for _, outside in background]
        start = sum(len(chosen) for chosen in negatives)
        for _ in range(ROUNDS):
            self._fit_svm(positives, background, negatives)
            before = sum(len(chosen) for chosen in negatives)
            for i, (level, outside) in enumerate(background):
                hard = (self.scores(level).flatten()[outside] > -1).nonzero().flatten()
                negatives[i] = torch.cat([negatives[i], hard]).unique()
            if sum(len(chosen) for chosen in negatives) == before:
                break
        return sum(len(chosen) for chosen in negatives) - start

    def _positives(self, image: Tensor, boxes: Tensor) -> Tensor:
        """Every example, shifted, scaled and mirrored, cut out with its margin."""
        centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
        grow = torch.tensor([self.window[i] / self.object_size[i] for i in (1, 0)])  # x, y
        found = []
        for dx, dy, scale in ((0, 0, 1), (2, 0, 1), (-2, 0, 1), (0, 2, 1), (0, -2, 1),
                              (0, 0, 1.08), (0, 0, 0.93)):
            middle = centre + torch.tensor([dx, dy])
            size = half * grow * scale
            rois = torch.cat([middle - size, middle + size], 1)
            for patch in crops(image, rois, self.window):
                for turned in (patch, patch.flip(1), patch.flip(0)):
                    found.append(hog_blocks(turned).flatten())
        return torch.stack(found)

    def _fit_svm(self, positives: Tensor, background: list, negatives: list[Tensor]) -> None:
        rows = [self.features(level, outside[chosen])
                for (level, outside), chosen in zip(background, negatives, strict=True)]
        features = torch.cat([positives, *rows]).numpy()
        labels = np.arange(len(features)) < len(positives)
        svm = LinearSVC(C=0.1, max_iter=20_000, random_state=0).fit(features, labels)
        self.weight = torch.from_numpy(svm.coef_[0]).float()
        self.bias = float(svm.intercept_[0])


def crops(image: Tensor, rois: Tensor, size: tuple[int, int]) -> Tensor:
    """(K, height, width): RoIAlign on the image itself; beyond its border, the mirror image."""
    pad = 64
    padded = torch.nn.functional.pad(image[None], (pad,) * 4, mode="reflect")
    return roi_align(padded, [rois.float() + pad], size, sampling_ratio=2, aligned=True)[:, 0]


def hog_blocks(image: Tensor) -> Tensor:
    """(H, W) in [0, 1] -> (36, H / CELL - 1, W / CELL - 1): four histograms of 9 directions."""
    blocks = hog(
        image.numpy(), orientations=9, pixels_per_cell=(CELL, CELL), cells_per_block=(2, 2),
        feature_vector=False,
    )
    return torch.from_numpy(blocks.reshape(*blocks.shape[:2], -1)).float().movedim(-1, 0)
