"""From a list of photos of any size to one tensor, and from its pixels back to the photos'.

Every photo is brought to a short side of `min_size` pixels (unless the long side would exceed
`max_size`), its colours to mean 0 and deviation 1, and is put into the upper left corner of a batch
of zeros, the sides of which are multiples of `size_divisible`: every stage of a backbone can then
halve them.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from edudet import check
from edudet.data.target import (
    Size,
    Target,
    check_number,
    checked,
    generator_of,
    left_segments,
    moved,
)

Images = Sequence[Tensor] | Tensor                 # a list of (C, H, W), or a batch (N, C, H, W)
LEAST, MOST = -1, 2                                # beyond, no photo can be meant
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Batch(NamedTuple):
    images: Tensor            # (N, C, H, W), zeros beside and below each image
    sizes: list[Size]         # (height, width) of each image in it
    targets: list[Target]     # moved along; empty where none were given


class Transform(nn.Module):
    """Resize, normalise, put together.

    Args:
        min_size: wanted short side in pixels; a tuple: one is drawn for each image in training, and
            the last is used afterwards. None: images keep their size.
        max_size: largest long side.
        image_mean, image_std: of each channel, of images in [0, 1].
        size_divisible: sides of the batch are multiples of this.
    """

    def __init__(
        self, min_size: int | Sequence[int] | None = 800, max_size: int = 1333,
        image_mean: Sequence[float] = IMAGENET_MEAN, image_std: Sequence[float] = IMAGENET_STD,
        size_divisible: int = 32,
    ):
        super().__init__()
        self.min_sizes = (min_size,) if isinstance(min_size, (int, type(None))) else tuple(min_size)
        self.max_size, self.size_divisible = max_size, size_divisible
        self.image_mean, self.image_std = tuple(image_mean), tuple(image_std)

    def forward(self, images: Images, targets: Sequence[Target] = ()) -> Batch:
        """Return the batch, and the targets with all that edudet/data/target.py names, moved along.

        Raises:
            TypeError, ValueError: what is no image (C, H, W) in [0, 1], or no target of one.
        """
        images = self.checked("Transform", images)
        if targets:
            check_number("Transform", images, targets)
        moved_images, moved_targets = [], []
        for i, image in enumerate(images):
            size, target = size_of(image), None
            if targets:
                name = f"Transform: targets[{i}]"
                target = checked(name, targets[i], size, device=image.device)
            resized = self._resized(self._normalised(image), target)
            moved_images.append(resized)
            if target is not None:
                moved_targets.append(_moved(target, size, size_of(resized)))
        sizes = [size_of(image) for image in moved_images]
        return Batch(self._together(moved_images), sizes, moved_targets)

    def checked(self, function: str, images: Images) -> list[Tensor]:
        """The images one by one, if they are images; errors begin with the name `function`."""
        return checked_images(function, images, len(self.image_mean))

    def _normalised(self, image: Tensor) -> Tensor:
        mean, std = image.new_tensor(self.image_mean), image.new_tensor(self.image_std)
        return (image - mean[:, None, None]) / std[:, None, None]

    def _resized(self, image: Tensor, target: Target | None) -> Tensor:
        min_size = self._drawn_size(target) if self.training else self.min_sizes[-1]
        if min_size is None:
            return image
        sides = image.shape[-2:]
        scale = min(min_size / min(sides), self.max_size / max(sides))
        new = [max(math.floor(side * scale), 1) for side in sides]  # a long strip keeps a row
        return interpolate(image[None], new, mode="bilinear", align_corners=False)[0]

    def _drawn_size(self, target: Target | None) -> int | None:
        if len(self.min_sizes) == 1:
            return self.min_sizes[0]
        drawn = torch.randint(len(self.min_sizes), (), generator=generator_of(target or {}, "size"))
        return self.min_sizes[int(drawn)]

    def _together(self, images: list[Tensor]) -> Tensor:
        height, width = (
            math.ceil(max(image.shape[side] for image in images) / self.size_divisible)
            * self.size_divisible for side in (1, 2)
        )  # fmt: skip
        batch = images[0].new_zeros(len(images), images[0].shape[0], height, width)
        for i, image in enumerate(images):
            batch[i, :, : image.shape[1], : image.shape[2]] = image
        return batch


def size_of(image: Tensor) -> Size:
    """(height, width) of an image (C, H, W), as plain numbers."""
    return image.shape[-2], image.shape[-1]


def resize_boxes(boxes: Tensor, old: Size, new: Size) -> Tensor:
    """Boxes (N, 4) on an image of size `old`, on the same image of size `new`."""
    down, right = _ratios(old, new)
    return boxes * boxes.new_tensor([right, down, right, down])


def resize_keypoints(keypoints: Tensor, old: Size, new: Size) -> Tensor:
    """Keypoints (N, K, 3) on an image of size `old`, on the same image of size `new`."""
    down, right = _ratios(old, new)
    return keypoints * keypoints.new_tensor([right, down, 1])


def _ratios(old: Size, new: Size) -> list[float]:
    # As float32, whatever the boxes are: torchvision's results are met to the last digit.
    pairs = zip(new, old, strict=True)
    return [(torch.tensor(float(n)) / torch.tensor(float(o))).item() for n, o in pairs]


def _moved(target: Target, old: Size, new: Size) -> Target:
    """The target on the resized image."""
    if old == new:
        return target
    down, right = _ratios(old, new)

    def pixels(maps: Tensor) -> Tensor:
        rows, columns = (_nearest(*sides, maps.device) for sides in zip(old, new, strict=True))
        return maps[..., rows[:, None], columns]

    return left_segments(moved(
        target,
        corners=lambda boxes: resize_boxes(boxes, old, new),
        points=lambda joints: resize_keypoints(joints, old, new),
        pixels=pixels,
        area=lambda area: area * (down * right),
    ))  # fmt: skip


def _nearest(old: int, new: int, device: torch.device) -> Tensor:
    """The old pixel from which each new one is taken: torch's rule, which torchvision follows."""
    rows = torch.arange(old, dtype=torch.float32, device=device)
    return interpolate(rows[None, None], new)[0, 0].long()


def checked_images(function: str, images: Images, channels: int) -> list[Tensor]:
    """Return the images one by one, each (C, H, W).

    Numbers are looked at on the CPU alone, and outside of torch.compile: on CUDA a look would make
    it wait. Noise and sharpening may leave [0, 1] a little, so that -1 ... 2 is taken; what lies
    beyond is in 0 ... 255, or was normalised before.

    Raises:
        TypeError, ValueError: something does not fit; the message names the image by its place.
    """
    if isinstance(images, Tensor) and images.ndim == 4:
        images = list(images)
    if not isinstance(images, (list, tuple)) or not images:
        got = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else (
            "none" if isinstance(images, (list, tuple)) else type(images).__name__
        )  # fmt: skip
        raise TypeError(
            f"{function}: images must be a list of at least one tensor ({channels}, H, W), "
            f"or a batch (N, {channels}, H, W), got {got}"
        )
    for i, image in enumerate(images):
        _check_image(f"{function}: images[{i}]", image, channels)
    return list(images)


def _check_image(place: str, image: Any, channels: int) -> None:
    if not isinstance(image, Tensor) or not image.is_floating_point():
        got = image.dtype if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"{place} must be a float tensor in [0, 1], got {got}")
    if image.ndim != 3 or image.shape[0] != channels or 0 in image.shape:
        raise ValueError(
            f"{place} must have shape ({channels}, H, W), got {tuple(image.shape)}"
        )
    if check.can_look(image):
        low, high = (end.item() for end in image.detach().aminmax())
        if not (low >= LEAST and high <= MOST):
            question = "do its colours lie in 0 ... 255? Then divide them by 255"
            if high < 10:
                question = "was it normalised before? The model does so itself"
            raise ValueError(
                f"{place} must lie in [0, 1], got numbers from {low:g} to {high:g}: {question}"
            )
