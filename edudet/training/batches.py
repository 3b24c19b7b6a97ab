"""Which images a step sees, and with which seeds: a pure function of the run's seed and the step.

    epoch      0               1               2
    order      3 0 4 1 2       1 4 0 3 2       0 2 ...       each a shuffle of its own
    step       0 0 0 1 1       1 2 2 2 3       3 3           batches of three go on over the border

Nothing depends on what was drawn before: a run that is resumed at step k sees what it would have
seen. Nor on who looks: of R processes, process r takes the r-th part of every batch.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from edudet.data.augment import Augmented
from edudet.data.collate import collate
from edudet.training.distributed import ALONE, Processes

Batch = tuple[list[Tensor], list[dict[str, Any]]]
CPU = torch.device("cpu")


def batch_at(step: int, batch_size: int, num_images: int, seed: int) -> list[tuple[int, int]]:
    """(epoch, image) of every place in one step's batch, all processes together."""
    places = range(step * batch_size, (step + 1) * batch_size)
    passed = [divmod(place, num_images) for place in places]
    return [(epoch, int(_order(epoch, num_images, seed)[place])) for epoch, place in passed]


@lru_cache(maxsize=2)  # a batch touches two epochs at most, if it is smaller than one
def _order(epoch: int, num_images: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox([seed, epoch])).permutation(num_images)


def seed_of(*numbers: int) -> int:
    """A seed below 2^63 that differs for any other numbers, 0 at least."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def batches(
    dataset: Dataset, begin: int, end: int, batch_size: int, seed: int, workers: int = 0,
    processes: Processes = ALONE, device: torch.device = CPU,
) -> Iterator[Batch]:
    """This process's images and targets of the steps `begin` to `end` - 1, on `device`.

    Each target gets its "seed", made of the run's seed, the step and its place in the batch. A
    dataset that is `Augmented` is told the epoch.
    """
    length, share = len(dataset), batch_size // processes.world  # type: ignore[arg-type]
    mine = slice(processes.rank * share, (processes.rank + 1) * share)
    told = isinstance(dataset, Augmented)

    def chosen(step: int) -> list[Any]:
        items = batch_at(step, batch_size, length, seed)[mine]
        return items if told else [image for _, image in items]

    loader: DataLoader = DataLoader(
        dataset, num_workers=workers, collate_fn=collate, pin_memory=device.type == "cuda",
        batch_sampler=map(chosen, range(begin, end)),  # type: ignore[arg-type]
        generator=torch.Generator(),  # else torch's global one would lose a number
    )
    for step, (images, targets) in enumerate(loader, begin):
        for place, target in enumerate(targets, mine.start):
            target["seed"] = seed_of(seed, step, place)
        yield to_device(images, device), to_device(targets, device)


def to_device(value: Any, device: torch.device) -> Any:
    """The tensors of lists and dictionaries, moved; other things stay what they are."""
    if isinstance(value, dict):
        return {key: to_device(part, device) for key, part in value.items()}
    if isinstance(value, list):
        return [to_device(part, device) for part in value]
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
