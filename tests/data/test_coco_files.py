"""Files as other tools write them: what CocoFolder and coco_metrics take, and what both refuse."""

import copy
import json
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from edudet.data.coco import CocoFolder
from edudet.data.coco_files import name_inside
from edudet.metrics import coco_evaluate, coco_metrics, rle_encode

SQUARE = [5, 6, 25, 6, 25, 16, 5, 16]
MASK = torch.zeros(40, 60, dtype=torch.bool)
MASK[6:16, 5:25] = True
SIGMAS = (0.1, 0.1)


def truth():
    """Two pictures of 60 x 40; one has two people, in all that COCO's format has."""
    one = {
        "id": 11, "image_id": 1, "category_id": 3, "bbox": [5, 6, 20, 10], "area": 200,
        "iscrowd": 0, "segmentation": [SQUARE], "keypoints": [6, 7, 2, 20, 10, 1],
        "num_keypoints": 2,
    }  # fmt: skip
    joints = {"keypoints": ["head", "foot"], "skeleton": [[1, 2]]}
    return {
        "images": [
            {"id": i, "file_name": f"{name}.png", "height": 40, "width": 60}
            for i, name in ((1, "a"), (7, "b"))
        ],
        "categories": [{"id": 3, "name": "person", **joints}, {"id": 5, "name": "cup"}],
        "annotations": [one, {**one, "id": 12, "segmentation": rle_encode(MASK)}],
    }  # fmt: skip


FOUND = [
    {"image_id": 1, "category_id": 3, "score": 0.9 - i / 10, **{
        key: truth()["annotations"][1][key] for key in ("bbox", "segmentation", "keypoints")
    }} for i in range(2)
]  # fmt: skip


@pytest.fixture
def images(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / f"{name}.png")
    return tmp_path / "images"


def opened(images, data, **options):
    path = images.parent / "a.json"
    path.write_text(json.dumps(data))
    return CocoFolder(images, path, **options)


def changed(key, place=1, **change):
    data = truth()
    record = data[key][place]
    for name, value in change.items():
        if value is ...:
            del record[name]
        else:
            record[name] = value
    return data


def annotation(**change):
    return changed("annotations", **change)


LARGE = 10**400
TAKEN = {
    "nothing changed": ("box", truth()),
    "a whole number with a point": ("mask", changed("images", 0, id=1.0, height=40.0, width=60.0)),
    "ids with a point": ("box", annotation(image_id=1.0, category_id=3.0, id=12.0)),
    "no area": ("box", annotation(area=...)),
    "no area of a mask": ("mask", annotation(area=...)),
    "an area of 0": ("box", annotation(area=0)),
    "no iscrowd": ("box", annotation(iscrowd=...)),
    "iscrowd true": ("box", annotation(iscrowd=True)),
    "iscrowd 1.0": ("box", annotation(iscrowd=1.0)),
    "a box that begins outside": ("box", annotation(bbox=[-5, -6.5, 20, 10])),
    "sides of 0": ("box", annotation(bbox=[5, 6, 0, 0])),
    "a part of two corners": ("mask", annotation(segmentation=[SQUARE, [1, 1, 9, 9]])),
    "a part of one corner, first": ("mask", annotation(segmentation=[[3, 3], SQUARE])),
    "a part of none": ("mask", annotation(segmentation=[[], SQUARE])),
    "a part of five numbers": ("mask", annotation(segmentation=[SQUARE, [1, 2, 3, 4, 5]])),
    "two corners alone": ("mask", annotation(segmentation=[[1, 1, 9, 9]])),
    "run lengths as a list": (
        "mask", annotation(segmentation={"size": [40, 60], "counts": [2400]})
    ),
    "no joints": ("keypoints", annotation(keypoints=..., num_keypoints=...)),
    "joints null": ("keypoints", annotation(keypoints=None)),
    "joints []": ("keypoints", annotation(keypoints=[])),
    "no num_keypoints": ("keypoints", annotation(num_keypoints=...)),
}  # fmt: skip
REFUSED = {
    **{f"bbox {box}": ("box", annotation(bbox=box)) for box in (
        ["5", "6", "20", "10"], "5620", [5, 6, 20], [5, 6, 20, 10, 1], [5, 6, 20, None],
        [5, 6, 20, True], [5, 6, 20, math.nan], [5, 6, math.inf, 10], [5, 6, 20, [1]], None, {},
        {"5": 1, "6": 2, "20": 3, "10": 4}, 7, [25, 6, -20, 10], [5, 16, 20, -10], [], ...,
    )},
    "bbox too large": ("box", annotation(bbox=[5, 6, 20, LARGE])),
    **{f"area {area}": ("box", annotation(area=area)) for area in (
        "200.0", None, True, -1, math.nan, math.inf, -math.inf, [200], {}, 1e300
    )},
    "area too large": ("box", annotation(area=LARGE)),
    "area of a mask": ("mask", annotation(area="200")),
    "area of a person": ("keypoints", annotation(area=-1)),
    **{f"iscrowd {flag!r}": ("box", annotation(iscrowd=flag)) for flag in (
        "0", "1", None, 2, -1, 0.5, math.nan, [0], "true"
    )},
    **{f"{key} {id_!r}": ("box", annotation(**{key: id_})) for key, known in (
        ("image_id", 1), ("category_id", 3)
    ) for id_ in (99, str(known), None, True, 1.5, math.nan, [known], {}, ...)},
    **{f"{of} id {id_!r}": ("box", changed(of, id=id_)) for of in (
        "images", "categories"
    ) for id_ in (truth()[of][0]["id"], float(truth()[of][0]["id"]), None, True, 1.5, math.nan,
                  [1], ...)},
    **{f"height {side!r}": ("mask", changed("images", height=side)) for side in (
        "40", 0, -40, 40.5, None, True, math.nan, math.inf, [40], ..., 2**40
    )},
    "width '60'": ("mask", changed("images", width="60")),
    "too many pixels": ("mask", changed("images", height=2**20, width=2**20)),
    **{f"segmentation {shape!r}"[:60]: ("mask", annotation(segmentation=shape)) for shape in (
        [], None, {}, "", "SQUARE", 5, True, [None], [5], SQUARE, ["012345"], {"0": SQUARE},
        [[*map(str, SQUARE)]], [SQUARE, ["1", "1"]], [SQUARE[:7]], [[True] * 6], [[None] * 6],
        [[0, 0, math.nan, 0, 1, 1]], [[0, 0, math.inf, 0, 1, 1]], [[0, 0, 1e7, 0, 1, 1]],
        [[0, 0, LARGE, 0, 1, 1]], [[[0, 0], [1, 1], [2, 2]]], ...,
        {"size": [60, 40], "counts": [2400]}, {"size": [40, 60], "counts": [2399]},
        {"size": [40, 60], "counts": [2401, -1]}, {"size": [40, 60], "counts": "0"},
        {"size": [40, 60], "counts": ["2400"]}, {"size": [40, 60], "counts": 2400},
        {"size": [40, 60]}, {"counts": [2400]}, {"size": "40", "counts": [2400]},
    )},
    **{f"keypoints {joints!r}": ("keypoints", annotation(keypoints=joints)) for joints in (
        [6, 7, 2], [*"672921"], [6, 7, 3, 20, 10, 1], [6, 7, 0.5, 20, 10, 1], [6, 7, -1, 20, 10, 1],
        [6, 7, None, 20, 10, 1], [6, 7, True, 20, 10, 1], [6, math.nan, 1, 20, 10, 1], "672921", 7,
    )},
    **{f"num_keypoints {number!r}": ("keypoints", annotation(num_keypoints=number)) for number in (
        "2", -1, 1.5, None, True, math.nan
    )},
    **{f"{of}[1] {record!r}": ("box", {**truth(), of: [truth()[of][0], record]}) for of in (
        "images", "categories", "annotations"
    ) for record in (4, None, "x", [])},
    **{f"{of} {value!r}": ("box", {**truth(), of: value}) for of in (
        "images", "categories", "annotations"
    ) for value in (None, {}, "text", 5)},
    **{f"no {of}": ("box", {k: v for k, v in truth().items() if k != of}) for of in (
        "images", "categories", "annotations"
    )},
    "a list": ("box", []),
}  # fmt: skip


def verdicts(images, kind, data):
    """What CocoFolder and coco_metrics say of a file, and coco_metrics of what is in it."""
    path = images.parent / "a.json"
    path.write_text(json.dumps(data))
    sigmas = {"sigmas": SIGMAS} if kind == "keypoints" else {}
    if kind != "keypoints" and isinstance(data, dict) and isinstance(data.get("categories"), list):
        data = copy.deepcopy(data)
        for category in data["categories"]:
            if isinstance(category, dict):
                category.pop("keypoints", None)
        path.write_text(json.dumps(data))
    calls = (
        lambda: CocoFolder(images, path, masks=kind == "mask"),
        lambda: coco_evaluate(path, [], kind, **sigmas),
        lambda: coco_evaluate(data, [], kind, **sigmas),
    )
    said = []
    for call in calls:
        try:
            call()
            said.append(None)
        except (ValueError, TypeError) as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize("name", TAKEN)
def test_both_take(images, name):
    kind, data = TAKEN[name]
    assert verdicts(images, kind, data) == [None] * 3
    dataset = opened(images, data, masks=kind == "mask")
    target = dataset[0][1]
    # Boxes without an area are left out.
    assert len(target["boxes"]) == 2 - (name == "sides of 0") and target["image_id"] == 1
    if "corner" in name or "part" in name:
        alone = name == "two corners alone"
        assert torch.equal(target["masks"][1], torch.zeros_like(MASK) if alone else MASK)
        assert coco_metrics(data, FOUND, "mask")["AR_100"] == (0.5 if alone else 1.0)


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(images, name):
    kind, data = REFUSED[name]
    folder, of_file, of_data = verdicts(images, kind, data)
    assert folder and of_file and of_data
    assert folder.startswith("CocoFolder: ") and of_file.startswith("coco_evaluate: ")
    assert str(images.parent / "a.json") in folder and str(images.parent / "a.json") in of_file
    # The same rule and the same place. The words for a mask that is missing altogether differ.
    if name.startswith("segmentation") and "mask as others have one" in folder:
        rule = "annotations[1] (id 12): "
        assert rule in folder and rule in of_file
    else:
        of_file = of_file.replace("coco_evaluate", "CocoFolder")
        assert folder == of_file.replace(" of ground_truth", "").replace(" or a text", "")
    if "[1]" in of_file:  # a record, and not the whole list
        assert ", line 1: " in of_file and "ground_truth[" in of_data
        if name.startswith(("bbox", "area", "iscrowd", "segm", "keyp", "num_", "image_id")):
            assert "[1] (id " in of_file and "[1] (id " in of_data


def test_texts_as_ids_are_names_to_the_metrics_alone(images):
    data = truth()
    for record in (*data["images"], *data["categories"]):
        record["id"] = str(record["id"])
    for record in data["annotations"]:
        record |= {"image_id": "1", "category_id": "3"}
    found = [{**one, "image_id": "1", "category_id": "3"} for one in FOUND]
    assert coco_metrics(data, found)["AP50"] == coco_metrics(truth(), FOUND)["AP50"] == 1.0
    with pytest.raises(ValueError, match=r"images\[0\] \(id '1'\): id must be a whole number, got"):
        opened(images, data)
    data["images"][1]["id"] = 7
    with pytest.raises(ValueError, match=r"images'\]\[1\] \(id 7\): id must be a number or a text"):
        coco_metrics(data, found)


def test_numbers_of_numpy_and_torch_are_numbers():
    data, found = truth(), copy.deepcopy(FOUND)
    for record in (*data["annotations"], *found):
        record["bbox"] = np.array(record["bbox"], dtype=np.float32)
    for record in data["annotations"]:
        record |= {"area": np.float32(200), "iscrowd": np.int64(0), "image_id": np.int64(1)}
    found[0]["score"], found[1]["score"] = torch.tensor(0.9), np.float16(0.5)
    assert coco_metrics(data, found) == coco_metrics(truth(), FOUND)
    for score in ("0.9", True, np.True_, None, math.nan, [0.9]):
        found[1]["score"] = score
        with pytest.raises(ValueError, match=r"detections\[1\]: score must be a number, got "):
            coco_metrics(data, found)


def test_detections_of_a_file_are_named_with_the_line(images):
    path = images.parent / "found.json"
    broken = [*FOUND, {**FOUND[0], "bbox": [1, 2, -3, 4]}]
    path.write_text("[\n" + ",\n".join(map(json.dumps, broken)) + "\n]")
    with pytest.raises(ValueError, match=r"found\.json, line 4: detections\[2\]: bbox must have"):
        coco_metrics(truth(), path)
    path.write_text("7")
    with pytest.raises(ValueError, match=r"found\.json: detections must be a list .*, got int"):
        coco_metrics(truth(), path)


def test_a_mask_that_is_missing_is_told_when_the_file_is_opened(images):
    for shape in ([], None, {}, ...):
        data = annotation(segmentation=shape)
        with pytest.raises(ValueError, match=r"\(id 12\): segmentation must be a mask as others"):
            opened(images, data)
        assert "masks" not in opened(images, data, masks=False)[0][1]
        data["annotations"][1]["iscrowd"] = 1
        assert len(opened(images, data, keep_crowds=False)[0][1]["masks"]) == 1
    none = truth()
    for record in none["annotations"]:
        record["segmentation"] = []
    assert "masks" not in opened(images, none)[0][1]  # of no object: a file of boxes


def peers():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return COCO, COCOeval


def peer_stats(data, found, kind, path):
    import contextlib
    import io

    COCO, COCOeval = peers()
    path.write_text(json.dumps(data))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
        evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(found)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("part", [[1, 1, 9, 9], [1, 1], [], [30, 30, 40, 30], [1, 2, 3, 4, 5]])
def test_pycocotools_finds_nothing_in_a_part_of_two_corners(images, part):
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    for shape in ([SQUARE, part], [SQUARE, part, [40, 20, 50, 20, 50, 30]]):
        data = annotation(segmentation=shape)
        theirs = peer_stats(data, FOUND, "segm", images.parent / "peer.json")
        ours = [*coco_metrics(data, FOUND, "mask").values()]
        assert ours == pytest.approx(theirs.tolist(), abs=1e-12)
        coco = peers()[0](str(images.parent / "peer.json"))
        mask = opened(images, data)[0][1]["masks"][1]
        assert np.array_equal(coco.annToMask(coco.anns[12]), mask.numpy())


def test_repeated_ids_of_annotations_are_told(images):
    """pycocotools fetches objects by their ids: the last of an id stands for all of it."""
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    data = annotation(id=11, bbox=[30, 6, 20, 10])
    found = [{**FOUND[0], "bbox": box} for box in ([5, 6, 20, 10], [30, 6, 20, 10])]
    text = r"annotations'\]\[1\] \(id 11\): id is that of ground_truth\['annotations'\]\[0\], too"
    with pytest.warns(UserWarning, match=text):
        assert coco_metrics(data, found)["AP"] == 1.0
    theirs = peer_stats(data, found, "bbox", images.parent / "peer.json")
    assert theirs[0] < 0.6
    with pytest.raises(ValueError, match=r"id must be its own, not that of annotations\[0\]"):
        opened(images, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert coco_metrics(annotation(bbox=[30, 6, 20, 10]), found)["AP"] == 1.0
        del data["annotations"][0]["id"]
        assert coco_metrics(data, found)["AP"] == 1.0


@pytest.mark.parametrize("id_", ["x", None, [1], 1.5])
def test_ids_of_annotations_are_not_looked_at_by_the_metrics(images, id_):
    data = annotation(id=id_)
    assert coco_metrics(data, FOUND)["AP50"] == 1.0
    with pytest.raises(ValueError, match="id must be a whole number, got"):
        opened(images, data)


def test_whole_paths_that_lead_into_the_folder_are_taken(images, monkeypatch):
    inside = changed("images", 0, file_name=str(images / "a.png"))
    assert len(opened(images, inside)[0][1]["boxes"]) == 2
    assert opened(images, inside).file.images[0]["file_name"] == "a.png"
    link = images.parent / "link"
    link.symlink_to(images)
    assert len(opened(link, inside)[0][1]["boxes"]) == 2        # by the folder's other name
    named = changed("images", 0, file_name=str(link / "a.png"))
    assert len(opened(images, named)[0][1]["boxes"]) == 2
    monkeypatch.chdir(images.parent)
    assert len(CocoFolder("images", "a.json")[0][1]["boxes"]) == 2
    Image.new("RGB", (60, 40)).save(images.parent / "elsewhere.png")
    (images / "a.png").unlink()
    (images / "a.png").symlink_to(images.parent / "elsewhere.png")
    assert len(opened(images, inside)[0][1]["boxes"]) == 2      # a link that somebody laid there


@pytest.mark.parametrize(
    "name",
    ["{0}.png", "{0}/../elsewhere.png", "{0}/x/../../elsewhere.png", "/etc/hosts", "../a.png", "",
     "x/../../a.png", "x\\..\\..\\a.png", "C:\\a.png", "C:a.png", "\\\\host\\a.png", "a\0.png",
     "{0}", 7, None],
)  # fmt: skip
def test_paths_that_lead_out_are_refused(images, name):
    Image.new("RGB", (60, 40)).save(images.parent / "elsewhere.png")
    name = name.format(images) if isinstance(name, str) else name
    with pytest.raises(ValueError, match="file_name must be the path of a file inside the folder"):
        opened(images, changed("images", 0, file_name=name))


def test_a_file_name_that_windows_wrote(images):
    (images / "deep").mkdir()
    (images / "a.png").rename(images / "deep" / "a.png")
    assert len(opened(images, changed("images", 0, file_name="deep\\a.png"))[0][1]["boxes"]) == 2
    with pytest.raises(FileNotFoundError, match=r"1 of 2 are missing, the first: deep\\b\.png"):
        opened(images, changed("images", 0, file_name="deep\\b.png"))


def test_names_inside(tmp_path):
    assert name_inside(tmp_path, "x/y.png") == "x/y.png"
    assert name_inside(tmp_path, f"{tmp_path}/x/y.png") == "x/y.png"
    assert name_inside(tmp_path, f"{tmp_path}x/y.png") is None
