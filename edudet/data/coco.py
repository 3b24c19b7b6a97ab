"""Folders in COCO's layout: images, and one JSON file of annotations. Lin et al., 2014.

    CocoFolder             read such a folder as a dataset
    write_coco             write any dataset as such a folder
    to_coco                the ground truth of a dataset, as `edudet.metrics.coco_metrics` wants it
    detections_to_coco     what a model has found, in COCO's result format

Where COCO's files and this library differ:

    boxes        x, y, width, height there; x1, y1, x2, y2 here; both in pixels, corners at 0
    labels       ids with gaps there; 1 to C here, in the order of the ids; 0 is background
    keypoints    the same numbers. COCO's joints are whole numbers, and whether 7 means the left
                 side or the centre of pixel 7 is not written anywhere; torchvision takes them as
                 they are too, detectron2 adds a half.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edudet import check
from edudet.boxes import box_area, box_convert, clip_boxes_to_image
from edudet.data.coco_files import Record, check_masks, read_annotations
from edudet.data.coco_results import detections_to_coco
from edudet.data.coco_truth import to_coco, write_coco
from edudet.data.images import read_image
from edudet.metrics import polygons_to_rle, rle_decode

__all__ = ["CocoFolder", "detections_to_coco", "to_coco", "write_coco"]


class CocoFolder(Dataset):
    """A folder of images and a file of annotations: instances or person_keypoints of COCO.

    Args:
        images: the folder in which the file names of the annotations begin.
        annotations: the JSON file.
        keep_crowds: keep regions of objects that are not told apart (iscrowd).
        masks: read the masks. False where only boxes are wanted, or where some objects have none.

    The file may be another tool's: `file_name` may be a whole path that leads into the folder, or
    have backslashes; a polygon of fewer than three corners encloses nothing. What the records must
    be is what `edudet.metrics.coco_metrics` wants; besides, ids are whole numbers, images have a
    height, a width and a file, and annotations an id of their own.

    `folder[i]` is (image, target): image (3, H, W) float32 in [0, 1], read when it is asked for;
    target a dict of `boxes` (N, 4) float32 xyxy, cut off at the border of the image, `labels` (N,)
    int64, `iscrowd` (N,) bool, `area` (N,) float32, `image_id` int; if the file has masks, `masks`
    (N, H, W) bool; if it has joints, `keypoints` (N, K, 3) float32 of x, y and v: 0 not labelled
    (then x = y = 0), 1 hidden, 2 seen. Images without objects stay, N = 0.

    Attributes:
        categories: the names; labels[...] = 1 means the first.
        category_ids: their ids in the file.
        joints, skeleton, flip_pairs: names of the K joints; the pairs (from 0) that bones connect;
            the pairs that change places in a mirror, by the words left and right in their names.
        dropped: ids of the annotations that are left out since their boxes have no area in the
            image: nothing can be learnt from them.

    Raises:
        FileNotFoundError: the folder, the file or an image does not exist.
        ValueError: the file or a record is broken, an id appears twice, an object has no mask
            where others have one. The message names the file, the line and the record. Images:
            when they are asked for.
    """

    def __init__(
        self, images: str | Path, annotations: str | Path, keep_crowds: bool = True,
        masks: bool = True,
    ):
        check.is_bool("CocoFolder", keep_crowds=keep_crowds, masks=masks)
        self.folder = Path(images)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"CocoFolder: images must be a folder, got {images}")
        self.file = read_annotations(annotations, self.folder)
        self._find_images()
        self.categories = tuple(category["name"] for category in self.file.categories)
        self.category_ids = tuple(category["id"] for category in self.file.categories)
        self.labels = {id_: label for label, id_ in enumerate(self.category_ids, 1)}
        self.joints, self.skeleton = self.file.keypoints, self.file.skeleton
        self.flip_pairs = mirrored_pairs(self.joints)
        self.dropped: list[int] = []
        for i, image in enumerate(self.file.images):
            self.file.annotations[i] = self._chosen(image, self.file.annotations[i], keep_crowds)
        self.has_masks = masks and any(
            one.get("segmentation") for some in self.file.annotations for one in some
        )
        if self.has_masks:
            check_masks(self.file)

    def __len__(self) -> int:
        return len(self.file.images)

    def __getitem__(self, i: int) -> tuple[Tensor, dict[str, Any]]:
        image, annotations = self.file.images[i], self.file.annotations[i]
        size = image["height"], image["width"]
        pixels = read_image(self.folder / image["file_name"], size)
        boxes = _boxes(annotations, size)
        target: dict[str, Any] = {
            "boxes": boxes.float(),                                      # (N, 4)
            "labels": torch.tensor(
                [self.labels[one["category_id"]] for one in annotations], dtype=torch.int64
            ),
            "image_id": image["id"],
            "iscrowd": torch.tensor(
                [bool(one.get("iscrowd", 0)) for one in annotations], dtype=torch.bool
            ),
        }
        areas = box_area(boxes)
        if self.has_masks:
            masks = [_mask(one["segmentation"], size) for one in annotations]
            target["masks"] = torch.stack(masks) if masks else torch.zeros(0, *size).bool()
            areas = target["masks"].flatten(1).sum(1)
        target["area"] = torch.tensor(
            [one.get("area", area) for one, area in zip(annotations, areas.tolist(), strict=True)],
            dtype=torch.float32,
        )
        if self.joints:
            target["keypoints"] = torch.tensor(
                [_keypoints(one, len(self.joints)) for one in annotations], dtype=torch.float32
            ).reshape(-1, len(self.joints), 3)
        return pixels, target

    def _find_images(self) -> None:
        present = {path.name for path in self.folder.iterdir()}  # one look, not one for each name
        missing = []
        for image in self.file.images:
            name = image["file_name"]
            if name in present or (self.folder / name).is_file():
                continue
            image["file_name"] = name.replace("\\", "/")             # as Windows writes it
            if not (self.folder / image["file_name"]).is_file():
                missing.append(name)
        if missing:
            raise FileNotFoundError(
                f"CocoFolder: {self.folder} must have the images of {self.file.path}, but "
                f"{len(missing)} of {len(self.file.images)} are missing, the first: {missing[0]}"
            )

    def _chosen(self, image: Record, annotations: list[Record], crowds: bool) -> list[Record]:
        annotations = [one for one in annotations if crowds or not one.get("iscrowd", 0)]
        boxes = _boxes(annotations, (image["height"], image["width"])).float()
        keep = (boxes[:, 2:] > boxes[:, :2]).all(1).tolist()
        self.dropped += [one["id"] for one, kept in zip(annotations, keep, strict=True) if not kept]
        return [one for one, kept in zip(annotations, keep, strict=True) if kept]


def mirrored_pairs(joints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The places of "left ..." and "right ..." of the same name."""
    places = {name: i for i, name in enumerate(joints)}
    mirrored = [places.get(name.replace("left", "right"), i) for i, name in enumerate(joints)]
    return tuple((i, j) for i, j in enumerate(mirrored) if i != j)


def _boxes(annotations: list[Record], size: tuple[int, int]) -> Tensor:
    """(N, 4) float64."""
    boxes = torch.tensor([one["bbox"] for one in annotations], dtype=torch.float64).reshape(-1, 4)
    return clip_boxes_to_image(box_convert(boxes, "xywh", "xyxy"), size)


def _mask(shape: Any, size: tuple[int, int]) -> Tensor:
    """(H, W) bool."""
    return rle_decode(shape if isinstance(shape, dict) else polygons_to_rle(shape, *size))


def _keypoints(annotation: Record, number: int) -> list[float]:
    """3 K numbers; zeros for an object that has no joints, such as a crowd."""
    found = annotation.get("keypoints") or [0] * (3 * number)
    return [value if found[k // 3 * 3 + 2] else 0 for k, value in enumerate(found)]
