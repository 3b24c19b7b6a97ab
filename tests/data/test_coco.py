import contextlib
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edudet.data.coco import CocoFolder, detections_to_coco, to_coco, write_coco
from edudet.data.scenes import Scenes
from edudet.metrics import coco_evaluate, coco_metrics, rle_encode

# 8 columns, 6 rows. Category ids with gaps and out of order, an image without objects, polygons of
# two pieces, run lengths in both codes, a crowd, a person without joints.
SQUARE = torch.zeros(6, 8, dtype=torch.bool)
SQUARE[1:4, 2:5] = True


def truth():
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "height": 6, "width": 8},
            {"id": 3, "file_name": "deep/b.png", "height": 6, "width": 8},
        ],
        "categories": [
            {"id": 90, "name": "cup"},
            {
                "id": 1, "name": "person", "keypoints": ["nose", "left_hand", "right_hand"],
                "skeleton": [[1, 2], [1, 3]],
            },
        ],
        "annotations": [
            {
                "id": 11, "image_id": 7, "category_id": 90, "bbox": [2, 1, 3, 3], "area": 9.5,
                "iscrowd": 0, "segmentation": rle_encode(SQUARE),
            },
            {
                "id": 12, "image_id": 7, "category_id": 1, "bbox": [0.5, 1, 4.5, 4], "area": 5,
                "iscrowd": 0, "segmentation": [[0.5, 1, 2, 1, 2, 5], [3, 1, 5, 1, 5, 5, 3, 5]],
                "keypoints": [1, 2, 2, 4, 3, 1, 6, 5, 0], "num_keypoints": 2,
            },
            {
                "id": 13, "image_id": 7, "category_id": 1, "bbox": [6, 0, 2, 6], "area": 12,
                "iscrowd": 1, "segmentation": {"size": [6, 8], "counts": [36, 12]},
            },
        ],
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images" / "deep").mkdir(parents=True)
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    Image.fromarray(pixels[:, :, 0]).save(tmp_path / "images" / "deep" / "b.png")
    return tmp_path


def opened(folder, data, **options):
    text = data if isinstance(data, str) else json.dumps(data, indent=1)
    (folder / "a.json").write_text(text)
    return CocoFolder(folder / "images", folder / "a.json", **options)


def quietly(function, *args):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*args)


def test_what_is_read(folder):
    dataset = opened(folder, truth())
    assert dataset.categories == ("person", "cup") and dataset.category_ids == (1, 90)
    assert dataset.joints == ("nose", "left_hand", "right_hand")
    assert dataset.skeleton == ((0, 1), (0, 2)) and dataset.flip_pairs == ((1, 2),)
    image, target = dataset[0]
    pixels = torch.arange(6 * 8 * 3).reshape(6, 8, 3).movedim(-1, 0)
    assert torch.equal(image, pixels.float() / 255)
    assert target["boxes"].tolist() == [[2, 1, 5, 4], [0.5, 1, 5, 5], [6, 0, 8, 6]]
    assert target["labels"].tolist() == [2, 1, 1] and target["labels"].dtype == torch.int64
    assert target["iscrowd"].tolist() == [False, False, True]
    assert target["area"].tolist() == [9.5, 5, 12] and target["image_id"] == 7
    assert target["keypoints"].tolist() == [
        [[0, 0, 0]] * 3, [[1, 2, 2], [4, 3, 1], [0, 0, 0]], [[0, 0, 0]] * 3
    ]  # fmt: skip


def test_masks_are_those_of_pycocotools(folder):
    dataset = opened(folder, truth())
    coco = quietly(COCO, folder / "a.json")
    expected = [coco.annToMask(coco.anns[id_]) for id_ in (11, 12, 13)]
    masks = dataset[0][1]["masks"]
    assert torch.equal(masks, torch.from_numpy(np.stack(expected)).bool())
    assert torch.equal(masks[0], SQUARE) and masks[2, :, 6:].all() and masks[2].sum() == 12


def test_an_image_without_objects(folder):
    image, target = opened(folder, truth())[1]
    assert image.shape == (3, 6, 8) and torch.equal(image[0], image[2])  # it is grey
    shapes = {key: tuple(target[key].shape) for key in target if key != "image_id"}
    assert shapes == {
        "boxes": (0, 4), "labels": (0,), "iscrowd": (0,), "area": (0,), "masks": (0, 6, 8),
        "keypoints": (0, 3, 3),
    }  # fmt: skip
    assert target["masks"].dtype == target["iscrowd"].dtype == torch.bool


def test_options(folder):
    without = opened(folder, truth(), keep_crowds=False)
    assert without[0][1]["iscrowd"].tolist() == [False, False]
    assert "masks" not in opened(folder, truth(), masks=False)[0][1]


def test_boxes_are_cut_off_and_empty_ones_counted(folder):
    data = truth()
    data["annotations"][0]["bbox"] = [-2, 1, 5, 50.0]
    data["annotations"][1]["bbox"] = [3, 1, 0, 2]
    data["annotations"][2]["bbox"] = [8, 0, 2, 2]  # beyond the right border
    dataset = opened(folder, data)
    assert dataset[0][1]["boxes"].tolist() == [[0, 1, 3, 6]]
    assert dataset.dropped == [12, 13]


def test_area_is_that_of_the_mask_or_the_box(folder):
    data = truth()
    for annotation in data["annotations"]:
        del annotation["area"]
    with_masks, without = (opened(folder, data, masks=masks)[0][1] for masks in (True, False))
    assert with_masks["area"].tolist() == with_masks["masks"].sum((1, 2)).tolist()
    assert without["area"].tolist() == [9, 18, 12]


def with_(change, data=None):
    data = data or truth()
    change(data)
    return data


def annotation(**values):
    return with_(lambda data: data["annotations"][1].update(values))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"images": [],\n "categories": [}', r"a\.json, line 2, column 17: must be JSON, got"),
        ("[" * 100_000, r"a\.json: must be JSON, got: .*recursion"),
        ("[]", r"a\.json: must have a list 'images'"),
        ({"images": [], "categories": []}, "must have a list 'annotations'"),
        (annotation(image_id=5), r"line 62: annotations\[1\] \(id 12\): image_id must be the id of "
         "one of the images, got 5"),
        (annotation(category_id=2), r"\(id 12\): category_id must be the id of one of the categ"),
        (annotation(bbox=[1, 2, 3]), r"bbox must be four finite numbers.*, got \[1, 2, 3\]"),
        (annotation(bbox=[1, 2, 3, None]), "bbox must be four finite numbers"),
        (annotation(bbox=[1, 2, 3, float("nan")]), "bbox must be four finite numbers"),
        (annotation(bbox=[1, 2, 3, 10**400]), "bbox must be four finite numbers"),
        (annotation(bbox=[5, 2, -3, 1]), "bbox must have a width and a height of at least 0"),
        (annotation(iscrowd=2), "iscrowd must be 0 or 1, got 2"),
        (annotation(area=-1), "area must be a finite number of at least 0, got -1"),
        (annotation(id=11), r"annotations\[1\] \(id 11\): id must be its own, not that of "
         r"annotations\[0\]"),
        (annotation(id="x"), "id must be a whole number, got 'x'"),
        (with_(lambda d: d["annotations"].append(4)), r"annotations\[3\]: must be a dict"),
        (with_(lambda d: d["images"][1].update(id=7)), r"images\[1\] \(id 7\): id must be its own"),
        (with_(lambda d: d["images"][0].update(height=0)), "height must be a whole number of pix"),
        (with_(lambda d: d["images"][0].update(file_name="../a.png")), "file_name must be the pa"),
        (with_(lambda d: d["images"][0].update(file_name="/etc/hosts")), "inside the folder"),
        (with_(lambda d: d["images"][0].update(file_name="c:\\x.png")), "inside the folder"),
        (with_(lambda d: d["categories"][0].update(id=1)), "id must be its own"),
        (with_(lambda d: d["categories"][0].update(name="person")), "name must be its own, "),
        (with_(lambda d: d["categories"][1].update(skeleton=[[0, 1]])), "numbers from 1 to 3"),
        (with_(lambda d: d["categories"][0].update(keypoints=["x"])), "be those of the other cat"),
    ],
)  # fmt: skip
def test_broken_files_are_named_with_line_and_record(folder, data, message):
    with pytest.raises(ValueError, match=message) as error:
        opened(folder, data)
    assert str(folder / "a.json") in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (annotation(segmentation=[]), "segmentation must be a mask as others have one"),
        (annotation(segmentation=[[1] * 7]), "segmentation must have x and y of each corner"),
        (annotation(segmentation={"size": [8, 6], "counts": [48]}), r"size of its image, \[6, 8\]"),
        (annotation(segmentation={"size": [6, 8], "counts": [4]}), "counts that are not negat"),
        (annotation(segmentation={"size": [6, 8]}), "segmentation must have size and counts"),
        (annotation(keypoints=[1, 2, 2]), "keypoints must be x, y and v of each of 3 joints"),
        (annotation(keypoints=[1, 2, 3] * 3), "keypoints must have v of 0, 1 or 2"),
    ],
)
def test_broken_masks_and_joints_are_named_when_the_file_is_opened(folder, data, message):
    lines = json.dumps(data, indent=1).splitlines()
    line = lines.index('   "id": 12,')  # the record begins on the line above, counted from 1
    with pytest.raises(ValueError, match=rf"a\.json, line {line}: annotations\[1\].*{message}"):
        opened(folder, data)
    if "segmentation" in message:
        assert "masks" not in opened(folder, data, masks=False)[0][1]


def test_the_line_is_that_of_the_record_in_any_layout(folder):
    data = annotation(iscrowd=5)
    text = '{"annotations": [1, 2], "x": {"annotations": [3]},\n' + json.dumps(data)[1:]
    text = text.replace('"annotations": [{"id": 11', '"annotations":[\n\n{"id": 11')
    text = text.replace('{"id": 12', '\n{\n"id": 12')
    line = text[: text.index('{\n"id": 12')].count("\n") + 1
    with pytest.raises(ValueError, match=rf"line {line}: annotations\[1\]"):
        opened(folder, text)


def test_missing_folders_and_images(folder):
    with pytest.raises(FileNotFoundError, match=r"images must be a folder, got \S*none"):
        CocoFolder(folder / "none", folder / "a.json")
    with pytest.raises(FileNotFoundError, match=r"annotations must be a JSON file, got \S*none"):
        CocoFolder(folder / "images", folder / "none.json")
    (folder / "images" / "deep" / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 are missing, the first: deep/b\.png"):
        opened(folder, truth())


def test_broken_images_and_wrong_sizes_are_named(folder):
    dataset = opened(folder, truth())
    (folder / "images" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.png must be a picture"):
        dataset[0]
    data = with_(lambda d: d["images"][1].update(height=7))
    with pytest.raises(ValueError, match=r"b\.png must be 7 x 8 pixels .* got 6 x 8"):
        opened(folder, data)[1]


def assert_same(got, expected, keys):
    assert torch.equal(got[0], expected[0])
    for key in keys:
        assert torch.equal(got[1][key], expected[1][key]), key
    assert got[1]["image_id"] == expected[1]["image_id"]


KEYS = ("boxes", "labels", "masks", "keypoints", "area", "iscrowd")


def test_written_and_read_again(folder, tmp_path):
    first = opened(folder, truth())
    path = write_coco(first, tmp_path / "copy")
    second = CocoFolder(tmp_path / "copy" / "images", path)
    for name in ("categories", "category_ids", "joints", "skeleton"):
        assert getattr(second, name) == getattr(first, name)
    for i in range(2):
        assert_same(second[i], first[i], KEYS)
    written = json.loads(path.read_text())["annotations"][1]
    assert written["keypoints"] == [1, 2, 2, 4, 3, 1, 0, 0, 0] and written["num_keypoints"] == 2
    assert all(type(v) is int for v in written["keypoints"][2::3])


@pytest.mark.parametrize("level", ["people", "crowded"])
def test_scenes_written_and_read(level, tmp_path):
    scenes = Scenes(level, length=3)
    path = write_coco(scenes, tmp_path)
    dataset = CocoFolder(tmp_path / "images", path)
    assert dataset.categories == tuple(scenes.categories)
    for i in range(3):
        image, target = dataset[i]
        assert (image - scenes[i][0]).abs().max() <= 0.5 / 255 + 1e-6
        assert_same((image, target), (image, scenes[i][1]), KEYS)
    coco = quietly(COCO, path)
    masks = [coco.annToMask(one) for one in coco.loadAnns(coco.getAnnIds([1]))]
    assert np.array_equal(np.stack(masks), scenes[1][1]["masks"].numpy())


def guesses(scenes, generator):
    """Detections that are sometimes right: the ground truth, shaken."""
    outputs = []
    for _, target in scenes:
        n = len(target["boxes"])
        shift = torch.randint(-2, 3, (n, 2), generator=generator)
        masks = [
            torch.roll(mask, (int(dy), int(dx)), (0, 1))
            for mask, (dx, dy) in zip(target["masks"], shift, strict=True)
        ]
        keypoints = target["keypoints"].clone()
        keypoints[..., :2] += shift[:, None]
        outputs.append({
            "boxes": target["boxes"] + shift.repeat(1, 2), "labels": target["labels"],
            "scores": torch.rand(n, generator=generator),
            "masks": torch.stack(masks)[:, None].float() * 0.9 if n else torch.zeros(0, 1, 9, 9),
            "keypoints": keypoints,
        })  # fmt: skip
    return outputs


@pytest.mark.parametrize("kind", ["box", "mask", "keypoints"])
def test_pycocotools_measures_the_same(kind, tmp_path):
    scenes = Scenes("people", length=6)
    items = [scenes[i] for i in range(6)]
    ids = [target["image_id"] for _, target in items]
    ground_truth = to_coco([t for _, t in items], scenes.categories)
    outputs = guesses(items, torch.Generator().manual_seed(0))
    found = detections_to_coco(outputs, ids, kind=kind)
    sigmas = np.linspace(0.02, 0.1, 14) if kind == "keypoints" else None
    ours = coco_evaluate(ground_truth, found, kind, sigmas=sigmas).metrics
    assert 0.05 < ours["AP"] < 0.95
    coco = COCO()
    coco.dataset = ground_truth
    quietly(coco.createIndex)
    named = {"box": "bbox", "mask": "segm", "keypoints": "keypoints"}[kind]
    evaluation = COCOeval(coco, quietly(coco.loadRes, found), named)
    if sigmas is not None:
        evaluation.params.kpt_oks_sigmas = sigmas
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        quietly(step)
    assert list(ours.values()) == pytest.approx(evaluation.stats.tolist(), abs=1e-9)


def test_perfect_detections_of_a_folder_with_gaps_in_its_ids(folder):
    dataset = opened(folder, truth())
    target = dataset[0][1]
    single = ~target["iscrowd"]
    output = {key: target[key][single] for key in ("boxes", "labels")}
    output |= {
        "scores": torch.tensor([0.9, 0.8]),
        "masks": target["masks"][single][:, None].float(),
    }
    for ids in (None, dataset.category_ids):
        ground_truth = to_coco(dataset, category_ids=ids)
        assert [one["id"] for one in ground_truth["annotations"]] == [1, 2, 3]
        for kind in ("box", "mask"):
            found = detections_to_coco([output], [7], ids, kind)
            assert {one["category_id"] for one in found} == ({1, 2} if ids is None else {1, 90})
            assert coco_metrics(ground_truth, found, kind)["AP"] == 1


def test_targets_alone():
    target = {
        "boxes": torch.tensor([[1, 2, 4, 8.5]]), "labels": torch.tensor([2]), "image_id": 4
    }  # fmt: skip
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "image_id": 9}
    assert to_coco([target, empty]) == {
        "images": [{"id": 4}, {"id": 9}],
        "categories": [{"id": 1, "name": "1"}, {"id": 2, "name": "2"}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 2, "bbox": [1, 2, 3, 6.5], "iscrowd": 0,
             "area": 19.5}
        ],
    }  # fmt: skip
    assert to_coco([])["annotations"] == []


def test_a_pixel_needs_more_than_half():
    masks = torch.tensor([[[[0.5, 0.51], [0.0, 1.0]]]])
    output = {"boxes": torch.zeros(1, 4), "labels": torch.ones(1).long(),
              "scores": torch.ones(1), "masks": masks}  # fmt: skip
    (record,) = detections_to_coco([output], [1], kind="mask")
    assert record["segmentation"] == rle_encode(torch.tensor([[False, True], [False, True]]))
    assert "bbox" not in record


def test_nothing_found():
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0),
            "masks": torch.zeros(0, 1, 6, 8), "keypoints": torch.zeros(0, 3, 3)}  # fmt: skip
    for kind in ("box", "mask", "keypoints"):
        assert detections_to_coco([none], [1], kind=kind) == []


@pytest.mark.parametrize("form", [
    *(lambda flags, dtype=dtype: torch.tensor(flags).to(dtype) for dtype in (
        torch.bool, torch.uint8, torch.int64, torch.float32
    )), list, np.array,
])  # fmt: skip
def test_truth_in_any_form_is_written_the_same(form):
    target = {
        "boxes": [[0, 0, 2, 2], [1, 1, 4, 3]], "labels": [1, 1], "image_id":
        torch.tensor([3]), "iscrowd": form([0, 1]), "masks": form([MASKS[0].tolist()] * 2),
    }  # fmt: skip
    written = to_coco([target])
    assert written["images"] == [{"id": 3, "height": 5, "width": 5}]
    assert [one["iscrowd"] for one in written["annotations"]] == [0, 1]
    assert [one["area"] for one in written["annotations"]] == [4, 4]
    expected = rle_encode(MASKS[0].bool())
    assert [one["segmentation"] for one in written["annotations"]] == [expected] * 2


MASKS = torch.zeros(1, 5, 5, dtype=torch.int64)
MASKS[0, :2, :2] = 1
ONE = {"boxes": torch.ones(1, 4), "labels": torch.ones(1).long(), "scores": torch.ones(1)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: detections_to_coco([ONE], []), "image_ids must be as many as outputs, 1, got 0"),
        (lambda: detections_to_coco([ONE], [1], kind="bbox"), "kind must be one of box, mask, key"),
        (lambda: detections_to_coco([ONE], [1], kind="mask"), r"outputs\[0\] must have 'masks'"),
        (lambda: detections_to_coco([ONE | {"labels": torch.zeros(1).long()}], [1]),
         r"outputs\[0\]\['labels'\]\[0\] must be at least 1, got 0"),
        (lambda: detections_to_coco([ONE | {"labels": torch.tensor([3])}], [1], [5, 6]),
         "must be at least 1, 2 at most, got 3"),
        (lambda: detections_to_coco([ONE | {"boxes": torch.ones(2, 4)}], [1]),
         r"outputs\[0\]\['boxes'\] must have 1 rows, one an object, got 2"),
        (lambda: detections_to_coco([ONE | {"masks": torch.ones(1, 5, 5)}], [1], kind="mask"),
         r"must have shape \(D, 1, H, W\), got \(1, 5, 5\)"),
        (lambda: to_coco([ONE | {"image_id": 1}] * 2), "an image_id of its own, got 1"),
        (lambda: to_coco([ONE | {"image_id": 1}], ["a"], [1, 2]), "one for each of .'a'., got"),
        (lambda: to_coco([ONE | {"image_id": 1, "area": torch.ones(3)}]),
         r"to_coco: targets\[0\]\['area'\] must have shape \(N,\), here \(1,\), got \(3,\)"),
        (lambda: to_coco([ONE]), r"to_coco: targets\[0\] must have 'image_id', got boxes, labels"),
        (lambda: to_coco([ONE | {"image_id": 1, "iscrowd": [2]}]),
         r"to_coco: targets\[0\]\['iscrowd'\]\[0\] must be 0 or 1, got 2"),
        (lambda: to_coco([(torch.zeros(3, 4, 4), ONE | {"image_id": 1, "masks": MASKS})]),
         r"targets\[0\]\['masks'\] must .*, here \(1, 4, 4\), got \(1, 5, 5\)"),
        (lambda: to_coco([ONE | {"image_id": 1, "labels": torch.tensor([2])}], ["a"]),
         r"targets\[0\]\['labels'\]\[0\] must be at least 1, 1 at most, got 2"),
    ],
)  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
