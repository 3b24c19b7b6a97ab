"""Augmentation: each time a picture is shown, it is a little different, and so is its ground truth.

    RandomFlip      its mirror image; left and right joints change places
    RandomCrop      a part of it
    RandomScale     larger or smaller
    ColourJitter    other colours
    Compose         one after the other
    Augmented       a dataset whose examples are augmented when they are asked for

Each is called as augment(image, target, generator) -> (image, target) and leaves what it was given
as it was. All chance comes from the generator (torch's own if it is None): what happens to an
example depends on its seed, and not on which process happens to read it. What a target may hold:
edudet/data/target.py. How it moves: moves.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.data.about import say_the_same
from edudet.data.colours import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from edudet.data.moves import cropped, flipped, resized
from edudet.data.target import Example, Target, check_movable, check_pixels, checked

Chance = Generator | None
Augmentation = Callable[[Tensor, Target, Chance], Example]


class RandomFlip:
    """Mirror an image, left to right.

    Args:
        flip_pairs: the joints that change places: those of the dataset. Needed for keypoints.
        probability: of mirroring.
    """

    def __init__(
        self, flip_pairs: Sequence[tuple[int, int]] | None = None, probability: float = 0.5
    ):
        check.unit_interval("RandomFlip", probability=probability)
        self.flip_pairs, self.probability = flip_pairs, probability

    def __call__(self, image: Tensor, target: Target, generator: Chance = None) -> Example:
        if _uniform(0, 1, generator) >= self.probability:
            return image, dict(target)
        return flipped(image, target, self.flip_pairs)


class RandomCrop:
    """Show a part of an image.

    Args:
        sides: the smallest and the largest fraction of the height and of the width, drawn apart.
        least: objects of which a smaller part is left disappear.
    """

    def __init__(self, sides: tuple[float, float] = (0.6, 1.0), least: float = 0.3):
        _check_range("RandomCrop", 1, sides=sides)
        check.unit_interval("RandomCrop", least=least)
        self.sides, self.least = sides, least

    def __call__(self, image: Tensor, target: Target, generator: Chance = None) -> Example:
        (y1, y2), (x1, x2) = (self._side(side, generator) for side in image.shape[-2:])
        return cropped(image, target, (x1, y1, x2, y2), self.least)

    def _side(self, length: int, generator: Chance) -> tuple[int, int]:
        part = max(1, round(length * _uniform(*self.sides, generator)))
        start = int(torch.randint(length - part + 1, (), generator=generator))
        return start, start + part


class RandomScale:
    """Make an image larger or smaller; height and width keep their ratio but for whole pixels.

    Args:
        factors: the smallest and the largest; doubling is as likely as halving.
    """

    def __init__(self, factors: tuple[float, float] = (0.5, 2.0)):
        _check_range("RandomScale", np.inf, factors=factors)
        self.factors = factors

    def __call__(self, image: Tensor, target: Target, generator: Chance = None) -> Example:
        low, high = np.log(self.factors)
        factor = float(np.exp(_uniform(low, high, generator)))
        height, width = (max(1, round(side * factor)) for side in image.shape[-2:])
        return resized(image, target, (height, width))


class ColourJitter:
    """Change brightness, contrast, saturation and hue, in this order.

    Args:
        brightness, contrast, saturation: factors are drawn from [1 - it, 1 + it]; in [0, 1].
        hue: shifts are drawn from [-it, it]; in turns, at most a half.
    """

    def __init__(
        self, brightness: float = 0.3, contrast: float = 0.3, saturation: float = 0.3,
        hue: float = 0.02,
    ):
        check.unit_interval(
            "ColourJitter", brightness=brightness, contrast=contrast, saturation=saturation
        )
        if not 0 <= hue <= 0.5:
            raise ValueError(f"ColourJitter: hue must lie in [0, 0.5], got {hue}")
        self.changes = (
            (adjust_brightness, 1, brightness), (adjust_contrast, 1, contrast),
            (adjust_saturation, 1, saturation), (adjust_hue, 0, hue),
        )

    def __call__(self, image: Tensor, target: Target, generator: Chance = None) -> Example:
        target = check_movable("ColourJitter", image, target)
        for adjust, middle, reach in self.changes:
            if reach > 0:
                image = adjust(image, _uniform(middle - reach, middle + reach, generator))
        return image, dict(target)


class Compose:
    """One augmentation after the other."""

    def __init__(self, *augmentations: Augmentation):
        for i, augmentation in enumerate(augmentations):
            if not callable(augmentation):
                raise TypeError(
                    f"Compose: augmentation {i} must be callable, "
                    f"got {check.shown(augmentation)}"
                )
        self.augmentations = augmentations

    def __call__(self, image: Tensor, target: Target, generator: Chance = None) -> Example:
        target = dict(target)
        for augmentation in self.augmentations:
            image, target = augmentation(image, target, generator)
        return image, target


class Augmented(Dataset):
    """A dataset whose examples are augmented when they are asked for.

    `augmented[i]` depends on the seed, on i and on `augmented.epoch` alone: the same in every
    process, and after a restart. Whoever counts epochs sets `epoch`; the workers of a DataLoader
    take it over when they start. `augmented[epoch, i]` names it in place of that, for a sampler
    that never stops.
    """

    def __init__(self, dataset: Any, augment: Augmentation, seed: int = 0):
        check.is_int("Augmented", seed=seed)
        if seed < 0:
            raise ValueError(f"Augmented: seed must be at least 0, got {seed}")
        self.dataset, self.augment, self.seed, self.epoch = dataset, augment, seed, 0
        say_the_same(self, dataset, but=("size",))  # a crop has another

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int | tuple[int, int]) -> Example:
        epoch, index = i if isinstance(i, tuple) else (self.epoch, i)
        image, target = self.dataset[index]                # IndexError ends a for loop
        index = range(len(self))[index]                    # -1 is the last
        if "boxes" in target:  # what is moved may no longer look like fractions
            name, size = f"Augmented: dataset[{index}]", (image.shape[-2], image.shape[-1])
            check_pixels(name, checked(name, target, size), size)
        bits = np.random.SeedSequence([self.seed, epoch, index]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(bits[0] >> np.uint64(1)))
        return self.augment(image, target, generator)


def _uniform(low: float, high: float, generator: Chance) -> float:
    return low + (high - low) * torch.rand((), dtype=torch.float64, generator=generator).item()


def _check_range(function: str, most: float, **named: Any) -> None:
    for name, value in named.items():
        pair = isinstance(value, (tuple, list)) and len(value) == 2
        if not pair or not all(isinstance(end, (int, float)) for end in value):
            raise TypeError(f"{function}: {name} must be two numbers, got {check.shown(value)}")
        if not 0 < value[0] <= value[1] <= most or value[1] == np.inf:
            raise ValueError(
                f"{function}: {name} must be positive, rising and finite"
                f"{f', {most} at most' if most < np.inf else ''}, got {value!r}"
            )
