"""COCO's annotation files: read, checked record by record, sorted by image.

    images         id, file_name, height, width
    categories     id, name, and of people: keypoints (their names), skeleton
    annotations    id, image_id, category_id, bbox (x, y, width, height), area, iscrowd,
                   segmentation (polygons or run lengths), keypoints (x, y, visibility each)

Ids are names, not places: COCO's 80 categories have ids from 1 to 90. Lin et al., 2014.

Read at once: ids and boxes, on which everything hangs. Masks and keypoints, most of the numbers,
are looked at when their image is asked for.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NoReturn

from edudet.data.json_lines import line_of_record, read_json

Record = dict[str, Any]


@dataclass
class CocoFile:
    """What one annotation file says."""

    path: Path
    images: list[Record] = field(default_factory=list)                 # in the file's order
    categories: list[Record] = field(default_factory=list)             # by id
    annotations: list[list[Record]] = field(default_factory=list)      # of each image
    places: dict[int, int] = field(default_factory=dict)     # id of an annotation -> its place
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()                         # from 0

    def fail(self, annotation: Record, key: str, rule: str) -> NoReturn:
        place = self.places[annotation["id"]]
        fail(self.path, "annotations", place, annotation, f"{key} must {rule}", annotation.get(key))


def read_annotations(path: str | Path) -> CocoFile:
    """Return what an annotation file says.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, or a record does not fit. The message names file and line, and
            the record by its place and id.
    """
    found = CocoFile(Path(path))
    if not found.path.is_file():
        raise FileNotFoundError(f"CocoFolder: annotations must be a JSON file, got {path}")
    data = read_json("CocoFolder", found.path)
    for key in ("images", "categories", "annotations"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise ValueError(f"CocoFolder: {path}: must have a list {key!r}")
    images = _by_id(found.path, "images", data["images"])
    for place, image in enumerate(data["images"]):
        _check_image(found.path, place, image)
    categories = _by_id(found.path, "categories", data["categories"])
    names: set[str] = set()
    for place, category in enumerate(data["categories"]):
        name = category.get("name")
        if not isinstance(name, str) or name in names:
            fail(found.path, "categories", place, category, "name must be a text of its own", name)
        names.add(name)
    found.images = data["images"]
    found.categories = sorted(data["categories"], key=lambda category: category["id"])
    _read_skeleton(found, data["categories"])
    found.annotations = [[] for _ in found.images]
    found.places = _by_id(found.path, "annotations", data["annotations"])
    for place, annotation in enumerate(data["annotations"]):
        _check_annotation(found.path, place, annotation, images, categories)
        found.annotations[images[annotation["image_id"]]].append(annotation)
    return found


def fail(path: Path, key: str, place: int, record: Any, rule: str, value: Any) -> NoReturn:
    """Say where in the file the record lies that breaks a rule."""
    id_ = record.get("id") if isinstance(record, dict) else None
    text = repr(value)
    text = text if len(text) < 80 else text[:76] + " ..."
    raise ValueError(
        f"CocoFolder: {path}, line {line_of_record(path, key, place)}: "
        f"{key}[{place}] (id {id_}): {rule}, got {text}"
    )


def _by_id(path: Path, key: str, records: list[Any]) -> dict[int, int]:
    """id -> place."""
    places: dict[int, int] = {}
    for place, record in enumerate(records):
        if not isinstance(record, dict):
            fail(path, key, place, record, "must be an object", record)
        id_ = record.get("id")
        if not isinstance(id_, int) or isinstance(id_, bool):
            fail(path, key, place, record, "id must be a whole number", id_)
        if id_ in places:
            rule = f"id must be its own, not that of {key}[{places[id_]}]"
            fail(path, key, place, record, rule, id_)
        places[id_] = place
    return places


def _check_image(path: Path, place: int, image: Record) -> None:
    for key in ("height", "width"):
        side = image.get(key)
        if not isinstance(side, int) or isinstance(side, bool) or side < 1:
            fail(path, "images", place, image, f"{key} must be a number of pixels", side)
    name = image.get("file_name")
    if not isinstance(name, str) or not name or not inside(name):
        rule = "file_name must be the path of a file inside the folder of images"
        fail(path, "images", place, image, rule, name)


def inside(name: str) -> bool:
    """Whether a path stays inside the folder that it starts from, on every system."""
    return "\0" not in name and not any(
        kind(name).anchor or ".." in kind(name).parts for kind in (PurePosixPath, PureWindowsPath)
    )


def _read_skeleton(found: CocoFile, categories: list[Record]) -> None:
    for place, category in enumerate(categories):
        names = category.get("keypoints")
        if not names:
            continue
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            fail(found.path, "categories", place, category, "keypoints must be names", names)
        if found.keypoints and tuple(names) != found.keypoints:
            rule = f"keypoints must be those of the other categories, {[*found.keypoints]}"
            fail(found.path, "categories", place, category, rule, names)
        found.keypoints = tuple(names)
        bones = category.get("skeleton") or []
        if not isinstance(bones, list) or not all(_is_bone(bone, len(names)) for bone in bones):
            rule = f"skeleton must be pairs of numbers from 1 to {len(names)}"
            fail(found.path, "categories", place, category, rule, bones)
        found.skeleton = tuple((a - 1, b - 1) for a, b in bones)


def _is_bone(bone: Any, number: int) -> bool:
    return isinstance(bone, list) and len(bone) == 2 and all(
        isinstance(end, int) and 1 <= end <= number for end in bone
    )


def _check_annotation(
    path: Path, place: int, annotation: Record, images: Mapping, categories: Mapping
) -> None:
    def wrong(key: str, rule: str) -> NoReturn:
        value = annotation.get(key)
        fail(path, "annotations", place, annotation, f"{key} must {rule}", value)

    for key, known in (("image_id", images), ("category_id", categories)):
        id_ = annotation.get(key)
        if not isinstance(id_, int) or isinstance(id_, bool) or id_ not in known:
            wrong(key, f"be the id of one of the {'images' if known is images else 'categories'}")
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        wrong("bbox", "be four finite numbers: x, y, width, height")
    if box[2] < 0 or box[3] < 0:
        wrong("bbox", "have a width and a height of at least 0")
    if annotation.get("iscrowd", 0) not in (0, 1):
        wrong("iscrowd", "be 0 or 1")
    area = annotation.get("area", 0)
    if not is_number(area) or area < 0:
        wrong("area", "be a finite number of at least 0")


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number, and one that a float can hold."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 1e30
