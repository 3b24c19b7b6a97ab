"""A dataset whose classes have the numbers that a model gives them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet.data.about import say_the_same
from edudet.data.target import KEYS, checked, keys_that

VOID = 255  # in maps of classes: nobody knows


class Renumbered(Dataset):
    """Another dataset, with labels by the places of its classes' names in another list.

    So are the classes in maps and segments. What lies beyond the classes there, such as the ground
    of generated scenes (C + 1 for C classes), lies beyond those of the list, too; 255, of which
    nobody knows what it is, and numbers below 0 stay.

    Args:
        dataset: with `categories`, the names of its labels 1, 2, ...
        categories: all of these names, and others, in any order; label 1 means the first.

    Raises:
        ValueError: `categories` lacks a name; a label is none of the dataset's.
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
        name = f"Renumbered: dataset[{i}]"
        whole = checked(name, target)
        renumbered: dict[str, Any] = {}
        for key in (key for key in keys_that(values="classes") if key in target):
            known = KEYS[key].moves != "pixels"
            renumbered[key] = self._renumbered(f"{name}[{key!r}]", whole[key], known)
        if "segments" in target:
            renumbered["segments"] = [
                one | {"category_id": self._of_segment(f"{name}['segments'][{k}]", one)}
                for k, one in enumerate(target["segments"])
            ]
        return image, {**target, **renumbered}

    def _renumbered(self, place: str, numbers: Tensor, known: bool) -> Tensor:
        """New numbers of classes; `known`: each must be one of the dataset's."""
        last = len(self.label_of) - 1
        inside = (numbers >= 0) & (numbers <= last)
        if known:
            for index in (~inside | (numbers == 0)).nonzero()[:1].tolist():
                got = numbers[tuple(index)].item()
                where = f"{place}[{index[0]}]" if index else place
                raise ValueError(f"{where} must lie in [1, {last}], got {got}")
        beyond = numbers + (numbers > last) * (len(self.categories) - last)
        new = self.label_of[numbers.where(inside, 0)].where(inside, beyond)
        if known:
            return new
        if ((new == VOID) & (numbers != VOID)).any():
            raise ValueError(
                f"{place} must have a number other than {VOID}, which means void, for each class; "
                f"there are {len(self.categories)} classes now"
            )
        return new.where(numbers != VOID, VOID)

    def _of_segment(self, place: str, segment: dict[str, Any]) -> int:
        number = torch.tensor([int(segment["category_id"])])
        return int(self._renumbered(f"{place}['category_id']", number, known=False))
