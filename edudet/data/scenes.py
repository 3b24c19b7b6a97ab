"""Generated scenes: a data set without end, of which everything is known.

    scenes = Scenes("default")
    image, target = scenes[0]

Scene i is a pure function of the level, the split, the seed, the size and i. Its random numbers
come from a stream of its own (Philox, keyed by split, seed and i), so that it is the same in every
order and in every worker process; and on every machine, but for pixels that fall just between two
values, which another processor's sine may round the other way. Test scenes have another key than
training scenes whatever the seed; their photos and their handwriting are kept for them, too.
"""

import operator

import numpy as np
import torch
from numpy.random import Generator, Philox, SeedSequence
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.data.backgrounds import load_photos
from edudet.data.digits import load_digits
from edudet.data.layout import draw_scene
from edudet.data.levels import LEVELS, Level
from edudet.data.people import FLIP_PAIRS, JOINTS, SKELETON
from edudet.data.relations import RELATIONS
from edudet.data.scene import Scene

TEST_SEED = 20_190_503
NUM_TEST = 500
NUM_TRAIN = 10_000
SPLITS = ("train", "test")


class Scenes(Dataset):
    """Images with boxes, masks, keypoints and relations, drawn when they are asked for.

    Args:
        level: a name of LEVELS, or a Level.
        split: "train", or "test": 500 scenes that do not depend on `seed`.
        seed: of the training scenes; from 0 to 2**32 - 1.
        length: how many scenes; None: 10000 for training, 500 for testing (which is the most).
        size: (height, width) of the images in pixels, 32 at least. Objects keep their size.

    `scenes[i]` is (image, target): image (3, H, W) float32 in [0, 1]; target a dict of

        boxes       (N, 4) float32 xyxy: the tight box of what is seen
        labels      (N,) int64: label k is categories[k - 1]
        image_id    int: i
        iscrowd     (N,) bool
        area        (N,) float32: pixels of the mask
        masks       (N, H, W) bool: the visible part
        keypoints   (N, 14, 3) float32: x, y, v; v = 2 seen, 1 hidden, 0 outside or no person
        visibility  (N,) float32: the share of the object that is seen
        depth       (N,) int64: 0 is the nearest
        relations   (R, 3) int64: subject, index into `scenes.relations`, object
        semantic    (H, W) int64: label of each pixel; 0 background, C + 1 ground
        panoptic    (H, W) int64: id of each pixel's segment
        segments    list of dicts: id, category_id, iscrowd, for `panoptic_quality`

    Raises:
        ValueError, TypeError: an argument is unknown or out of range.
        ImportError: a level with photos without scikit-image, with digits without scikit-learn.
    """

    joints, flip_pairs, skeleton, relations = JOINTS, FLIP_PAIRS, SKELETON, RELATIONS
    stuff = ("ground",)

    def __init__(
        self, level: str | Level = "default", split: str = "train", seed: int = 0,
        length: int | None = None, size: tuple[int, int] = (128, 128),
    ):
        if not isinstance(level, Level) and level not in LEVELS:
            raise ValueError(
                f"Scenes: level must be a Level or one of {', '.join(LEVELS)}, got {level!r}"
            )
        if split not in SPLITS:
            raise ValueError(f"Scenes: split must be 'train' or 'test', got {split!r}")
        check.is_int("Scenes", seed=seed)
        if not 0 <= seed < 2**32:
            raise ValueError(f"Scenes: seed must lie in [0, 2**32), got {seed}")
        check.size("Scenes", size=size)
        self.size = check.pair(size)
        if min(self.size) < 32:
            raise ValueError(f"Scenes: size must be at least 32, got {size}")
        self.level = level if isinstance(level, Level) else LEVELS[level]
        self.split, self.seed = split, seed
        self.length = self._length(length)
        self.categories = self.level.categories
        # Here, so that what is missing is said at once, and worker processes share the pictures.
        if self.level.photos:
            load_photos(split == "test")
        if self.level.digits:
            load_digits(split == "test")

    def _length(self, length: int | None) -> int:
        most = NUM_TEST if self.split == "test" else 2**32
        if length is None:
            return NUM_TEST if self.split == "test" else NUM_TRAIN
        check.is_int("Scenes", length=length)
        if not 0 <= length <= most:
            raise ValueError(f"Scenes: length must lie in [0, {most}], got {length}")
        return length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[Tensor, dict]:
        scene = self.scene(i)
        # In numpy: for so few pixels, torch would wake threads that cost more than they do.
        image = scene.image.astype(np.float32) / np.float32(255)
        return torch.from_numpy(image), self._target(i, scene)

    def scene(self, i: int) -> Scene:
        """Draw scene i."""
        i = operator.index(i)
        if not 0 <= i < self.length:
            raise IndexError(f"Scenes: index must lie in [0, {self.length}), got {i}")
        rng = Generator(Philox(SeedSequence(self.key(i))))
        return draw_scene(rng, self.level, self.size, self.split == "test")

    def key(self, i: int) -> tuple[int, int, int]:
        """What scene i's random numbers depend on; no two scenes have the same."""
        return SPLITS.index(self.split), TEST_SEED if self.split == "test" else self.seed, int(i)

    def _target(self, i: int, scene: Scene) -> dict:
        ground_label = len(self.categories) + 1
        panoptic, segments = scene.panoptic(ground_label)
        masks = scene.masks
        arrays = {
            "boxes": scene.boxes, "labels": scene.labels, "iscrowd": scene.iscrowd,
            "area": np.count_nonzero(masks, (1, 2)).astype(np.float32), "masks": masks,
            "keypoints": scene.keypoints, "visibility": scene.visibility, "depth": scene.depth,
            "relations": scene.relations, "semantic": scene.semantic(ground_label),
            "panoptic": panoptic,
        }  # fmt: skip
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return {**tensors, "image_id": int(i), "segments": segments}
