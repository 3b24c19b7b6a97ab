"""What a trained model finds: on a batch, on a dataset, on files."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edudet.data.images import is_picture, read_image
from edudet.tasks import Task
from edudet.tasks.detection import BOX
from edudet.training.batches import CPU, to_device
from edudet.training.distributed import own_device


@torch.inference_mode()
def detect(
    model: nn.Module, images: list[Tensor], targets: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], float]:
    """What a model in eval mode finds, on the CPU, and the seconds it took.

    Of the targets it is shown `proposals` alone, and these only if there are any.
    """
    place = images[0].device
    given: tuple = ()
    if targets and "proposals" in targets[0]:
        given = ([{"proposals": target["proposals"].to(place)} for target in targets],)
    begin = time.perf_counter()
    outputs = model(images, *given)
    if place.type == "cuda":
        torch.cuda.synchronize(place)
    return to_device(outputs, CPU), time.perf_counter() - begin


class Pictures:
    """Image files as a dataset without ground truth."""

    def __init__(self, paths: Sequence[Path], categories: Sequence[str]):
        self.paths, self.categories = list(paths), tuple(categories)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        return read_image(self.paths[i]), {"image_id": i + 1}


def detections(
    model: nn.Module, pictures: Any, score: float, device: str = "cpu", task: Task = BOX
) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Each image of a dataset with what the model finds on it with at least that score."""
    place = own_device("detect", device)
    model.to(place).eval()
    for i in range(len(pictures)):
        image, target = pictures[i]
        (output,), _ = detect(model, [image.to(place)], [target])
        yield image, task.surer(output, score)


def pictures_in(given: Sequence[Path]) -> list[Path]:
    """The files that are meant: those that are named, and all pictures of folders that are."""
    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for file in path.rglob("*") if is_picture(file.name))
        if not inside:
            raise ValueError(f"detect: {path} must have a picture in it, got none")
        found += inside
    return found
