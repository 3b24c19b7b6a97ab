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

Target = dict[str, Any]
Size = tuple[int, int]
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

    def forward(self, images: Sequence[Tensor], targets: Sequence[Target] = ()) -> Batch:
        """Return the batch; raises TypeError, ValueError for what is no list of (C, H, W)."""
        _check_images(images, len(self.image_mean))
        moved_images, moved_targets = [], []
        for i, image in enumerate(images):
            resized = self._resized(self._normalised(image), targets[i] if targets else None)
            moved_images.append(resized)
            if targets:
                moved_targets.append(_moved(targets[i], size_of(image), size_of(resized)))
        sizes = [size_of(image) for image in moved_images]
        return Batch(self._together(moved_images), sizes, moved_targets)

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
        drawn = torch.randint(len(self.min_sizes), (), generator=generator_of(target or {}))
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
    moved = dict(target)
    for name in ("boxes", "crowd_boxes", "proposals"):
        if name in target:
            moved[name] = resize_boxes(target[name], old, new)
    if "keypoints" in target:
        moved["keypoints"] = resize_keypoints(target["keypoints"], old, new)
    if "masks" in target:
        moved["masks"] = interpolate(target["masks"][:, None].float(), new)[:, 0] > 0.5
    return moved


def generator_of(target: Target) -> torch.Generator | None:
    """The random numbers of one image: the same, whichever images stand beside it in its batch."""
    if "seed" not in target:
        return None
    return torch.Generator(target["boxes"].device).manual_seed(target["seed"])


def _check_images(images: Sequence[Tensor], channels: int) -> None:
    if not isinstance(images, (list, tuple)) or not images:
        raise TypeError(f"Transform: images must be a list of at least one tensor, got {images!r}")
    for i, image in enumerate(images):
        if not isinstance(image, Tensor) or not image.is_floating_point():
            what = image.dtype if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(f"Transform: images[{i}] must be a float tensor in [0, 1], got {what}")
        if image.ndim != 3 or image.shape[0] != channels or 0 in image.shape:
            raise ValueError(
                f"Transform: images[{i}] must have shape ({channels}, H, W), "
                f"got {tuple(image.shape)}"
            )
