"""A part of a dataset: some images to learn from, and others to measure on.

Which ones are held out is decided by the images' names alone, by a digest of each. So they are the
same in every run, whatever its seed and in whatever order a file lists them, and an image that is
listed twice lies in one part.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from torch.utils.data import Subset

from edudet.data.about import say_the_same


class Part(Subset):
    """Some images of a dataset, which says about itself what the whole one says."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        super().__init__(dataset, list(indices))
        say_the_same(self, dataset)


def held_out(names: Sequence[str], fraction: float) -> tuple[list[int], list[int]]:
    """The places of the names that are left, and of those that are held out.

    fraction: of the names that are held out; rounded, but one at least, and one is left.

    Raises:
        ValueError: there are no two names; `fraction` does not lie between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"held_out: fraction must lie between 0 and 1, got {fraction}")
    order = sorted(set(names), key=_digest)
    if len(order) < 2:
        raise ValueError(f"held_out: names must be of two images at least, got {len(order)}")
    number = min(max(round(fraction * len(order)), 1), len(order) - 1)
    held = {*order[:number]}
    places = range(len(names))
    return [i for i in places if names[i] not in held], [i for i in places if names[i] in held]


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
