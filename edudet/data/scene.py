"""One scene: what is seen in every pixel, and all the ground truth that follows from it."""

from dataclasses import dataclass

import numpy as np

from edudet.data.sprites import Array

BACKGROUND, CLUTTER = -1, -2  # in the map of who is seen


@dataclass
class Scene:
    """What is seen in an image of H x W pixels, N objects from the farthest to the nearest.

    Args:
        image: (3, H, W) uint8.
        owner: (H, W) int16: which object each pixel shows; -1 background, -2 clutter.
        ground: (H, W) bool: where the background is the ground below a horizon.
        labels: (N,) int64 from 1.
        boxes: (N, 4) float32 xyxy: the tight box of what is seen.
        iscrowd: (N,) bool: a group annotated as one.
        visibility: (N,) float32 in (0, 1]: the share of the whole object that is seen.
        keypoints: (N, 14, 3) float32: x, y, and 2 seen, 1 hidden, 0 outside or none.
        relations: (R, 3) int64: subject, index into RELATIONS, object.
    """

    image: Array
    owner: Array
    ground: Array
    labels: Array
    boxes: Array
    iscrowd: Array
    visibility: Array
    keypoints: Array
    relations: Array

    @property
    def masks(self) -> Array:
        """(N, H, W) bool: the visible part of each object."""
        return self.owner == np.arange(len(self.labels), dtype=np.int16)[:, None, None]

    @property
    def depth(self) -> Array:
        """(N,) int64: 0 is the nearest."""
        return np.arange(len(self.labels))[::-1].copy()

    def semantic(self, ground_label: int) -> Array:
        """(H, W) int64: the label of each pixel, 0 the background, `ground_label` the ground."""
        labels = np.append(self.labels, [0, 0])                          # owner -2, -1: from behind
        semantic = labels[self.owner]
        semantic[self.ground & (self.owner < 0)] = ground_label
        return semantic

    def panoptic(self, ground_label: int) -> tuple[Array, list[dict[str, int]]]:
        """(H, W) int64 ids from 1, and for each id its category and whether it is a crowd.

        The form that `edudet.metrics.panoptic_quality` takes. Every pixel has an id: objects have
        1 ... N, the background N + 1 (category 0), the ground N + 2.
        """
        n = len(self.labels)
        panoptic = self.owner.astype(np.int64) + 1
        panoptic[self.owner < 0] = n + 1
        panoptic[self.ground & (self.owner < 0)] = n + 2
        categories = [*self.labels.tolist(), 0, ground_label]
        crowd = [*self.iscrowd.tolist(), False, False]
        present = np.flatnonzero(np.bincount(panoptic.ravel(), minlength=n + 3))
        return panoptic, [
            {"id": int(i), "category_id": categories[i - 1], "iscrowd": int(crowd[i - 1])}
            for i in present
        ]
