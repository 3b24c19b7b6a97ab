"""Folders in PASCAL VOC's layout. Everingham et al., 2010 and 2015.

    VOC2007/ImageSets/Main/trainval.txt         names of images, one a line
    VOC2007/ImageSets/Segmentation/train.txt    those of them that have masks
    VOC2007/JPEGImages/000005.jpg
    VOC2007/Annotations/000005.xml              boxes; difficult, truncated, occluded
    VOC2007/SegmentationObject/000032.png       which object a pixel belongs to; 255: undecided
    VOC2007/SegmentationClass/000032.png        which class

VOC's boxes are one-based and contain their last pixel: `edudet.boxes.boxes_from_voc`. Many tools
that write "VOC" write what they have, x1, y1, x2, y2 counted from 0: datumaro (and what it makes of
CVAT's exports), globox, pylabel, pascal-voc-writer. Nothing in the file tells, and read as VOC each
box is a pixel too wide and too high: `one_based=False`.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.boxes import box_area, boxes_from_voc, clip_boxes_to_image, masks_to_boxes
from edudet.data.images import is_picture, read_image, read_indices
from edudet.data.target import chosen_rows
from edudet.data.voc_files import VocObject, read_names, read_objects
from edudet.data.voc_rooms import Room, find_picture, first, with_extension

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)
VOID = 255  # the outlines of objects, and what the annotators left undecided
KINDS = {"boxes": "Main", "segmentation": "Segmentation"}
MASKS = ("SegmentationObject", "SegmentationClass")
FLAGS = ("difficult", "truncated", "occluded")


class VocFolder(Dataset):
    """One image set of a VOC folder.

    Args:
        root: the folder VOC2007 (of year 2007), or one that contains it, or VOCdevkit with it; or
            one of another name that has ImageSets in it.
        year: of the folder's name.
        image_set: "train", "val", "trainval", "test"; the name of a file in ImageSets.
        kind: "boxes", or "segmentation" for the images that have masks.
        keep_difficult: keep objects that VOC calls difficult. They need not be found and do not
            count (`edudet.metrics.voc_map`); most detectors are trained without them.
        categories: the names of labels 1 to C. Default: VOC's 20 classes in VOC's order.
        one_based: whether boxes are VOC's. False: they are x1, y1, x2, y2 from 0 on. A box that
            begins at 0 where the first pixel is 1 is told, in a warning, once for a folder.

    A picture is a file of any kind that Pillow reads, its name without the extension that of the
    XML file, with spaces and folders if need be; where there is none of the name, or more than one,
    that of the <filename> in the XML file.

    `folder[i]` is (image, target): image (3, H, W) float32 in [0, 1]; target a dict of `boxes`
    (N, 4) float32 xyxy, cut off at the border, `labels` (N,) int64, `area` (N,) float32, of the
    boxes, `iscrowd` (N,) bool: none is, `difficult`, `truncated` and `occluded` (N,) bool, and
    `image_id`, the place in the image set, from 1. The name of image i is `folder.names[i]`. Parts
    (head, hand, foot) and poses are left out.

    Segmentation: also `masks` (N, H, W) bool and `semantic` (H, W) int64: 0 background, 1 to C,
    255 undecided; such pixels are in no mask. Boxes and areas are those of the masks. The flags
    are those of the object of the same number in the XML file, if it exists: else False.

    Flags are read as other tools write them: true, 1.0, yes. `truncated` and `occluded`, which
    decide nothing here, are True where a number is above 0 (KITTI's .06), and False where it is
    left open (Unspecified).

    Raises:
        FileNotFoundError: a folder, the image set, or a file of one of its images does not exist.
        ValueError: the image set names an image twice; when an image is asked for: it or its
            annotation is broken, has a class of another name, or a box that is inverted or lies
            outside of the image. The message names file and line.
    """

    def __init__(
        self, root: str | Path, year: str = "2007", image_set: str = "trainval",
        kind: str = "boxes", keep_difficult: bool = True,
        categories: tuple[str, ...] = CLASSES, one_based: bool = True,
    ):
        if kind not in KINDS:
            raise ValueError(
                f"VocFolder: kind must be 'boxes' or 'segmentation', got {kind!r}"
            )
        check.is_bool("VocFolder", keep_difficult=keep_difficult, one_based=one_based)
        self.folder = _folder(Path(root), f"VOC{year}")
        self.kind, self.keep_difficult, self.one_based = kind, keep_difficult, one_based
        self._told = False
        self.categories = tuple(categories)
        if isinstance(categories, str) or len(set(categories)) < len(self.categories) or not all(
            isinstance(name, str) and name for name in self.categories
        ):
            raise ValueError(
                f"VocFolder: categories must be names, each of its own, got {categories!r}"
            )
        self.labels = {name: label for label, name in enumerate(self.categories, 1)}
        listed = self.folder / "ImageSets" / KINDS[kind] / f"{image_set}.txt"
        pictures = Room(self.folder / "JPEGImages", is_picture)
        annotations = Room(self.folder / "Annotations", with_extension(".xml"))
        self.names = read_names(
            listed, lambda name: bool(pictures.find(name) or annotations.find(name))
        )
        self.annotations = [first(annotations.find(name)) for name in self.names]
        if kind == "boxes":
            self._all(listed, "Annotations", ".xml", self.annotations)
        self.pictures = self._all(listed, "JPEGImages", ".jpg", [
            find_picture(pictures, *one) for one in zip(self.names, self.annotations, strict=True)
        ])  # fmt: skip
        self.masks = []
        for room in MASKS if kind == "segmentation" else ():
            masks = Room(self.folder / room, with_extension(".png"))
            found = [first(masks.find(name)) for name in self.names]
            self.masks.append(self._all(listed, room, ".png", found))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        annotation = self.annotations[i]
        size, objects = read_objects(annotation, self.labels) if annotation else (None, [])
        image = read_image(self.pictures[i], size)
        height, width = image.shape[-2:]
        if self.kind == "boxes":
            target = self._target_of_boxes(annotation, objects, (height, width))
        else:
            paths = [paths[i] for paths in self.masks]
            target = self._target_of_masks(paths, objects, (height, width))
        target["iscrowd"] = torch.zeros(len(target["labels"]), dtype=torch.bool)
        if not self.keep_difficult:
            target = chosen_rows(target, ~target["difficult"])
        target["image_id"] = range(1, len(self) + 1)[i]
        return image, target

    def _target_of_boxes(
        self, annotation: Path | None, objects: list[VocObject], size: tuple[int, int]
    ) -> dict[str, Any]:
        given = torch.tensor([one.box_voc for one in objects], dtype=torch.float64).reshape(-1, 4)
        boxes = boxes_from_voc(given) if self.one_based else given
        boxes = clip_boxes_to_image(boxes, size).float()
        for i in (box_area(boxes) == 0).nonzero().flatten().tolist()[:1]:
            raise ValueError(
                f"VocFolder: {annotation}, line {objects[i].line}: bndbox must lie in the image of "
                f"{size[1]} x {size[0]} pixels (width x height), got {[*objects[i].box_voc]}"
                f"{'' if self.one_based else ' (xmax and ymax are not counted)'}"
            )
        for i in (given[:, :2] < 1).any(1).nonzero().flatten().tolist()[:1]:
            self._tell_zero(annotation, objects[i])
        return {
            "boxes": boxes,
            "labels": torch.tensor([one.label for one in objects], dtype=torch.int64),
            "area": box_area(boxes), **_columns([one.flags for one in objects]),
        }

    def _tell_zero(self, annotation: Path | None, found: VocObject) -> None:
        if not self.one_based or self._told:
            return
        self._told = True
        xmin, ymin = found.box_voc[:2]
        warnings.warn(
            f"VocFolder: {annotation}, line {found.line}: bndbox begins at {xmin:g}, {ymin:g}, and "
            "VOC's first pixel is 1, 1: does this folder count from 0, as datumaro, globox, "
            "pylabel and pascal-voc-writer do? Then all of its boxes are read a pixel too large; "
            "use one_based=False (edudet train, eval: --zero-based)", stacklevel=4,
        )  # fmt: skip

    def _target_of_masks(
        self, paths: list[Path], objects: list[VocObject], size: tuple[int, int]
    ) -> dict[str, Any]:
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

    def _all(
        self, listed: Path, room: str, suffix: str, found: Sequence[Path | None]
    ) -> list[Path]:
        """The files of all images, none missing."""
        if not (self.folder / room).is_dir():
            raise FileNotFoundError(f"VocFolder: {self.folder} must have a folder {room}")
        missing = [name for name, path in zip(self.names, found, strict=True) if path is None]
        if missing:
            raise FileNotFoundError(
                f"VocFolder: {self.folder / room} must have the files of {listed}, but "
                f"{len(missing)} of {len(self.names)} are missing, the first: "
                f"{missing[0]}{suffix}{' (or .png, ...)' if suffix == '.jpg' else ''}"
            )
        return [path for path in found if path is not None]


def _folder(root: Path, name: str) -> Path:
    bare = root.name == name or (root / "ImageSets").is_dir()  # other tools name no year
    tried = [root / name, root / "VOCdevkit" / name, *([root] if bare else [])]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"VocFolder: root must contain {name} or VOCdevkit/{name}, or be {name}, got {root}"
    )


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
