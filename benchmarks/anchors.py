"""The anchors of an 800 x 1088 image on five levels, 217 413 of them. Goal: not slower than
torchvision, whose numbers they are."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.measure import Work
from edudet.proposals import AnchorGenerator

IMAGE_SIZE = (800, 1088)
GRIDS = [(200, 272), (100, 136), (50, 68), (25, 34), (13, 17)]
SIZES = ((32,), (64,), (128,), (256,), (512,))
RATIOS = ((0.5, 1.0, 2.0),) * 5


def works(device: str, peer) -> Iterator[Work]:
    maps = [torch.zeros(1, 1, *grid, device=device) for grid in GRIDS]
    generator = AnchorGenerator(SIZES, RATIOS)
    contestants = {"edudet": lambda: torch.cat(generator(IMAGE_SIZE, maps))}
    if peer:
        from torchvision.models.detection.anchor_utils import AnchorGenerator as Peer
        from torchvision.models.detection.image_list import ImageList

        images = ImageList(torch.zeros(1, 1, *IMAGE_SIZE, device=device), [IMAGE_SIZE])
        contestants["torchvision"] = partial(Peer(SIZES, RATIOS), images, maps)
    yield Work("AnchorGenerator", "217413 on 5 levels", contestants, 1.0)
