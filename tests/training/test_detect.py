"""The file of `edudet detect`, given to what reads such files."""

import contextlib
import io
import json
from pathlib import Path

import pytest
import torch

from edudet.data.coco import CocoFolder, detections_to_coco, write_coco
from edudet.data.images import write_image
from edudet.data.scenes import Scenes
from edudet.metrics import coco_evaluate, coco_metrics
from edudet.tasks import names_of
from edudet.tasks.detection import coco_file
from edudet.training.detect import pictures_in

SIGMAS = [0.1] * 14
KINDS = ("box", "mask", "keypoints")


def guesses(items):
    """What is there, moved by a pixel, and a part of its mask: none fills its box."""
    outputs, beside = [], torch.tensor([0.5, 0.5, 0])
    for _, target in items:
        n = len(target["boxes"])
        outputs.append({
            "boxes": target["boxes"] + 1, "labels": target["labels"],
            "scores": torch.linspace(0.9, 0.5, n), "keypoints": target["keypoints"] + beside,
            "masks": target["masks"].roll(1, 2)[:, None].float() * 0.9,
        })  # fmt: skip
    return outputs


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder of pictures, its annotations, and what was found: of the last picture first."""
    folder = tmp_path_factory.mktemp("detect")
    scenes = Scenes("people", length=4)
    truth = write_coco(scenes, folder)
    items = [scenes[i] for i in (3, 2, 1)]
    paths = [folder / "images" / f"{target['image_id']:012d}.png" for _, target in items]
    facts = {
        "categories": scenes.categories, "joints": scenes.joints, "skeleton": scenes.skeleton
    }  # fmt: skip
    sizes = [tuple(image.shape[-2:]) for image, _ in items]
    outputs = guesses(items)
    return folder, truth, items, outputs, coco_file(paths, sizes, outputs, facts)


def of_kind(kind):
    return {"sigmas": SIGMAS} if kind == "keypoints" else {}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_measured_as_the_lists_of_each_kind_are(measured, kind, tmp_path):
    """Images and classes by their names: the file counts its pictures from 1."""
    _, truth, items, outputs, file = measured
    ids = [target["image_id"] for _, target in items]
    listed = detections_to_coco(outputs, ids, kind=kind)
    expected = coco_evaluate(truth, listed, kind, **of_kind(kind)).metrics
    assert coco_evaluate(truth, file, kind, **of_kind(kind)).metrics == expected
    assert 0 < expected["AP"] < 1 and [one["id"] for one in file["images"]] == [1, 2, 3]
    path = tmp_path / "detections.json"
    path.write_text(json.dumps(file))
    assert coco_evaluate(truth, path, kind, **of_kind(kind)).metrics == expected


def test_areas_are_those_of_the_masks(measured, tmp_path):
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    from pycocotools.coco import COCO

    _, _, _, outputs, file = measured
    masks = torch.cat([output["masks"] for output in outputs])[:, 0] > 0.5
    areas = [one["area"] for one in file["annotations"]]
    assert areas == masks.flatten(1).sum(1).tolist()
    boxes = [one["bbox"][2] * one["bbox"][3] for one in file["annotations"]]
    assert all(area < box for area, box in zip(areas, boxes, strict=True))
    (tmp_path / "d.json").write_text(json.dumps(file))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "d.json"))
    theirs = [int(coco.annToMask(one).sum()) for one in coco.dataset["annotations"]]
    assert areas == theirs


def test_areas_without_masks_are_those_of_the_boxes():
    output = {"boxes": torch.tensor([[1.0, 2, 4, 8]]), "labels": torch.tensor([1]),
              "scores": torch.ones(1), "keypoints": torch.ones(1, 2, 3)}  # fmt: skip
    facts = {"categories": ["a"], "joints": ["x", "y"], "skeleton": [(0, 1)]}
    for keys in (("boxes", "labels", "scores"), tuple(output)):
        found = {key: output[key] for key in keys}
        (record,) = coco_file([Path("a.png")], [(9, 9)], [found], facts)["annotations"]
        assert record["area"] == 18 and "segmentation" not in record


def test_it_is_a_data_set(measured, tmp_path):
    folder, _, items, outputs, file = measured
    (tmp_path / "d.json").write_text(json.dumps(file))
    dataset = CocoFolder(folder / "images", tmp_path / "d.json")
    for (image, _), output, (read, target) in zip(items, outputs, dataset, strict=True):
        assert (image - read).abs().max() < 0.01
        assert torch.equal(target["masks"], output["masks"][:, 0] > 0.5)
        assert torch.equal(target["labels"], output["labels"])


def test_classes_and_images_that_the_ground_truth_does_not_have(measured):
    _, truth, _, _, file = measured
    expected = coco_metrics(truth, file)
    more = json.loads(json.dumps(file))
    more["categories"].append({"id": 77, "name": "zebra"})
    more["annotations"].append({**more["annotations"][0], "id": 9999, "category_id": 77})
    assert coco_metrics(truth, more) == expected
    more["annotations"][-1]["category_id"] = 78
    with pytest.raises(ValueError, match=r"\(id 9999\): category_id must be the id of one of the"):
        coco_metrics(truth, more)
    more = json.loads(json.dumps(file))
    more["images"][1]["file_name"] = "other.png"
    with pytest.raises(ValueError, match=r"images'\]\[1\] \(id 2\): file_name must be that of one"):
        coco_metrics(truth, more)
    more["images"][1]["file_name"] = more["images"][0]["file_name"]
    with pytest.raises(ValueError, match="file_name must be its own, not that of detections"):
        coco_metrics(truth, more)
    more["images"][1]["file_name"] = 7
    with pytest.raises(ValueError, match="file_name must be a text, got 7"):
        coco_metrics(truth, more)
    del more["annotations"]
    with pytest.raises(ValueError, match="detections must have 'annotations', got"):
        coco_metrics(truth, more)


def test_without_names_ids_count(measured):
    _, truth, items, _, file = measured
    numbered = json.loads(json.dumps(file))
    for image, (_, target) in zip(numbered["images"], items, strict=True):
        del image["file_name"]
        for one in numbered["annotations"]:
            if one["image_id"] == image["id"] and "moved" not in one:
                one |= {"image_id": target["image_id"], "moved": True}
    assert coco_metrics(truth, numbered) == coco_metrics(truth, file)


def test_a_score_is_wanted(measured):
    _, truth, *_, file = measured
    unsure = json.loads(json.dumps(file))
    del unsure["annotations"][2]["score"]
    with pytest.raises(ValueError, match=r"\]\[2\] \(id 3\): must have the key 'score', got"):
        coco_metrics(truth, unsure)


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert names_of([Path("a.png")]) == names_of([tmp_path / "x" / "a.png"]) == ["a.png"]
    assert names_of([Path("x/a.png"), tmp_path / "x" / "y" / "b.png"]) == ["a.png", "y/b.png"]
    assert names_of([Path("../a.png"), Path("b.png")]) == ["a.png", f"{tmp_path.name}/b.png"]
    assert names_of([Path("x/a.png"), Path("x2/a.png")]) == ["x/a.png", "x2/a.png"]
    assert names_of([]) == []


def test_pictures_in(tmp_path):
    for name in ("b.JPG", "a.png", "c/d.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name, torch.zeros(3, 2, 2))
    (tmp_path / "x.txt").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in pictures_in([tmp_path])]
    assert found == ["a.png", "b.JPG", "c/d.webp"]
    assert pictures_in([tmp_path / "x.txt", tmp_path / "c"]) == [
        tmp_path / "x.txt", tmp_path / "c" / "d.webp"
    ]  # fmt: skip
    (tmp_path / "c" / "d.webp").unlink()
    with pytest.raises(ValueError, match=r"detect: .*c must have a picture in it, got none"):
        pictures_in([tmp_path / "c"])
