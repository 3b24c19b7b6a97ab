"""A dataset whose targets bring proposals, found once.

Selective search takes longer than a training step of a small network, and finds the same boxes of
the same image each time. So they are kept, in memory and, if a folder is given, on disk.

    dataset = WithProposals(Scenes("default"), "proposals")
    image, target = dataset[0]
    target["proposals"]                                              # (P, 4)
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.data.about import say_the_same
from edudet.data.shards import Shards, digest
from edudet.proposals import selective_search
from edudet.proposals.region_similarity import SIMILARITIES

Propose = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SelectiveSearch:
    """Selective search with its options fixed: image (3, H, W), float in [0, 1] -> boxes (P, 4).

    The defaults are for generated scenes of 128 x 128 pixels: a finer segmentation than the paper's
    for photos, in two of its colour spaces, and the 200 best boxes. On default scenes they find
    99 % of the objects with an IoU of 0.5 and 96 % with 0.7, some 100 scenes a second.
    `SelectiveSearch.of(mode)` are the paper's own.

    Args:
        colour_spaces, scales, similarities, min_size, min_box_size: see `selective_search`.
        most: how many boxes are kept, the best.
    """

    colour_spaces: tuple[str, ...] = ("hsv", "rgI")
    scales: tuple[float, ...] = (35,)
    similarities: tuple[tuple[str, ...], ...] = (SIMILARITIES,)
    min_size: int | None = 10
    min_box_size: float = 5
    most: int = 200
    mode: str = "fast"

    @classmethod
    def of(cls, mode: str, most: int = 2000) -> "SelectiveSearch":
        """One of the paper's three: "single", "fast" or "quality"."""
        return cls((), (), (), None, 0, most, mode)

    def __call__(self, image: Tensor) -> Tensor:
        check.is_tensor("SelectiveSearch", image=image)
        pixels = (image.detach().cpu() * 255).round().to(torch.uint8).movedim(0, -1).contiguous()
        found = selective_search(
            pixels, self.mode, colour_spaces=self.colour_spaces or None,
            scales=self.scales or None, similarities=self.similarities or None,
            min_size=self.min_size, min_box_size=self.min_box_size,
        )  # fmt: skip
        return found.boxes[: self.most].to(image.device)


class WithProposals(Dataset):
    """Another dataset, with "proposals" (P, 4) float32 in each target.

    Args:
        dataset: `dataset[i]` is an image and its target, the same for the same i each time. What is
            to be augmented is augmented afterwards: `Augmented(WithProposals(dataset), ...)`.
        folder: where the proposals of each image are kept as a file; its name is a digest of the
            pixels and of `repr(propose)`, so that several datasets and options may share a folder.
            None: in memory only, by each process for itself.
        propose: image (3, H, W) -> (P, 4), xyxy; its repr tells all that its boxes depend on.

    Raises:
        ValueError: `propose` gives something else than boxes; a file in `folder` is damaged.
        RuntimeError: the disk is full.
    """

    def __init__(
        self, dataset: Any, folder: str | Path | None = None, propose: Propose | None = None
    ):
        self.dataset = dataset
        self.propose = SelectiveSearch() if propose is None else propose
        self.shards = None if folder is None else Shards(folder)
        self._found: dict[int, Tensor] = {}
        say_the_same(self, dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        check.is_int("WithProposals", i=i)
        image, target = self.dataset[i]                    # IndexError ends a for loop
        if i not in self._found:
            self._found[i] = self._proposals(image)
        return image, {**target, "proposals": self._found[i].clone()}

    def _proposals(self, image: Tensor) -> Tensor:
        if self.shards is None:
            return self._proposed(image)
        name = digest(repr(self.propose), image)
        if name not in self.shards:
            self.shards.write(name, boxes=self._proposed(image))
        return self.shards.read(name)["boxes"]

    def _proposed(self, image: Tensor) -> Tensor:
        boxes = self.propose(image)
        if not isinstance(boxes, Tensor) or boxes.ndim != 2 or boxes.shape[1] != 4:
            what = tuple(boxes.shape) if isinstance(boxes, Tensor) else type(boxes).__name__
            raise ValueError(f"WithProposals: propose must return boxes (P, 4), got {what}")
        return boxes.detach().float().cpu()
