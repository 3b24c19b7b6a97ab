"""A scene in the making: objects are pasted from the farthest to the nearest.

A canvas keeps, besides the image, who is seen in every pixel: all ground truth follows from that
map. Before an object stays where it was put, every object that it hides in part is looked at again:
if too little of one would be left, the new one has to go elsewhere.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from edudet.data.people import JOINTS
from edudet.data.relations import find_relations
from edudet.data.scene import BACKGROUND, CLUTTER, Scene
from edudet.data.sprites import Array, Sprite

Box = tuple[int, int, int, int]  # xyxy
Part = tuple[slice, slice]  # rows, columns


class Canvas:
    """An image in the making.

    Args:
        image: (3, H, W) float32 in [0, 1]; painted over.
        least_visible: share of every object that must stay visible.
        least_sides: pixels of the shorter and of the longer side of its box, at least.
        contrast: the least difference of an object's mean colour from what is behind it.
    """

    def __init__(
        self, image: Array, least_visible: float, least_sides: tuple[float, float],
        contrast: float,
    ):
        self.image = image
        self.least_visible, self.least_sides = least_visible, least_sides
        self.contrast = contrast
        self.owner = np.full(image.shape[1:], BACKGROUND, np.int16)
        self.labels: list[int] = []
        self.areas: list[int] = []  # of whole objects, in pixels
        self.boxes: list[Box] = []
        self.crowds: list[bool] = []
        self.joints: list[Array | None] = []

    def place(
        self, sprite: Sprite, corners: Iterable[tuple[int, int]], label: int | None
    ) -> bool:
        """Put an object (clutter without a label) at the first of some corners (x, y) that fits."""
        mask = sprite.mask()
        area = int(np.count_nonzero(mask))
        colour = sprite.ink.sum((1, 2)) / sprite.alpha.sum()
        for x, y in corners:
            part, cut = self._overlap(x, y, mask.shape)
            seen = mask[cut]
            if np.count_nonzero(seen) < max(self.least_visible * area, 1):
                continue
            if not self._stands_out(colour, part):
                continue
            box = self._claim(part, seen, CLUTTER if label is None else len(self.labels))
            if box is None:
                continue
            self._paint(part, sprite.ink[:, cut[0], cut[1]], sprite.alpha[cut])
            if label is not None:
                joints = None if sprite.joints is None else sprite.joints + np.array([x, y])
                self._record(label, area, box, False, joints)
            return True
        return False

    def place_crowd(
        self, sprites: Sequence[Sprite], corners: Sequence[tuple[int, int]], label: int
    ) -> None:
        """Put a group that is annotated as one object; its members may hide each other."""
        who = len(self.labels)
        for sprite, (x, y) in zip(sprites, corners, strict=True):
            part, cut = self._overlap(x, y, sprite.alpha.shape)
            self.owner[part][sprite.mask()[cut]] = who
            self._paint(part, sprite.ink[:, cut[0], cut[1]], sprite.alpha[cut])
        box = self._tight_box(who, (0, 0, self.owner.shape[1], self.owner.shape[0]))
        area = int(np.count_nonzero(self.owner == who))
        if area:
            self._record(label, area, box, True, None)

    def _record(
        self, label: int, area: int, box: Box, crowd: bool, joints: Array | None
    ) -> None:
        self.labels.append(label)
        self.areas.append(area)
        self.boxes.append(box)
        self.crowds.append(crowd)
        self.joints.append(joints)

    def _overlap(self, x: int, y: int, shape: tuple[int, ...]) -> tuple[Part, Part]:
        """The part of the canvas under a sprite at (x, y), and the part of the sprite above it."""
        height, width = self.owner.shape
        top, left = max(y, 0), max(x, 0)
        bottom, right = max(min(y + shape[0], height), top), max(min(x + shape[1], width), left)
        cut = slice(top - y, bottom - y), slice(left - x, right - x)
        return (slice(top, bottom), slice(left, right)), cut

    def _stands_out(self, colour: Array, part: Part) -> bool:
        # Every third pixel tells the mean well enough.
        behind = self.image[:, part[0], part[1]][:, ::3, ::3]
        return bool(np.abs(behind.mean((1, 2)) - colour).max() >= self.contrast)

    def _claim(self, part: Part, seen: Array, who: int) -> Box | None:
        """Give pixels to an object and return its box; None, and no change, if it may not be."""
        before = self.owner[part].copy()
        counts = np.bincount(before[seen] + 2)                           # clutter, background, 0...
        hidden = [int(k) for k in counts[2:].nonzero()[0]]
        self.owner[part][seen] = who
        boxes = [self._tight_box(k, self.boxes[k]) for k in hidden]
        box = self._tight_box(who, (part[1].start, part[0].start, part[1].stop, part[0].stop))
        fits = who == CLUTTER or self._large_enough(box)
        if fits and all(map(self._enough_left, hidden, boxes)):
            for k, smaller in zip(hidden, boxes, strict=True):
                self.boxes[k] = smaller
            return box
        self.owner[part] = before
        return None

    def _enough_left(self, k: int, box: Box) -> bool:
        x1, y1, x2, y2 = box
        left = int(np.count_nonzero(self.owner[y1:y2, x1:x2] == k))
        return left >= self.least_visible * self.areas[k] and self._large_enough(box)

    def _large_enough(self, box: Box) -> bool:
        sides = box[2] - box[0], box[3] - box[1]
        return min(sides) >= self.least_sides[0] and max(sides) >= self.least_sides[1]

    def _tight_box(self, k: int, within: Box) -> Box:
        """The box of what is seen of an object, which lies within a known box."""
        x1, y1, x2, y2 = within
        seen = self.owner[y1:y2, x1:x2] == k
        columns, rows = seen.any(0).nonzero()[0], seen.any(1).nonzero()[0]
        if len(rows) == 0:
            return x1, y1, x1, y1
        left, right = int(columns[0]), int(columns[-1]) + 1
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        return x1 + left, y1 + top, x1 + right, y1 + bottom

    def _paint(self, part: Part, ink: Array, alpha: Array) -> None:
        region = self.image[:, part[0], part[1]]
        region *= 1 - alpha
        region += ink

    def finish(self, ground: Array) -> Scene:
        """Return the scene as it is now; `ground`: (H, W) bool, where the background is ground."""
        n = len(self.labels)
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        seen = np.bincount(self.owner.ravel() + 2, minlength=n + 2)[2:]
        crowds = np.array(self.crowds, bool)
        keypoints = np.zeros((n, len(JOINTS), 3), np.float32)
        for k, joints in enumerate(self.joints):
            if joints is not None:
                keypoints[k] = self._keypoints(k, joints)
        return Scene(
            # Rounded to 8 bits: a PNG holds exactly the same image.
            image=(np.clip(self.image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8),
            owner=self.owner, ground=ground, labels=np.array(self.labels, np.int64), boxes=boxes,
            iscrowd=crowds, visibility=(seen / np.array(self.areas)).astype(np.float32),
            keypoints=keypoints, relations=find_relations(boxes, crowds),
        )

    def _keypoints(self, k: int, joints: Array) -> Array:
        """(K, 3): x, y, v. A joint is seen if its owner is, in its pixel or right beside it."""
        height, width = self.owner.shape
        rows = np.zeros((len(joints), 3), np.float32)
        for j, (x, y) in enumerate(joints.tolist()):
            if 0 <= x < width and 0 <= y < height:
                top, left = max(int(y) - 1, 0), max(int(x) - 1, 0)
                around = self.owner[top : int(y) + 2, left : int(x) + 2]
                rows[j] = x, y, 2 if (around == k).any() else 1
        return rows
