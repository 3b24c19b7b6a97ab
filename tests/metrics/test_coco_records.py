import json
import math

import numpy as np
import pytest

from edudet.cases.metrics.coco_records import CASES, MISTAKES
from edudet.metrics.coco_records import read_coco


def rows_of(images, categories, annotations):
    truth = {
        "images": [{"id": i} for i in images],
        "categories": [{"id": i} for i in categories],
        "annotations": annotations,
    }
    read = read_coco("read_coco", truth, [], "box").objects
    columns = (read.image, read.category, read.area, read.ignore)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    assert rows_of(*case.args) == case.expected


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    def outcome(case):
        try:
            return mistake(*case.args)
        except TypeError:  # a text is no index
            return None

    assert any(outcome(case) != case.expected for case in CASES)


BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
MASK = {"size": [4, 4], "counts": [2, 2, 12]}
POSE = [1, 2, 2] * 17


def truth(**change):
    annotation = {**BOX, "area": 12, "segmentation": [[0, 0, 2, 0, 2, 2]], "keypoints": POSE}
    images = [{"id": 1, "height": 4, "width": 4}]
    return {"images": images, "categories": [{"id": 1}], "annotations": [annotation]} | change


def annotations(**change):
    good = truth()["annotations"][0]
    return truth(annotations=[good, {**good, **change}])


def without(key):
    good = truth()["annotations"][0]
    return truth(annotations=[good, {k: v for k, v in good.items() if k != key}])


def detection(**change):
    return [{**BOX, "score": 0.5, "segmentation": MASK, "keypoints": POSE}] * 2 + [
        {**BOX, "score": 0.5, "segmentation": MASK, "keypoints": POSE, **change}
    ]


def test_areas_of_detections():
    """As pycocotools: of the box if the first record has one, else of the mask, else the extent."""
    extent = [0, 0, 2, 5, 4, 1] + [1, 1, 1] * 15
    records = [{**BOX, "score": 1, "segmentation": MASK, "keypoints": extent}]
    for kind in ("box", "mask", "keypoints"):
        assert read_coco("f", truth(), records, kind).detections.area.tolist() == [12]
    del records[0]["bbox"]
    assert read_coco("f", truth(), records, "mask").detections.area.tolist() == [2]
    assert read_coco("f", truth(), records, "keypoints").detections.area.tolist() == [20]


def test_masks_of_every_form():
    shapes = [
        [[0, 0, 2, 0, 2, 2, 0, 2]],
        {"size": [4, 4], "counts": [0, 2, 2, 2, 10]},
        {"size": (4, 4), "counts": "02208"},
        {"size": [4, 4], "counts": b"02208"},
    ]
    found = [{**BOX, "score": 1, "segmentation": shape} for shape in shapes]
    masks = read_coco("f", truth(), found, "mask").detections.regions
    assert [masks.one(i) for i in range(4)] == [[0, 2, 2, 2, 10]] * 4
    assert masks[np.array([2, 0])].area().tolist() == [4, 4]


def test_paths(tmp_path):
    places = [tmp_path / "truth.json", str(tmp_path / "found.json")]
    for place, content in zip(places, (truth(), detection()), strict=True):
        with open(place, "w") as file:
            json.dump(content, file)
    data = read_coco("f", *places, "box")
    assert len(data.objects) == 1 and len(data.detections) == 3
    with pytest.raises(OSError, match="nowhere"):
        read_coco("f", tmp_path / "nowhere.json", [], "box")
    (tmp_path / "broken.json").write_text('{"images": [')
    with pytest.raises(ValueError, match=r"f: .*broken\.json, line 1, column 13: must be JSON"):
        read_coco("f", tmp_path / "broken.json", [], "box")


@pytest.mark.parametrize(
    ("ground_truth", "detections", "kind", "error", "message"),
    [
        (truth(), [], "bbox", ValueError, "kind must be one of box, mask, keypoints, got 'bbox'"),
        ([], [], "box", TypeError, "ground_truth must be a dictionary .* got list"),
        ({"images": []}, [], "box", ValueError, "ground_truth must have 'categories', got"),
        (truth(images={}), [], "box", TypeError, r"ground_truth\['images'\] must be a list of"),
        (truth(images=[{}]), [], "box", ValueError, r"ground_truth\['images'\]\[0\]: .* key 'id'"),
        (truth(images=[{"id": [1]}]), [], "box", ValueError, r".*\[0\] .*: id must be a whole n"),
        (truth(), {"annotations": []}, "box", ValueError, "detections must have 'images', got"),
        (truth(), [3], "box", TypeError, r"detections\[0\] must be a dictionary, got int"),
        (annotations(image_id=2), [], "box", ValueError,
         r"ground_truth\['annotations'\]\[1\]: image_id must be the id of one of the images of "
         "ground_truth, got 2"),
        (annotations(category_id=9), [], "box", ValueError,
         r".*\[1\]: category_id must be the id of one of the categories of .*, got 9"),
        (without("bbox"), [], "box", ValueError, r".*\[1\]: must have the key 'bbox', got \["),
        (without("area"), [], "keypoints", ValueError, r".*\[1\]: must have the key 'area'"),
        (annotations(iscrowd=None), [], "box", ValueError, r".*\[1\]: iscrowd must be 0 or 1"),
        (truth(images=[{"id": 1, "height": 2**20, "width": 2**20}]), [], "mask", ValueError,
         r".*\[0\] \(id 1\): height must make less than 2\^31 pixels, got 1048576"),
        (annotations(area="big"), [], "box", ValueError,
         r".*\[1\]: area must be a finite number of at least 0, got 'big'"),
        (annotations(area=math.nan), [], "box", ValueError,
         r".*\[1\]: area must be a finite number of at least 0, got nan"),
        (annotations(keypoints=POSE[:50]), [], "keypoints", ValueError,
         r".*\[1\]: keypoints must be x, y and v of each of 17 joints, got \[1, 2"),
        (annotations(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), [], "mask", ValueError,
         r".*\[1\]: segmentation must have x and y of each corner of each polygon"),
        (annotations(segmentation=[]), [], "mask", ValueError, r".* must be a list of polygons"),
        (annotations(segmentation={"size": [4, 5], "counts": "b0"}), [], "mask", ValueError,
         r".*\[1\]: segmentation must have the size of its image, \[4, 4\], got"),
        (annotations(segmentation={"size": [4, 4], "counts": [3]}), [], "mask", ValueError,
         r".*\[1\]: segmentation must have counts that are not negative and add up to"),
        (annotations(segmentation={"size": [4, 4], "counts": "oooooooooooooooo"}), [], "mask",
         ValueError, r".*\[1\]: segmentation must have counts that are not negative and"),
        (truth(images=[{"id": 1}]), [], "mask", ValueError, ".* must have the key 'height'"),
        (truth(images=[{"id": 1, "height": 4.5, "width": 2}]), [], "mask", ValueError,
         r".*\[0\] \(id 1\): height must be a whole number of pixels, at least 1, got 4.5"),
        (truth(), detection(image_id=3), "box", ValueError,
         r"detections\[2\]: image_id must be the id of one of the images .* got 3"),
        (truth(), detection(image_id=[3]), "box", ValueError, r"detections\[2\]: image_id mus"),
        (truth(), detection(score=math.nan), "box", ValueError,
         r"detections\[2\]: score must be a number, got nan"),
        (truth(), detection(score=None), "box", ValueError, r"detections\[2\]: score must be "),
        (truth(), detection(bbox=[1, 2, 3]), "box", ValueError,
         r"detections\[2\]: bbox must be four finite numbers: .*, got \[1, 2, 3\]"),
        (truth(), detection(bbox=7), "box", ValueError, r"detections\[2\]: bbox must be four"),
        (truth(), detection(bbox=[1, 2, 3, math.inf]), "box", ValueError,
         r"detections\[2\]: bbox must be four finite .*, got \[1, 2, 3, inf\]"),
        (truth(), detection(bbox=[1, 2, 3, None]), "box", ValueError, r"detections\[2\]: bbox m"),
        (truth(), [{**BOX, "score": 1}], "mask", ValueError, r".*\[0\]: must have the key 'segmen"),
        (truth(), detection(segmentation={"size": [4, 4]}), "mask", ValueError,
         r"detections\[2\]: segmentation must have size and counts"),
        (truth(), [{**BOX, "score": 1}], "keypoints", ValueError, r".* must have the key 'keypoin"),
    ],
)  # fmt: skip
def test_errors(ground_truth, detections, kind, error, message):
    with pytest.raises(error, match="^coco_metrics: " + message):
        read_coco("coco_metrics", ground_truth, detections, kind)
