"""Folders in PASCAL VOC's layout. Everingham et al., 2010 and 2015.

    VOC2007/ImageSets/Main/trainval.txt         names of images, one a line
    VOC2007/ImageSets/Segmentation/train.txt    those of them that have masks
    VOC2007/JPEGImages/000005.jpg
    VOC2007/Annotations/000005.xml              boxes; difficult, truncated, occluded
    VOC2007/SegmentationObject/000032.png       which object a pixel belongs to; 255: undecided
    VOC2007/SegmentationClass/000032.png        which class

VOC's boxes are one-based and contain their last pixel: `edudet.boxes.boxes_from_voc`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.boxes import box_area, boxes_from_voc, clip_boxes_to_image, masks_to_boxes
from edudet.data.images import read_image, read_indices
from edudet.data.voc_files import VocObject, read_names, read_objects

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)
VOID = 255  # the outlines of objects, and what the annotators left undecided
KINDS = {"boxes": "Main", "segmentation": "Segmentation"}
FLAGS = ("difficult", "truncated", "occluded")


class VocFolder(Dataset):
    """One image set of a VOC folder.

    Args:
        root: the folder VOC2007 (of year 2007), or one that contains it, or VOCdevkit with it.
        year: of the folder's name.
        image_set: "train", "val", "trainval", "test"; the name of a file in ImageSets.
        kind: "boxes", or "segmentation" for the images that have masks.
        keep_difficult: keep objects that VOC calls difficult. They need not be found and do not
            count (`edudet.metrics.voc_map`); most detectors are trained without them.
        categories: the names of labels 1 to C. Default: VOC's 20 classes in VOC's order.

    `folder[i]` is (image, target): image (3, H, W) float32 in [0, 1]; target a dict of `boxes`
    (N, 4) float32 xyxy, cut off at the border, `labels` (N,) int64, `area` (N,) float32, of the
    boxes, `iscrowd` (N,) bool: none is, `difficult`, `truncated` and `occluded` (N,) bool, and
    `image_id`, the place in the image set, from 1. The name of image i is `folder.names[i]`. Parts
    (head, hand, foot) and poses are left out.

    Segmentation: also `masks` (N, H, W) bool and `semantic` (H, W) int64: 0 background, 1 to C,
    255 undecided; such pixels are in no mask. Boxes and areas are those of the masks. The flags
    are those of the object of the same number in the XML file, if it exists: else False.

    Raises:
        FileNotFoundError: a folder, the image set, or a file of one of its images does not exist.
        ValueError: the image set names an image twice; when an image is asked for: it or its
            annotation is broken, has a class of another name, or a box that is inverted or lies
            outside of the image. The message names file and line.
    """

    def __init__(
        self, root: str | Path, year: str = "2007", image_set: str = "trainval",
        kind: str = "boxes", keep_difficult: bool = True,
        categories: tuple[str, ...] = CLASSES,
    ):
        if kind not in KINDS:
            raise ValueError(
                f"VocFolder: kind must be 'boxes' or 'segmentation', got {kind!r}"
            )
        check.is_bool("VocFolder", keep_difficult=keep_difficult)
        self.folder = _folder(Path(root), f"VOC{year}")
        self.kind, self.keep_difficult = kind, keep_difficult
        self.categories = tuple(categories)
        self.labels = {name: label for label, name in enumerate(self.categories, 1)}
        listed = self.folder / "ImageSets" / KINDS[kind] / f"{image_set}.txt"
        self.names = read_names(listed)
        needed = {"JPEGImages": ".jpg"} | (
            {"Annotations": ".xml"} if kind == "boxes"
            else {"SegmentationObject": ".png", "SegmentationClass": ".png"}
        )
        for room, suffix in needed.items():
            self._check_room(listed, room, suffix)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        name = self.names[i]
        annotation = self.folder / "Annotations" / f"{name}.xml"
        described = self.kind == "boxes" or annotation.is_file()
        size, objects = read_objects(annotation, self.labels) if described else (None, [])
        image = read_image(self.folder / "JPEGImages" / f"{name}.jpg", size)
        height, width = image.shape[-2:]
        if self.kind == "boxes":
            target = _target_of_boxes(objects, (height, width), annotation)
        else:
            target = self._target_of_masks(name, objects, (height, width))
        target["iscrowd"] = torch.zeros(len(target["labels"]), dtype=torch.bool)
        if not self.keep_difficult:
            easy = ~target["difficult"]
            target = {k: v if k == "semantic" else v[easy] for k, v in target.items()}
        target["image_id"] = range(1, len(self) + 1)[i]
        return image, target

    def _target_of_masks(
        self, name: str, objects: list[VocObject], size: tuple[int, int]
    ) -> dict[str, Any]:
        rooms = ("SegmentationObject", "SegmentationClass")
        paths = [self.folder / room / f"{name}.png" for room in rooms]
        instances, semantic = (_indices(path, size) for path in paths)
        last = len(self.categories)
        for label in semantic[(semantic > last) & (semantic != VOID)].tolist()[:1]:
            raise ValueError(
                f"VocFolder: {paths[1]} must have classes from 1 to {last}, got {label}"
            )
        numbers = [n for n in instances.unique().tolist() if n not in (0, VOID)]
        labels, flags = [], []
        for number in numbers:
            inside = semantic[(instances == number) & (semantic != 0) & (semantic != VOID)]
            if len(inside) == 0:
                raise ValueError(
                    f"VocFolder: {paths[1]} must have a class for object {number} of "
                    f"{paths[0].name} in SegmentationObject, got none"
                )
            labels.append(int(inside.bincount().argmax()))
            named = objects[number - 1] if number <= len(objects) else None
            known = named is not None and named.label == labels[-1]
            flags.append(named.flags if named is not None and known else (False,) * len(FLAGS))
        masks = instances == torch.tensor(numbers, dtype=torch.int64)[:, None, None]  # (N, H, W)
        return {
            "boxes": masks_to_boxes(masks), "masks": masks, "semantic": semantic,
            "labels": torch.tensor(labels, dtype=torch.int64),
            "area": masks.flatten(1).sum(1).float(), **_columns(flags),
        }

    def _check_room(self, listed: Path, room: str, suffix: str) -> None:
        if not (self.folder / room).is_dir():
            raise FileNotFoundError(f"VocFolder: {self.folder} must have a folder {room}")
        present = {path.name for path in (self.folder / room).iterdir()}
        missing = [n for n, name in enumerate(self.names) if f"{name}{suffix}" not in present]
        if missing:
            raise FileNotFoundError(
                f"VocFolder: {self.folder / room} must have the files of {listed}, but "
                f"{len(missing)} of {len(self.names)} are missing, the first: "
                f"{self.names[missing[0]]}{suffix}"
            )


def _folder(root: Path, name: str) -> Path:
    tried = [root / name, root / "VOCdevkit" / name, *([root] if root.name == name else [])]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"VocFolder: root must contain {name} or VOCdevkit/{name}, or be {name}, got {root}"
    )


def _target_of_boxes(
    objects: list[VocObject], size: tuple[int, int], annotation: Path
) -> dict[str, Any]:
    boxes_voc = torch.tensor([one.box_voc for one in objects], dtype=torch.float64).reshape(-1, 4)
    boxes = clip_boxes_to_image(boxes_from_voc(boxes_voc), size).float()
    for i in (box_area(boxes) == 0).nonzero().flatten().tolist()[:1]:
        raise ValueError(
            f"VocFolder: {annotation}, line {objects[i].line}: bndbox must lie in the image of "
            f"{size[1]} x {size[0]} pixels (width x height), got {[*objects[i].box_voc]}"
        )
    return {
        "boxes": boxes, "labels": torch.tensor([one.label for one in objects], dtype=torch.int64),
        "area": box_area(boxes), **_columns([one.flags for one in objects]),
    }


def _columns(flags: list[tuple[bool, ...]]) -> dict[str, Tensor]:
    columns = torch.tensor(flags, dtype=torch.bool).reshape(-1, len(FLAGS))
    return {name: columns[:, k].clone() for k, name in enumerate(FLAGS)}


def _indices(path: Path, size: tuple[int, int]) -> Tensor:
    """(H, W) int64."""
    indices = read_indices(path).long()
    if tuple(indices.shape) != size:
        raise ValueError(
            f"VocFolder: {path} must have the size of its image, {size[0]} x {size[1]}, "
            f"got {indices.shape[0]} x {indices.shape[1]}"
        )
    return indices
