"""`edudet train`, `eval` and `detect` for recipes of every task, and with data of other people.

Trained for a step or two: what is looked at is what goes in and out.
"""

import json
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from edudet.cli import main
from edudet.data import CocoFolder, Digits, Scenes, write_coco
from edudet.data.images import write_image
from edudet.data.renumbered import Renumbered
from edudet.metrics import rle_decode
from edudet.training import load_trained

pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")
pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")


class Few(Scenes):
    def __init__(self, level="default", split="train", seed=0, length=None):
        super().__init__(level, split, seed, 4, (64, 64))


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr("edudet.data.Scenes", Few)


def edudet(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def told(*words):
    result = edudet(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words):
    result = edudet(*words)
    assert result.exit_code == 1 and result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1
    return result.output


def trained(out, name, *words):
    """metrics.json of a run of two steps, and what eval says of it, too."""
    told("train", name, "--iterations", 2, "--batch-size", 2, "--no-amp", "--out", out, *words)
    metrics = json.loads((out / "metrics.json").read_text())
    again = json.loads(told("eval", name, "--weights", out / "model.pt", "--json", *words))
    for key, value in again.items():
        if key not in ("images_per_second", "weights"):
            assert metrics[key] == value, key
    return metrics


def detected(out, name, picture, *words):
    """detections.json of a picture."""
    text = told("detect", picture, "--model", name, "--weights", out / "model.pt",
                "--out", out / "found", *words)  # fmt: skip
    assert (out / "found" / f"{picture.stem}.png").read_bytes()[:4] == b"\x89PNG"
    return json.loads((out / "found" / "detections.json").read_text()), text


def test_a_class_for_every_pixel(tmp_path):
    metrics = trained(tmp_path, "fcn")
    assert metrics["kind"] == "semantic" and metrics["images"] == 4
    assert 0 < metrics["mIoU"] < metrics["pixel_accuracy"] < 1
    write_image(tmp_path / "photo.png", torch.rand(3, 50, 71))  # no size that a network likes
    found, text = detected(tmp_path, "fcn", tmp_path / "photo.png")
    model, facts, _ = load_trained("fcn", tmp_path / "model.pt")
    names = [*Scenes("default").categories, "ground"]
    assert [one["name"] for one in found["categories"]] == names and facts["stuff"] == ["ground"]
    with torch.inference_mode():
        photo = torch.from_numpy(np.array(Image.open(tmp_path / "photo.png"))).movedim(-1, 0) / 255
        (answer,) = model([photo])
    total = torch.zeros(50, 71, dtype=torch.int64)
    for one in found["annotations"]:
        total += one["category_id"] * rle_decode(one["segmentation"]).long()
    assert torch.equal(total, answer["semantic"])
    assert all(one["name"] in text for one in found["categories"]
               if one["id"] in answer["semantic"].unique())  # fmt: skip
    sure, _ = detected(tmp_path, "fcn", tmp_path / "photo.png", "--score", 1)
    assert sure["annotations"] == []


def test_one_class_for_an_image(tmp_path):
    pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    metrics = trained(tmp_path, "digit_net")
    assert metrics["kind"] == "classification" and metrics["source"] == "digits"
    assert metrics["images"] == 500 and 0 < metrics["accuracy"] < 1
    scan = Digits("test")[3][0]
    large = 1 - scan.repeat_interleave(9, 1).repeat_interleave(9, 2)  # as on paper
    write_image(tmp_path / "three.png", large)
    found, text = detected(tmp_path, "digit_net", tmp_path / "three.png", "--score", 0)
    records = found["annotations"]
    assert sorted(one["category_id"] for one in records) == list(range(1, 11))
    assert sum(one["score"] for one in records) == pytest.approx(1, abs=1e-4)
    best = next(c["name"] for c in found["categories"] if c["id"] == records[0]["category_id"])
    assert f"three.png: {best} (" in text
    words = ("--weights", tmp_path / "model.pt", "--level", "easy")
    assert "must know the classes of the images, ball" in refused("eval", "digit_net", *words)
    words = ("--out", tmp_path / "scenes", "--level", "easy")
    message = refused("train", "digit_net", *words)
    assert "targets must have 'label' for the task 'classification', got boxes, labels" in message


def test_digits_without_scikit_learn(tmp_path, monkeypatch):
    """Told before the work of hours begins."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    for words in (("train", "digit_net"), ("zoo", "fcn", "digit_net")):
        message = refused(*words, "--out", tmp_path / "run")
        assert "Digits: handwritten digits need scikit-learn: pip install" in message
        assert not (tmp_path / "run").exists()


def test_classes_of_images_are_renumbered():
    pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    digits = Digits("test", 20)
    other = Renumbered(digits, ("none", *reversed(digits.categories)))
    for (_, before), (_, after) in zip(digits, (other[i] for i in range(20)), strict=True):
        assert digits.categories[before["label"] - 1] == other.categories[after["label"] - 1]


JOINTS = ("nose", "tail", "left paw", "right paw", "middle")
SKELETON = ((0, 4), (4, 1), (2, 4), (3, 4))


class Cats:
    """Two images, each with a cat of five joints."""

    categories, joints, skeleton = ("cat",), JOINTS, SKELETON

    def __init__(self, number=5):
        self.joints, self.number = JOINTS[:number], number
        self.skeleton = [pair for pair in SKELETON if max(pair) < number]

    def __len__(self):
        return 2

    def __getitem__(self, i):
        generator = torch.Generator().manual_seed(i)
        image = torch.rand(3, 64, 64, generator=generator)
        points = torch.randint(14, 46, (1, self.number, 2), generator=generator).float()
        points[0, 0], points[0, 1] = torch.tensor([12.0, 12]), torch.tensor([48.0, 48])
        seen = torch.full((1, self.number, 1), 2.0)
        return image, {
            "boxes": torch.tensor([[10.0, 10, 50, 50]]), "labels": torch.tensor([1]),
            "image_id": i + 1, "iscrowd": torch.tensor([False]), "area": torch.tensor([900.0]),
            "keypoints": torch.cat([points, seen], 2),
        }  # fmt: skip


def folder(tmp_path, dataset, name="cats"):
    path = write_coco(dataset, tmp_path / name)
    return "--coco", path.parent / "images", path


def test_joints_of_any_number(tmp_path):
    out, coco = tmp_path / "run", folder(tmp_path, Cats())
    metrics = trained(out, "keypoint_rcnn", *coco)
    assert metrics["kind"] == "keypoints" and -1 < metrics["PCK"] <= 1 and "box_AP50" in metrics
    model, facts, _ = load_trained("keypoint_rcnn", out / "model.pt")
    assert facts["joints"] == list(JOINTS) and facts["skeleton"] == [list(p) for p in SKELETON]
    assert model.keypoint_predictor.kps_score_lowres.out_channels == 5
    picture = coco[1] / "000000000001.png"
    found, _ = detected(out, "keypoint_rcnn", picture, "--score", 0)
    assert found["annotations"] and found["categories"][0]["keypoints"] == list(JOINTS)
    assert found["categories"][0]["skeleton"] == [[a + 1, b + 1] for a, b in SKELETON]
    assert all(len(one["keypoints"]) == 15 for one in found["annotations"])
    assert CocoFolder(*coco[1:])[0][1]["keypoints"].shape == (1, 5, 3)
    fewer = folder(tmp_path, Cats(4), "fewer")
    message = refused("eval", "keypoint_rcnn", "--weights", out / "model.pt", *fewer)
    assert "know the joints of the images, nose, tail, left paw, right paw, got nose," in message


class Plain(Cats):
    joints = skeleton = ()

    def __init__(self):
        pass

    def __getitem__(self, i):
        image, target = Cats()[i]
        del target["keypoints"]
        return image, target


@pytest.mark.parametrize(
    ("name", "key"),
    [("keypoint_rcnn", "keypoints"), ("mask_rcnn", "masks"), ("fcn", "semantic")],
)
def test_a_folder_that_lacks_what_is_to_be_learnt(tmp_path, name, key):
    message = refused("train", name, "--out", tmp_path / "run", *folder(tmp_path, Plain()))
    assert f"train: targets must have '{key}' for the task" in message
    assert message.endswith("in coco annotations.json\n") and not (tmp_path / "run").exists()


def test_the_maps_of_a_voc_folder(tmp_path):
    """Twenty classes and background, and outlines that nobody is asked for."""
    root = tmp_path / "VOC2007"
    for room in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject",
                 "ImageSets/Segmentation"):  # fmt: skip
        (root / room).mkdir(parents=True)
    for i, split in enumerate(("trainval", "test")):
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text(f"{i}\n")
        pixels = np.random.default_rng(i).integers(0, 255, (30, 45, 3), np.uint8)
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{i}.jpg")
        classes, objects = np.zeros((2, 30, 45), np.uint8)
        classes[5:20, 5:20], objects[5:20, 5:20] = 12, 1
        classes[5:20, 20:22], objects[5:20, 20:22] = 255, 255
        for room, indices in (("SegmentationClass", classes), ("SegmentationObject", objects)):
            picture = Image.fromarray(indices, mode="P")
            picture.putpalette([value for c in range(256) for value in (c, 255 - c, 7)])
            picture.save(root / room / f"{i}.png")
    metrics = trained(tmp_path / "run", "fcn", "--voc", tmp_path)
    assert 0 <= metrics["mIoU"] <= metrics["pixel_accuracy"] < 1
    model, facts, _ = load_trained("fcn", tmp_path / "run" / "model.pt")
    assert len(facts["categories"]) == 20 and model.decoder.to_image.out_channels == 21
