"""What a trained model finds: on a batch, on files, and written down in COCO's format."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edudet.data.coco_names import NO_CATEGORY
from edudet.data.coco_results import detections_to_coco
from edudet.data.images import is_picture, read_image
from edudet.metrics import rle_area
from edudet.training.batches import CPU, to_device
from edudet.training.distributed import own_device


@torch.inference_mode()
def detect(
    model: nn.Module, images: list[Tensor], targets: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Tensor]], float]:
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
        target = {
            "boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64),
            "image_id": i + 1, "iscrowd": torch.zeros(0, dtype=torch.bool), "area": torch.zeros(0),
        }  # fmt: skip
        return read_image(self.paths[i]), target


def detections(
    model: nn.Module, pictures: Any, score: float, device: str = "cpu"
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Each image of a dataset with what the model finds on it with at least that score."""
    place = own_device(device)
    model.to(place).eval()
    for i in range(len(pictures)):
        image, target = pictures[i]
        (output,), _ = detect(model, [image.to(place)], [target])
        sure = output["scores"] >= score
        yield image, {key: value[sure] for key, value in output.items()}


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


def names_of(paths: Sequence[Path]) -> list[str]:
    """The paths from the innermost folder on that holds all of them: `CocoFolder` begins there, and
    where images lie on one machine is nothing to another."""
    whole = [Path(os.path.abspath(path)) for path in paths]
    start = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [path.relative_to(start).as_posix() for path in whole]


def coco_file(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[dict[str, Tensor]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Detections as a file in COCO's format; its annotations have scores, and all that was found
    of an object: box, mask and joints. The area is that of the mask, or, without one, of the box.
    """
    ids = range(1, len(paths) + 1)
    records = detections_to_coco(outputs, ids)
    for kind, key in (("mask", "masks"), ("keypoints", "keypoints")):
        if all(key in output for output in outputs):
            more = detections_to_coco(outputs, ids, kind=kind)
            records = [{**a, **b} for a, b in zip(records, more, strict=True)]
    for i, record in enumerate(records, 1):
        width, height = record["bbox"][2:]
        mask = record.get("segmentation")
        area = width * height if mask is None else rle_area(mask)
        record |= {"id": i, "area": area, "iscrowd": 0}
    extra = {"keypoints": facts["joints"], "skeleton": [[a + 1, b + 1] for a, b in
             facts["skeleton"]]} if any("keypoints" in o for o in outputs) else {}  # fmt: skip
    return {
        "images": [{"id": i, "file_name": name, "height": size[0], "width": size[1]}
                   for i, name, size in zip(ids, names_of(paths), sizes, strict=True)],
        "categories": [{"id": i, "name": name, **extra}
                       for i, name in enumerate(facts["categories"], 1) if name != NO_CATEGORY],
        "annotations": records,
    }  # fmt: skip
