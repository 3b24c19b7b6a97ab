"""COCO's annotation files: read, checked, sorted by image.

    images         id, file_name, height, width
    categories     id, name, and of people: keypoints (their names), skeleton
    annotations    id, image_id, category_id, bbox (x, y, width, height), area, iscrowd,
                   segmentation (polygons or run lengths), keypoints (x, y, visibility each)

Ids are names, not places: COCO's 80 categories have ids from 1 to 90. Lin et al., 2014.

Everything is looked at when the file is opened, by the rules of `edudet.metrics.coco_records`, so
that no training stops at its 5000th step. Masks are filled when their image is asked for.
"""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from edudet.metrics.coco_records import (
    read_areas,
    read_boxes,
    read_crowds,
    read_joints,
    read_lists,
    read_places,
    read_sizes,
)
from edudet.metrics.run_lengths import check_segmentations
from edudet.records import Records, read_json

Record = dict[str, Any]


@dataclass
class CocoFile:
    """What one annotation file says."""

    path: Path
    images: list[Record] = field(default_factory=list)                 # in the file's order
    categories: list[Record] = field(default_factory=list)             # by id
    annotations: list[list[Record]] = field(default_factory=list)      # of each image
    places: dict[int, int] = field(default_factory=dict)     # id of an annotation -> its place
    records: Records = field(default_factory=lambda: Records("CocoFolder", "annotations", []))
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()                         # from 0


def read_annotations(path: str | Path, folder: Path) -> CocoFile:
    """Return what an annotation file says of the images in a folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, or a record does not fit. The message names file and line, and
            the record by its place and id.
    """
    found = CocoFile(Path(path))
    if not found.path.is_file():
        raise FileNotFoundError(f"CocoFolder: annotations must be a JSON file, got {path}")
    data = read_json("CocoFolder", found.path)
    lists = read_lists("CocoFolder", "annotations", found.path, data)
    images, categories, annotations = lists.values()
    ids = {"image_id": images.ids(texts=False), "category_id": categories.ids(texts=False)}
    found.records, found.places = annotations, annotations.ids(texts=False)
    _read_images(images, folder)
    _read_names(categories)
    _read_skeleton(found, categories)
    places = [read_places(annotations, key, ids[key]) for key in ids]
    read_boxes(annotations)
    read_areas(annotations, np.zeros(len(annotations)))
    read_crowds(annotations)
    if found.keypoints:
        read_joints(annotations, len(found.keypoints))
    for records in (images, categories, annotations):
        for record in records.records:
            record["id"] = int(record["id"])                           # 7.0 is 7
    found.images = [*images.records]
    found.categories = sorted(categories.records, key=lambda category: category["id"])
    found.annotations = [[] for _ in found.images]
    for annotation, place, category in zip(annotations.records, *places, strict=True):
        annotation["category_id"] = categories.records[category]["id"]
        found.annotations[place].append(annotation)
    return found


def check_masks(file: CocoFile) -> None:
    """Whether every object that is left has a mask: polygons or run lengths."""
    rows = [file.places[one["id"]] for some in file.annotations for one in some]
    sizes = [
        (image["height"], image["width"])
        for image, some in zip(file.images, file.annotations, strict=True) for _ in some
    ]  # fmt: skip
    records = file.records.chosen(rows)
    for i, one in enumerate(records.records):
        if not one.get("segmentation"):
            rule = "be a mask as others have one (else: masks=False)"
            records.fail(i, rule, one.get("segmentation"), "segmentation")
    check_segmentations(records, np.array(sizes, dtype=np.int64).reshape(-1, 2))


def _read_images(images: Records, folder: Path) -> None:
    sizes = read_sizes(images)
    for i, (name, size) in enumerate(zip(images.listed("file_name"), sizes.tolist(), strict=True)):
        below = name_inside(folder, name) if isinstance(name, str) else None
        if not below:
            rule = f"be the path of a file inside the folder of images, {folder}"
            images.fail(i, rule, name, "file_name")
        images.records[i]["height"], images.records[i]["width"] = size
        images.records[i]["file_name"] = below


def name_inside(folder: Path, name: str) -> str | None:
    """The path of a file from a folder on; None if it leads out of the folder, on any system.

    Some tools write whole paths. One that leads into the folder is as good as the rest of it;
    what the file is, a link to elsewhere, say, is the business of whoever filled the folder.
    """
    if not name or "\0" in name or ".." in {
        part for kind in (PurePosixPath, PureWindowsPath) for part in kind(name).parts
    }:
        return None
    path = Path(name)
    if path.is_absolute():
        for start in (folder.absolute(), folder.resolve()):
            for whole in (path, path.parent.resolve() / path.name):
                if whole != start and whole.is_relative_to(start):
                    return whole.relative_to(start).as_posix()
        return None
    return None if any(kind(name).anchor for kind in (PurePosixPath, PureWindowsPath)) else name


def _read_names(categories: Records) -> None:
    texts = [isinstance(name, str) for name in categories.listed("name")]
    categories.where("name", np.array(texts, dtype=bool), "be a text")
    categories.unique("name")


def _read_skeleton(found: CocoFile, categories: Records) -> None:
    for i, category in enumerate(categories.records):
        names = category.get("keypoints")
        if not names:
            continue
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            categories.fail(i, "be names", names, "keypoints")
        if found.keypoints and tuple(names) != found.keypoints:
            rule = f"be those of the other categories, {[*found.keypoints]}"
            categories.fail(i, rule, names, "keypoints")
        found.keypoints = tuple(names)
        bones = category.get("skeleton") or []
        if not isinstance(bones, list) or not all(_is_bone(bone, len(names)) for bone in bones):
            rule = f"be pairs of numbers from 1 to {len(names)}"
            categories.fail(i, rule, bones, "skeleton")
        found.skeleton = tuple((a - 1, b - 1) for a, b in bones)


def _is_bone(bone: Any, number: int) -> bool:
    return isinstance(bone, list) and len(bone) == 2 and all(
        isinstance(end, int) and 1 <= end <= number for end in bone
    )
