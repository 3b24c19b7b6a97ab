"""Ground truth of any dataset in COCO's format, and datasets written as COCO's folders."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edudet.boxes import box_area
from edudet.data.coco_results import Record, ids_of_labels, to_xywh
from edudet.data.files import write_atomically
from edudet.data.images import write_image
from edudet.data.target import checked, flags_of
from edudet.metrics import rle_encode


def to_coco(
    source: Any, categories: Sequence[str] | None = None,
    category_ids: Sequence[int] | None = None,
) -> dict[str, list[Record]]:
    """Return ground truth in COCO's format, as `edudet.metrics.coco_metrics` takes it.

    Args:
        source: a dataset of (image, target), each asked for once; or a list of targets.
        categories: names of labels 1 to C. By default those of the dataset; of a list, the numbers
            up to the largest label. Detections of other labels are an error there: name them all.
        category_ids: the id to write for labels 1 to C. Default: the label.

    Returns:
        {"images", "categories", "annotations"}: boxes as x, y, width, height; masks as compressed
        run lengths; keypoints; area (if the target names none: that of the mask, or of the box);
        ids of annotations from 1. Images have a height and width if there is an image or a mask
        to measure. What COCO has no word for (`difficult`) is left out.

    Raises:
        TypeError, ValueError: a target does not fit; the message names its place. An image_id
            appears twice.
    """
    writer = _Writer("to_coco", source, categories, category_ids)
    for i in range(len(source)):
        item = source[i]
        image, target = (None, item) if isinstance(item, Mapping) else item
        writer.add(target, None if image is None else image.shape[-2:])
    return writer.finish()


def write_coco(dataset: Any, folder: str | Path) -> Path:
    """Write a dataset as a folder that `CocoFolder` reads; return the path of the annotations.

        folder/images/000000000007.png    colours rounded to 8 bits
        folder/annotations.json           written last, and whole or not at all

    Ids of images and (`dataset.category_ids`, if it has them) of categories are kept.
    """
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    ids = getattr(dataset, "category_ids", None)
    writer = _Writer("write_coco", dataset, None, ids)
    for i in range(len(dataset)):
        image, target = dataset[i]
        name = f"{int(target['image_id']):012d}.png"
        writer.add(target, image.shape[-2:], name)
        write_image(folder / "images" / name, image)
    path = folder / "annotations.json"
    data = json.dumps(writer.finish(), allow_nan=False).encode()
    write_atomically(path, lambda file: file.write(data))
    return path


class _Writer:
    """Collects the records of one image after the other: masks are large until they are coded."""

    def __init__(self, function: str, source: Any, categories: Any, category_ids: Any):
        self.function, self.category_ids = function, category_ids
        names = categories if categories is not None else getattr(source, "categories", None)
        self.names = None if names is None else [str(name) for name in names]
        if category_ids is not None and self.names is None:
            raise ValueError(f"{function}: categories must be named if category_ids are, got None")
        if category_ids is not None and not (
            len(category_ids) == len(self.names or ()) == len(set(category_ids))
        ):
            raise ValueError(
                f"{function}: category_ids must be one for each of {self.names}, "
                f"got {[*category_ids]}"
            )
        self.joints, self.skeleton = getattr(source, "joints", ()), getattr(source, "skeleton", ())
        self.images: dict[int, Record] = {}
        self.annotations: list[Record] = []
        self.num_labels = self.num_joints = 0

    def add(self, target: Mapping[str, Any], size: Any, file_name: str = "") -> None:
        place = f"targets[{len(self.images)}]"
        sides = None if size is None else (int(size[0]), int(size[1]))
        name, needs = f"{self.function}: {place}", ("boxes", "labels", "image_id")
        target = checked(name, target, sides, needs=needs)
        id_ = int(target["image_id"])
        if id_ in self.images:
            raise ValueError(
                f"{self.function}: {place} must have an image_id of its own, got {id_}"
            )
        if size is None and "masks" in target:
            size = target["masks"].shape[-2:]
        image: Record = {"id": id_}
        if file_name:
            image["file_name"] = file_name
        if size is not None:
            image |= {"height": int(size[0]), "width": int(size[1])}
        self.images[id_] = image
        for record in self._annotations(place, target):
            self.annotations.append({"id": len(self.annotations) + 1, "image_id": id_} | record)

    def _annotations(self, place: str, target: Mapping[str, Any]) -> list[Record]:
        boxes, labels = target["boxes"], target["labels"]
        self.num_labels = max([self.num_labels, *labels.tolist()])
        known = self.category_ids or (None if self.names is None else range(1, len(self.names) + 1))
        columns = {
            "category_id": ids_of_labels(self.function, place, labels, known),
            "bbox": to_xywh(boxes), "iscrowd": flags_of(target, "iscrowd").int().tolist(),
            "area": target.get("area", box_area(boxes)).tolist(),
        }
        if "masks" in target:
            masks = target["masks"].cpu()
            columns["segmentation"] = [rle_encode(mask) for mask in masks]
            if "area" not in target:
                columns["area"] = masks.flatten(1).sum(1).tolist()
        if "keypoints" in target:
            self.num_joints = target["keypoints"].shape[1]
            joints = target["keypoints"].detach().cpu().double()
            columns["keypoints"] = [_whole(person.flatten().tolist()) for person in joints]
            columns["num_keypoints"] = (joints[:, :, 2] > 0).sum(1).tolist()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def finish(self) -> dict[str, list[Record]]:
        names = self.names
        if names is None:
            names = [str(label) for label in range(1, self.num_labels + 1)]
        ids = self.category_ids or range(1, len(names) + 1)
        categories = [{"id": int(id_), "name": name} for id_, name in zip(ids, names, strict=True)]
        if self.num_joints:
            joints = [str(name) for name in self.joints] or [str(k) for k in range(self.num_joints)]
            bones = [[int(a) + 1, int(b) + 1] for a, b in self.skeleton]
            categories = [one | {"keypoints": joints, "skeleton": bones} for one in categories]
        return {
            "images": [*self.images.values()], "categories": categories,
            "annotations": self.annotations,
        }


def _whole(numbers: list[float]) -> list[float]:
    return [int(number) if k % 3 == 2 else number for k, number in enumerate(numbers)]
