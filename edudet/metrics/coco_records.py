"""COCO's records, dictionaries or a file of them, as arrays; and the rules of the format.

    annotation   {"image_id": 7, "category_id": 3, "bbox": [x, y, w, h], "area": 90.5, "iscrowd": 0}
    result       {"image_id": 7, "category_id": 3, "bbox": [x, y, w, h], "score": 0.75}

with "segmentation" for masks, and "keypoints" (x, y, visibility, x, y, ...) for poses. What may
stand in them is said once, in the `read_...` below: `coco_metrics` and `edudet.data.CocoFolder`
refuse the same files, but for ids: here they are names, and may be texts.
"""

import os
import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from edudet.metrics.rle import MOST_PIXELS
from edudet.metrics.run_lengths import read_segmentations
from edudet.records import MOST, Records, read_json

KINDS = ("box", "mask", "keypoints")
LISTS = ("images", "categories", "annotations")
Source = Any  # a dictionary or list as JSON gives it, or the path of a file that holds it
Places = Mapping[Hashable, int]


@dataclass
class Instances:
    """The objects, or the detections, in the order in which they were given."""

    image: np.ndarray      # (N,) int64: index into CocoData.image_ids
    category: np.ndarray   # (N,) int64: index into CocoData.category_ids
    area: np.ndarray       # (N,) float64
    regions: Any           # boxes (N, 4) xywh, `RunLengths`, or keypoints (N, K, 3)
    score: np.ndarray      # (N,) float64; of objects: 0
    crowd: np.ndarray      # (N,) bool; of detections: False
    ignore: np.ndarray     # (N,) bool: need not be found
    boxes: np.ndarray      # (N, 4) xywh, where the kind needs them beside the regions

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, which: np.ndarray) -> "Instances":
        columns = [getattr(self, field.name) for field in fields(self)]
        return Instances(*(column[which] if len(column) else column for column in columns))


@dataclass
class CocoData:
    image_ids: list[Hashable]      # sorted
    category_ids: list[Hashable]   # sorted
    objects: Instances
    detections: Instances


def read_coco(
    function: str, ground_truth: Source, detections: Source, kind: str, num_keypoints: int = 17
) -> CocoData:
    """Return the arrays; `function` heads the texts of errors.

    Raises:
        TypeError, ValueError: an argument or a record is not what COCO's formats say. Scores must
            not be NaN; boxes, areas and keypoints must be finite.
    """
    if kind not in KINDS:
        raise ValueError(f"{function}: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    truth = read_lists(function, "ground_truth", *_loaded(function, ground_truth))
    ids = {key: truth[key].ids(texts=True) for key in ("images", "categories")}
    image_ids, category_ids = (sorted(ids[key]) for key in ("images", "categories"))
    places: dict[str, Places] = {
        "image_id": {id_: i for i, id_ in enumerate(image_ids)},
        "category_id": {id_: i for i, id_ in enumerate(category_ids)},
    }
    _tell_repeated_ids(truth["annotations"])
    sizes = np.zeros((0, 2), np.int64)
    if kind == "mask":
        sizes = read_sizes(truth["images"])[[ids["images"][id_] for id_ in image_ids]]
    objects = _read_objects(truth["annotations"], places, kind, sizes, num_keypoints)
    path, data = _loaded(function, detections)
    if isinstance(data, Mapping):
        found = read_lists(function, "detections", path, data)
        places = {
            "image_id": _alike(
                found["images"], truth["images"], "file_name", places["image_id"], all_known=True
            ),
            "category_id": _alike(
                found["categories"], truth["categories"], "name", places["category_id"],
                all_known=False,
            ),
        }
        instances = _read_detections(
            found["annotations"], places, kind, sizes, num_keypoints, alone=True
        )
        instances = instances[instances.category >= 0]
    else:
        records = Records(function, "detections", data, path=path)
        instances = _read_detections(records, places, kind, sizes, num_keypoints, alone=False)
    return CocoData(image_ids, category_ids, objects, instances)


def read_lists(function: str, name: str, path: Path | None, data: Any) -> dict[str, Records]:
    """The images, categories and annotations of a dictionary, which may be that of a file."""
    if not isinstance(data, Mapping):
        got = type(data).__name__
        if path:
            raise ValueError(f"{function}: {path}: must have a list 'images', got {got}")
        raise TypeError(
            f"{function}: {name} must be a dictionary with images, annotations and "
            f"categories, or the path of one, got {got}"
        )
    for key in LISTS:
        if key not in data:
            rule = f"{path}: must have a list {key!r}" if path else f"{name} must have {key!r}"
            raise ValueError(f"{function}: {rule}, got {[*data]}")
    return {key: Records(function, name, data[key], key, path) for key in LISTS}


def _loaded(function: str, source: Source) -> tuple[Path | None, Any]:
    if not isinstance(source, (str, os.PathLike)):
        return None, source
    return Path(source), read_json(function, Path(source))


def _tell_repeated_ids(annotations: Records) -> None:
    """An object is a record here, whatever its id. COCO's tools fetch it by its id."""
    if not annotations.has("id").all():
        return
    i, other = annotations.repeated("id") or (0, 0)
    if i:
        what = f"{annotations.place(i)}: id is that of {annotations.name}[{other}], too"
        warnings.warn(
            f"{what}: each counts here; pycocotools takes one for the other, and gives "
            "other numbers", stacklevel=5,
        )  # fmt: skip


def _alike(
    found: Records, truth: Records, key: str, places: Places, all_known: bool
) -> Places:
    """Id of an image or a class in a file of detections -> its place in the ground truth, by its
    name where both sides have names: a detector numbers the files that it was given.
    all_known: whether there must be no name that the ground truth does not have; else: at -1."""
    ids = found.ids(texts=True)
    if not (len(found) and found.has(key).all() and truth.has(key).all()):
        return places
    for records in (found, truth):
        texts = [isinstance(name, str) for name in records.listed(key)]
        records.where(key, np.array(texts, dtype=bool), "be a text")
        records.unique(key)
    names = {record[key]: places[record["id"]] for record in truth.records}
    if all_known:
        known = [name in names for name in found.listed(key)]
        found.where(key, np.array(known, dtype=bool), f"be that of one of {truth.name}")
    return {id_: names.get(found.records[i][key], -1) for id_, i in ids.items()}


def read_sizes(images: Records) -> np.ndarray:
    """(N, 2) int64: height, width."""
    rule = "be a whole number of pixels, at least 1"
    height, width = images.whole("height", rule), images.whole("width", rule)
    for key, side in (("height", height), ("width", width)):
        images.where(key, side >= 1, rule)
    images.where("height", height * width <= MOST_PIXELS, "make less than 2^31 pixels")
    return np.stack([height, width], 1).astype(np.int64)


def read_places(records: Records, key: str, places: Places, of: str = "") -> np.ndarray:
    """(N,) int64: where `places` has the values of a column, image_id or category_id."""
    list_ = {"image_id": "images", "category_id": "categories"}[key]
    return records.places(key, places, f"be the id of one of the {list_}{of}")


def read_boxes(records: Records) -> np.ndarray:
    """(N, 4) float64: x, y, width, height."""
    boxes = records.rows("bbox", 4, "be four finite numbers: x, y, width, height")
    records.where("bbox", (boxes[:, 2:] >= 0).all(1), "have a width and a height of at least 0")
    return boxes


def read_areas(records: Records, default: np.ndarray | None = None) -> np.ndarray:
    """(N,) float64. `default`: of records that name none."""
    rule = "be a finite number of at least 0"
    areas = records.numbers("area", rule, None if default is None else 0.0)
    records.where("area", (areas >= 0) & (areas < MOST), rule)
    return areas if default is None else np.where(records.has("area"), areas, default)


def read_crowds(records: Records) -> np.ndarray:
    """(N,) bool. `true` is no number elsewhere; here it says what 1 says."""
    flags = [record.get("iscrowd", 0) for record in records.dicts()]
    kinds = (bool, np.bool_, int, float, np.integer, np.floating)
    good = [isinstance(flag, kinds) and flag in (0, 1) for flag in flags]
    records.where("iscrowd", np.array(good, dtype=bool), "be 0 or 1")
    return np.array(flags, dtype=bool)


def read_joints(records: Records, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The joints of people, (N, K, 3) float64, and how many count, (N,). One that has no joints,
    such as a crowd, has zeros. v: 0 not labelled, 1 hidden, 2 seen."""
    joints = _read_keypoints(records, number, [0] * (3 * number))
    v = joints[:, :, 2]
    records.where("keypoints", ((v == 0) | (v == 1) | (v == 2)).all(1), "have v of 0, 1 or 2")
    rule = "be a whole number of at least 0"
    counted = records.whole("num_keypoints", rule, 0.0)
    records.where("num_keypoints", counted >= 0, rule)
    return joints, np.where(records.has("num_keypoints"), counted, (v > 0).sum(1))


def _read_keypoints(records: Records, number: int, none: list[int] | None = None) -> np.ndarray:
    """(N, K, 3): x, y, v (of a detection: anything). `none`: what stands for no joints."""
    rule = f"be x, y and v of each of {number} joints"
    return records.rows("keypoints", 3 * number, rule, none).reshape(-1, number, 3)


def _read_objects(
    records: Records, places: Mapping[str, Places], kind: str, sizes: np.ndarray, num_keypoints: int
) -> Instances:
    image, category = (
        read_places(records, key, places[key], " of ground_truth")
        for key in ("image_id", "category_id")
    )
    crowd = read_crowds(records)
    ignore, boxes = crowd, np.zeros((0, 4))
    if kind == "mask":
        regions: Any = read_segmentations(records, sizes[image])
        area = read_areas(records, regions.area())
    else:
        regions = boxes = read_boxes(records)
        area = read_areas(records, boxes[:, 2] * boxes[:, 3])
    if kind == "keypoints":
        regions, counted = read_joints(records, num_keypoints)
        area = read_areas(records)  # a scale: a guess would not do
        ignore = crowd | (counted == 0)
    return Instances(image, category, area, regions, np.zeros(len(records)), crowd, ignore, boxes)


def _read_detections(
    records: Records, places: Mapping[str, Places], kind: str, sizes: np.ndarray,
    num_keypoints: int, alone: bool,
) -> Instances:
    """alone: whether the area of a mask or a person is its own, though it has a box, too."""
    image, category = (
        read_places(records, key, places[key], " of ground_truth")
        for key in ("image_id", "category_id")
    )
    score = records.numbers("score", "be a number")
    records.where("score", ~np.isnan(score), "be a number")
    # As in COCO's tools, the first record decides whose area is compared with the limits.
    first = records.records[0] if len(records) else {}
    boxes = np.zeros((0, 4))
    if kind == "box" or (not alone and first.get("bbox", []) != []):
        boxes = read_boxes(records)
    regions: Any = boxes
    if kind == "mask":
        regions = read_segmentations(records, sizes[image])
        area = regions.area()
    elif kind == "keypoints":
        regions = _read_keypoints(records, num_keypoints)
        x, y = regions[:, :, 0], regions[:, :, 1]
        area = np.ptp(x, axis=1) * np.ptp(y, axis=1)
    if len(boxes):
        area = boxes[:, 2] * boxes[:, 3]
    elif kind == "box":
        area = np.zeros(0)
    none = np.zeros(len(records), dtype=bool)
    return Instances(image, category, area, regions, score, none, none, boxes)
