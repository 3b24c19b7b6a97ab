"""Worked examples of reading: image ids, category ids, annotations
-> index of the image, index of the category, area and whether to ignore, for each annotation."""

from edudet.cases.case import Case

BOX = [1, 2, 3, 4]

CASES = [
    Case("none", ([7], [1], []), []),
    Case(
        "an index is the place among the sorted ids",
        ([30, 10, 20], [9, 4], [
            {"image_id": 20, "category_id": 9, "bbox": BOX, "area": 8, "iscrowd": 0},
            {"image_id": 10, "category_id": 4, "bbox": BOX, "area": 12.5, "iscrowd": 1},
        ]),
        [(1, 1, 8.0, False), (0, 0, 12.5, True)],
    ),
    Case(
        "no area and no iscrowd", ([1], [1], [{"image_id": 1, "category_id": 1, "bbox": BOX}]),
        [(0, 0, 12.0, False)], "width times height",
    ),
    Case(
        "an area of 0",
        ([1], [1], [{"image_id": 1, "category_id": 1, "bbox": BOX, "area": 0, "iscrowd": 0}]),
        [(0, 0, 0.0, False)], "is an area",
    ),
    Case(
        "ignore",
        ([1], [1], [{"image_id": 1, "category_id": 1, "bbox": BOX, "area": 8, "ignore": 1}]),
        [(0, 0, 8.0, False)], "COCO's tools look at iscrowd alone",
    ),
    Case(
        "ids may be texts",
        (["b", "a"], ["dog", "cat"], [
            {"image_id": "b", "category_id": "cat", "bbox": BOX, "area": 8},
        ]),
        [(1, 0, 8.0, False)],
    ),
]


def _read(images, categories, annotations, *, sort=True, zero_is_missing=False, box_area=False,
          ignore=("iscrowd",), from_one=False):
    if sort:
        images, categories = sorted(images), sorted(categories)
    rows = []
    for a in annotations:
        area = a.get("area")
        if area is None or (zero_is_missing and not area) or box_area:
            area = a["bbox"][2] * a["bbox"][3]
        places = (images.index(a["image_id"]), categories.index(a["category_id"]))
        if from_one and isinstance(a["image_id"], int):
            places = (a["image_id"] - 1, a["category_id"] - 1)
        rows.append((*places, float(area), any(bool(a.get(key)) for key in ignore)))
    return rows


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "ids are sorted first": lambda *args: _read(*args, sort=False),
    "an id is a name, not an index": lambda *args: _read(*args, from_one=True),
    "the area is that of the annotation, not of its box": lambda *args: _read(
        *args, box_area=True
    ),
    "an area of 0 is not a missing one": lambda *args: _read(*args, zero_is_missing=True),
    "an annotation's ignore is not looked at, as in COCO's tools": lambda *args: _read(
        *args, ignore=("iscrowd", "ignore")
    ),
}
