"""A dataset whose classes have the numbers that a model gives them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet.data.about import say_the_same


class Renumbered(Dataset):
    """Another dataset, with labels by the places of its classes' names in another list.

    Args:
        dataset: with `categories`, the names of its labels 1, 2, ...
        categories: all of these names, and others, in any order; label 1 means the first.

    Raises:
        ValueError: `categories` lacks a name.
    """

    def __init__(self, dataset: Any, categories: Sequence[str]):
        self.dataset = dataset
        say_the_same(self, dataset, but=("categories", "category_ids"))  # ids would not fit
        unknown = [name for name in dataset.categories if name not in categories]
        if unknown:
            raise ValueError(
                f"Renumbered: categories must have all classes of the dataset, lack "
                f"{', '.join(unknown)}"
            )
        self.categories = tuple(categories)
        places = [self.categories.index(name) + 1 for name in dataset.categories]
        self.label_of = torch.tensor([0, *places])

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        image, target = self.dataset[i]
        renumbered = {
            key: self.label_of[target[key]] for key in ("labels", "label") if key in target
        }
        return image, {**target, **renumbered}
