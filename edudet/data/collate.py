"""Images of different sizes do not stack: a batch is a list of images and a list of targets."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from edudet.data.target import checked


def collate(
    batch: Sequence[tuple[Tensor, dict[str, Any]]],
) -> tuple[list[Tensor], list[dict[str, Any]]]:
    """Return the images and the targets of a batch, in its order, as a model takes them.

    For `torch.utils.data.DataLoader(dataset, collate_fn=collate)`. Nothing is copied, padded or
    scaled: how to bring images to one size is the model's affair. Targets with "boxes" leave in the
    form of the table in target.py: what came as a list or as an array is a tensor.

    Raises:
        TypeError: an item of the batch is not a pair of an image and a dict.
        ValueError: an image is not (C, H, W), or a target does not fit it.
    """
    images, targets = [], []
    for i, item in enumerate(batch):
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(
                f"collate: batch[{i}] must be a pair (image, target), got {_kind(item)}"
            )
        image, target = item
        if not isinstance(image, Tensor) or not isinstance(target, dict):
            kinds = f"({type(image).__name__}, {type(target).__name__})"
            raise TypeError(f"collate: batch[{i}] must be (Tensor, dict), got {kinds}")
        if image.ndim != 3:
            raise ValueError(
                f"collate: the image of batch[{i}] must have shape (C, H, W), "
                f"got {tuple(image.shape)}"
            )
        images.append(image)
        size = (image.shape[-2], image.shape[-1])
        name = f"collate: the target of batch[{i}]"
        targets.append(checked(name, target, size) if "boxes" in target else target)
    return images, targets


def _kind(item: Any) -> str:
    several = isinstance(item, (tuple, list))
    return f"{len(item)} things" if several else type(item).__name__
