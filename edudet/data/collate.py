"""Images of different sizes do not stack: a batch is a list of images and a list of targets."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor


def collate(
    batch: Sequence[tuple[Tensor, dict[str, Any]]],
) -> tuple[list[Tensor], list[dict[str, Any]]]:
    """Return the images and the targets of a batch, in its order, as a model takes them.

    For `torch.utils.data.DataLoader(dataset, collate_fn=collate)`. Nothing is copied, padded or
    scaled: how to bring images to one size is the model's affair.

    Raises:
        TypeError: an item of the batch is not a pair of an image and a dict.
        ValueError: an image is not (C, H, W).
    """
    for i, item in enumerate(batch):
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"collate: batch[{i}] must be a pair (image, target), got {item!r:.60}")
        image, target = item
        if not isinstance(image, Tensor) or not isinstance(target, dict):
            kinds = f"({type(image).__name__}, {type(target).__name__})"
            raise TypeError(f"collate: batch[{i}] must be (Tensor, dict), got {kinds}")
        if image.ndim != 3:
            raise ValueError(
                f"collate: the image of batch[{i}] must have shape (C, H, W), "
                f"got {tuple(image.shape)}"
            )
    return [image for image, _ in batch], [target for _, target in batch]
