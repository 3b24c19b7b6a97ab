"""COCO's records, dictionaries or a file of them, as arrays.

    annotation   {"image_id": 7, "category_id": 3, "bbox": [x, y, w, h], "area": 90.5, "iscrowd": 0}
    result       {"image_id": 7, "category_id": 3, "bbox": [x, y, w, h], "score": 0.75}

with "segmentation" for masks, and "keypoints" (x, y, visibility, x, y, ...) for poses. Half a
million dictionaries are read column by column: no Python object is made for one of them. The first
record that does not fit is named in the error.
"""

import gc
import json
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from edudet.metrics.rle import MOST_PIXELS
from edudet.metrics.run_lengths import read_segmentations

KINDS = ("box", "mask", "keypoints")
Source = Any  # a dictionary or list as JSON gives it, or the path of a file that holds it


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
    truth = _loaded(function, "ground_truth", ground_truth)
    if not isinstance(truth, Mapping):
        raise TypeError(
            f"{function}: ground_truth must be a dictionary with images, annotations and "
            f"categories, or the path of one, got {type(truth).__name__}"
        )
    parts = {}
    for key in ("images", "categories", "annotations"):
        if key not in truth:
            raise ValueError(f"{function}: ground_truth must have the key {key!r}, got {[*truth]}")
        parts[key] = Records(function, f"ground_truth[{key!r}]", truth[key])
    results = _loaded(function, "detections", detections)
    found = Records(function, "detections", results)
    image_ids, category_ids = (parts[key].sorted_ids() for key in ("images", "categories"))
    places = {
        "image_id": {id_: i for i, id_ in enumerate(image_ids)},
        "category_id": {id_: i for i, id_ in enumerate(category_ids)},
    }
    sizes = _image_sizes(parts["images"], places["image_id"]) if kind == "mask" else None
    return CocoData(
        image_ids, category_ids,
        _read_objects(parts["annotations"], places, kind, sizes, num_keypoints),
        _read_detections(found, places, kind, sizes, num_keypoints),
    )


def _loaded(function: str, name: str, source: Source) -> Any:
    if not isinstance(source, (str, os.PathLike)):
        return source
    # Python looks for garbage whenever many objects were made, and JSON makes millions, none of
    # them garbage: without the search, reading takes a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(Path(source).read_bytes())
    except ValueError as error:
        raise ValueError(f"{function}: {name}: {source} is not JSON: {error}") from None
    finally:
        if collecting:
            gc.enable()


class Records:
    """A list of dictionaries, read by columns."""

    def __init__(self, function: str, name: str, records: Any) -> None:
        self.function, self.name = function, name
        if isinstance(records, Mapping) or not isinstance(records, Sequence):
            raise TypeError(
                f"{function}: {name} must be a list of dictionaries, got {type(records).__name__}"
            )
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def values(self, key: str) -> Any:
        """An iterator over the column. `column` and others find out what is wrong with it."""
        return map(itemgetter(key), self.records)

    def listed(self, key: str) -> list[Any]:
        try:
            return list(self.values(key))
        except (KeyError, TypeError):
            self._find_culprit(key, lambda value: value, "be there")
            raise

    def column(self, key: str) -> np.ndarray:
        """(N,) float64."""
        return self._array(key, lambda: self.values(key), float, "be a number")

    def optional(self, key: str, default: float) -> np.ndarray:
        """(N,) float64, `default` where a record has no such key."""
        return self._array(
            key, lambda: (record.get(key, default) for record in self.records), float,
            "be a number", needed=False,
        )

    def indices(self, key: str, places: dict[Hashable, int], rule: str) -> np.ndarray:
        """(N,) int64: where `places` has the values of the column."""
        return self._array(
            key, lambda: map(places.__getitem__, self.values(key)), places.__getitem__, rule,
            dtype=np.int64,
        )

    def rows(self, key: str, length: int, rule: str) -> np.ndarray:
        """(N, length) float64, finite: a column of lists."""
        lengths = self._array(
            key, lambda: map(len, self.values(key)), len, rule, dtype=np.int64
        )
        for i in np.flatnonzero(lengths != length)[:1]:
            self.fail(i, key, rule, self.records[i][key])
        numbers = self._array(
            key, lambda: chain.from_iterable(self.values(key)), lambda row: [*map(float, row)],
            rule, count=length,
        )
        return self.finite(key, numbers.reshape(-1, length))

    def _array(
        self, key: str, values: Callable[[], Any], convert: Callable, rule: str,
        dtype: Any = np.float64, count: int = 1, needed: bool = True,
    ) -> np.ndarray:
        try:
            return np.fromiter(values(), dtype, count * len(self))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            self._find_culprit(key, convert, rule, needed)
            raise

    def _find_culprit(self, key: str, convert: Callable, rule: str, needed: bool = True) -> None:
        for i, record in enumerate(self.records):
            if not isinstance(record, Mapping):
                raise TypeError(
                    f"{self.function}: {self.name}[{i}] must be a dictionary, "
                    f"got {type(record).__name__}"
                ) from None
            if key not in record:
                if not needed:
                    continue
                raise ValueError(
                    f"{self.function}: {self.name}[{i}] must have the key {key!r}, got {[*record]}"
                ) from None
            try:
                convert(record[key])
            except (KeyError, TypeError, ValueError, OverflowError):
                self.fail(i, key, rule, record[key])

    def fail(self, i: int, key: str, rule: str, value: Any) -> NoReturn:
        text = repr(value)
        text = text if len(text) < 80 else text[:76] + " ..."
        raise ValueError(
            f"{self.function}: {self.name}[{i}][{key!r}] must {rule}, got {text}"
        ) from None

    def finite(self, key: str, values: np.ndarray) -> np.ndarray:
        good = np.isfinite(values)
        for i in np.flatnonzero(~(good if good.ndim == 1 else good.all(1)))[:1]:
            self.fail(i, key, "be finite", self.records[i].get(key))
        return values

    def sorted_ids(self) -> list[Any]:
        try:
            return sorted(set(self.values("id")))
        except (KeyError, TypeError):
            self._find_culprit("id", hash, "be a number or a text")
            raise


BOX = "be [x, y, width, height]"


def _indices(records: Records, places: dict[str, dict]) -> list[np.ndarray]:
    return [
        records.indices(key, places[key], f"be the id of one of the {of} of ground_truth")
        for key, of in (("image_id", "images"), ("category_id", "categories"))
    ]


def _read_objects(records, places, kind, sizes, num_keypoints) -> Instances:
    image, category = _indices(records, places)
    crowd = records.finite("iscrowd", records.optional("iscrowd", 0)) != 0
    ignore, boxes = crowd, np.zeros((0, 4))
    if kind == "mask":
        regions: Any = read_segmentations(records, sizes[image])
        area = _area(records, regions.area())
    else:
        boxes = records.rows("bbox", 4, BOX)
        regions, area = boxes, _area(records, boxes[:, 2] * boxes[:, 3])
    if kind == "keypoints":
        regions = _read_keypoints(records, num_keypoints)
        area = records.finite("area", records.column("area"))  # a scale: a guess would not do
        visible = (regions[:, :, 2] > 0).sum(1)
        counted = records.finite("num_keypoints", records.optional("num_keypoints", -1))
        ignore = crowd | (np.where(counted < 0, visible, counted) == 0)
    return Instances(image, category, area, regions, np.zeros(len(records)), crowd, ignore, boxes)


def _area(records: Records, of_region: np.ndarray) -> np.ndarray:
    """The area that a record names; that of its region if it names none."""
    area = records.optional("area", -np.inf)
    return records.finite("area", np.where(area == -np.inf, of_region, area))


def _read_detections(records, places, kind, sizes, num_keypoints) -> Instances:
    image, category = _indices(records, places)
    score = records.column("score")
    for i in np.flatnonzero(np.isnan(score))[:1]:
        records.fail(i, "score", "be a number", float(score[i]))
    # As in COCO's tools, the first record decides whose area is compared with the limits.
    first = records.records[0] if len(records) else {}
    boxes = np.zeros((0, 4))
    if kind == "box" or first.get("bbox", []) != []:
        boxes = records.rows("bbox", 4, BOX)
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


def _read_keypoints(records: Records, num_keypoints: int) -> np.ndarray:
    """(N, K, 3): x, y, visibility (of a detection: anything)."""
    rule = f"be x, y, visibility of each of {num_keypoints} keypoints"
    return records.rows("keypoints", 3 * num_keypoints, rule).reshape(-1, num_keypoints, 3)


def _image_sizes(images: Records, places: dict) -> np.ndarray:
    """(number of images, 2) int64: height, width."""
    sizes = np.zeros((len(places), 2), dtype=np.int64)
    index = images.indices("id", places, "be an id")
    for column, key in enumerate(("height", "width")):
        values = images.column(key)
        for i in np.flatnonzero(~((values >= 0) & (values < 2**31) & (values % 1 == 0)))[:1]:
            images.fail(i, key, "be a whole number of pixels", float(values[i]))
        sizes[index, column] = values
    for i in np.flatnonzero(sizes.prod(1)[index] > MOST_PIXELS)[:1]:
        images.fail(i, "height", "make less than 2^31 pixels", images.records[i]["height"])
    return sizes
