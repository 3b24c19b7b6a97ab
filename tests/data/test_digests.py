"""What tells data from others: each change is seen, in the place where it was made."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset

from edudet.data import CocoFolder, Digits, Scenes, VocFolder, write_coco
from edudet.data.digests import digests_of, files_of, names_of, shared_files
from edudet.data.part import Part
from edudet.data.proposals import WithProposals
from edudet.data.renumbered import Renumbered

ANNOTATIONS = "digest of the annotations"
NAMES = "digest of the images' names"
SIZES = "digest of the images' sizes"


def changed(before, after):
    """The names of what differs."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.fixture
def coco(tmp_path):
    path = write_coco(Scenes("easy", length=4, size=(64, 64)), tmp_path / "data")
    return path.parent / "images", path


def rewrite(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_coco_folder(coco, tmp_path, monkeypatch):
    def decoding(*given):
        raise AssertionError("a picture was read")

    monkeypatch.setattr("edudet.data.coco.read_image", decoding)
    before = digests_of(CocoFolder(*coco))
    assert before == digests_of(CocoFolder(*coco)) and len(before[NAMES]) == 16
    assert before["classes"] == Scenes("easy").categories
    shutil.copytree(tmp_path / "data", tmp_path / "elsewhere")
    moved = CocoFolder(tmp_path / "elsewhere/images", tmp_path / "elsewhere/annotations.json")
    assert digests_of(moved) == before
    rewrite(coco[1], lambda data: data["annotations"][0].update(bbox=[1, 2, 30, 40]))
    after = digests_of(CocoFolder(*coco))
    assert changed(before, after) == {ANNOTATIONS}


def test_another_picture(coco):
    before = digests_of(CocoFolder(*coco))
    name = CocoFolder(*coco).file.images[2]["file_name"]
    Image.fromarray(np.full((64, 64, 3), 7, np.uint8)).save(coco[0] / name)
    assert changed(before, digests_of(CocoFolder(*coco))) == {SIZES}


def test_other_names_and_classes(coco):
    before = digests_of(CocoFolder(*coco))
    name = CocoFolder(*coco).file.images[2]["file_name"]
    (coco[0] / name).rename(coco[0] / "renamed.png")
    rewrite(coco[1], lambda data: data["images"][2].update(file_name="renamed.png"))
    between = digests_of(CocoFolder(*coco))
    assert changed(before, between) == {ANNOTATIONS, NAMES}
    rewrite(coco[1], lambda data: data["categories"][0].update(name="thing"))
    assert changed(between, digests_of(CocoFolder(*coco))) == {ANNOTATIONS, "classes"}


def test_crowds_left_out(coco):
    rewrite(coco[1], lambda data: data["annotations"][0].update(iscrowd=1))
    kept, left = (digests_of(CocoFolder(*coco, keep_crowds=keep)) for keep in (True, False))
    assert changed(kept, left) == {"objects"} and kept["objects"] == left["objects"] + 1


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "export"
    rooms = ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject")
    for room in (*rooms, "ImageSets/Main", "ImageSets/Segmentation"):
        (root / room).mkdir(parents=True)
    for name in ("a", "b"):
        pixels = np.full((20, 30, 3), 7, np.uint8)
        pixels[: 5 * (name == "b")] = np.arange(30)[:, None]
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{name}.png")
        box = "<xmin>3</xmin><ymin>3</ymin><xmax>9</xmax><ymax>9</ymax>"
        (root / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
        )
        for room in rooms[2:]:
            Image.fromarray(np.zeros((20, 30), np.uint8)).save(root / room / f"{name}.png")
    for room in ("Main", "Segmentation"):
        (root / "ImageSets" / room / "trainval.txt").write_text("a\nb\n")
    return root


def test_a_voc_folder(voc):
    before = digests_of(VocFolder(voc))
    assert before == digests_of(VocFolder(voc))
    assert changed(before, digests_of(VocFolder(voc, one_based=False))) == {"zero-based"}
    few = digests_of(VocFolder(voc, keep_difficult=False))
    assert changed(before, few) == {"difficult objects"}
    names = digests_of(VocFolder(voc, categories=("cat", "dog")))
    assert changed(before, names) == {"classes"}
    path = voc / "Annotations" / "b.xml"
    path.write_text(path.read_text().replace("<xmin>3", "<xmin>4"))
    assert changed(before, digests_of(VocFolder(voc))) == {ANNOTATIONS}
    (voc / "ImageSets/Main/trainval.txt").write_text("b\na\n")
    assert changed(before, digests_of(VocFolder(voc))) == {ANNOTATIONS, NAMES, SIZES}


def test_masks_of_a_voc_folder(voc):
    before = digests_of(VocFolder(voc, kind="segmentation"))
    noise = np.random.default_rng(0).integers(0, 20, (20, 30), np.uint8)
    Image.fromarray(noise).save(voc / "SegmentationClass" / "a.png")
    after = digests_of(VocFolder(voc, kind="segmentation"))
    assert changed(before, after) == {"digest of the masks' sizes"}
    (voc / "Annotations" / "a.xml").unlink()  # segmentation can do without
    assert changed(after, digests_of(VocFolder(voc, kind="segmentation"))) == {ANNOTATIONS}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"level": "crowded"}, "digest of the level"),
        ({"split": "test"}, "split"),
        ({"seed": 1}, "seed of the scenes"),
        ({"length": 21}, "scenes"),
        ({"size": 64}, "size of the scenes"),
    ],
)
def test_scenes(arguments, name):
    pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")
    given = {"level": "easy", "split": "train", "seed": 0, "length": 20, "size": (128, 128)}
    before = digests_of(Scenes(**given))
    assert before == digests_of(Scenes(**given))
    assert changed(before, digests_of(Scenes(**given | arguments))) == {name}


def test_digits():
    pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    digests = [digests_of(one) for one in (Digits(), Digits("test"), Digits(length=9), Digits())]
    assert digests[0] == digests[3] and len({str(one) for one in digests}) == 3


def test_what_is_made_of_another_dataset():
    scenes = Scenes("easy", length=6)
    whole = digests_of(scenes)
    assert digests_of(WithProposals(Renumbered(scenes, scenes.categories))) == whole
    parts = [digests_of(kind(scenes, [0, 4])) for kind in (Subset, Part)]
    assert parts[0] == parts[1] and parts[0].keys() - whole.keys() == {"digest of the choice"}
    assert changed(whole, {name: parts[0][name] for name in whole}) == set()
    assert changed(parts[0], digests_of(Subset(scenes, range(2)))) == {"digest of the choice"}
    assert digests_of(Subset(scenes, torch.tensor([0, 4]))) == parts[0]


def test_what_is_not_known_has_none():
    assert digests_of([1, 2]) == {} == digests_of(Subset([1, 2], [0]))
    assert names_of(Scenes("easy", length=2)) == ["0", "1"]
    assert files_of(Scenes("easy", length=2)) == [] == files_of([1, 2])


def test_names_begin_in_the_folder(coco, voc):
    assert names_of(VocFolder(voc)) == ["a.png", "b.png"]
    folder = CocoFolder(*coco)
    assert names_of(folder) == [image["file_name"] for image in folder.file.images]
    assert files_of(Part(folder, [2])) == [coco[0] / names_of(folder)[2]]
    assert files_of(WithProposals(Part(folder, [2, 0]))) == [files_of(folder)[i] for i in (2, 0)]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_is_the_same_image(coco, tmp_path, link):
    folder = CocoFolder(*coco)
    other = tmp_path / "other"
    shutil.copytree(coco[0].parent, other)
    name = names_of(folder)[1]
    (other / "images" / name).unlink()
    link(coco[0] / name, other / "images" / name)
    copied = CocoFolder(other / "images", other / "annotations.json")
    assert shared_files(copied, folder) == [other / "images" / name]
    assert shared_files(copied, Part(folder, [0, 2, 3])) == []
    assert shared_files(folder, Scenes("easy")) == []
