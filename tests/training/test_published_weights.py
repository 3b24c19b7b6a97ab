"""`edudet detect` and `edudet eval` with files in torchvision's format.

The weights are random but for the last layers: proposals are the anchors themselves, and all of
them are, with certainty, of one class.
"""

import json

import pytest
import torch
from click.testing import CliRunner

from edudet.cli import main
from edudet.data import CocoFolder, write_coco
from edudet.data.coco_names import CATEGORIES, JOINTS, NO_CATEGORY, SKELETON
from edudet.data.images import write_image
from edudet.data.renumbered import Renumbered
from edudet.models.published.two_stage import torchvision_name
from edudet.training import load_trained
from edudet.training.published_weights import PUBLISHED, read_published

DOG = CATEGORIES.index("dog") + 1
SILENT = ("rpn.head.cls_logits", "rpn.head.bbox_pred", "box_branch.predictor.bbox_pred")


@torch.no_grad()
def write_weights(path, name, found, legacy=False, **options):
    """Weights of a model that takes everything for an object of the class `found`."""
    torch.manual_seed(0)
    model = PUBLISHED[name].model(**options)
    parts = dict(model.named_modules())
    for silent in SILENT:
        parts[silent].weight.zero_()
        parts[silent].bias.zero_()
    scores = parts["box_branch.predictor.cls_score"]
    scores.weight.zero_()
    scores.bias.zero_()[found] = 9.0
    state = {torchvision_name(key): value.half() for key, value in model.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.fixture(scope="module")
def dogs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    # The published files are of 2019, in the format that torch had then.
    return write_weights(folder / "coco.pth", "fasterrcnn_resnet50_fpn", DOG, legacy=True)


@pytest.fixture
def strip(tmp_path):
    """A wide picture: what is resized to 1333 pixels is no more than 111 high."""
    write_image(tmp_path / "strip.png", torch.rand(3, 20, 240))
    return tmp_path / "strip.png"


def edudet(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_detect_names_what_coco_numbers(dogs, strip, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    words = ("--model", "fasterrcnn_resnet50_fpn", "--weights", dogs, "--out", tmp_path / "out")
    told = edudet("detect", strip, *words)
    assert told.exit_code == 0, told.output
    found = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert found["annotations"]
    assert {one["category_id"] for one in found["annotations"]} == {18}
    names = {one["id"]: one["name"] for one in found["categories"]}
    assert names[18] == "dog" and names[90] == "toothbrush" and len(names) == 80
    assert (tmp_path / "out" / "strip.png").exists()


class Strips:
    """One picture with a cat and two dogs."""

    categories = ("cat", "dog")

    def __init__(self, boxes):
        self.boxes = boxes

    def __len__(self):
        return 1

    def __getitem__(self, i):
        target = {
            "boxes": self.boxes, "labels": torch.tensor([1, 2, 2]), "image_id": 7,
            "iscrowd": torch.zeros(3, dtype=torch.bool),
        }  # fmt: skip
        return torch.rand(3, 20, 240), target


def test_eval_matches_classes_by_their_names(dogs, tmp_path):
    model, _, path = load_trained("fasterrcnn_resnet50_fpn", dogs)
    with torch.inference_mode():
        (found,) = model([torch.rand(3, 20, 240)])  # the same boxes on each picture
    assert path == dogs and set(found["labels"].tolist()) == {DOG}
    write_coco(Strips(found["boxes"][[7, 3, 40]].clone()), tmp_path)
    folder = tmp_path / "images", tmp_path / "annotations.json"
    words = ("--weights", dogs, "--coco", *folder, "--json")
    told = edudet("eval", "fasterrcnn_resnet50_fpn", *words)
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["AR_100"] == 0.5  # all of the dogs, and no cat
    dataset = Renumbered(CocoFolder(*folder), CATEGORIES)
    assert dataset[0][1]["labels"].tolist() == [CATEGORIES.index("cat") + 1, DOG, DOG]
    assert dataset.categories == CATEGORIES and len(dataset) == 1
    # Written anew, the ids are those of the new numbers, not those of the old file.
    again = json.loads(write_coco(dataset, tmp_path / "again").read_text())
    assert [one["category_id"] for one in again["annotations"]] == [17, 18, 18]


def test_classes_that_the_weights_do_not_know(dogs):
    told = edudet("eval", "fasterrcnn_resnet50_fpn", "--weights", dogs)  # scenes of shapes
    assert told.exit_code == 1 and "must know the classes of the images" in told.output
    with pytest.raises(ValueError, match=r"must have all classes of the dataset, lack cat$"):
        Renumbered(Strips(None), ("dog", "horse"))


@pytest.mark.parametrize(
    ("name", "found", "options", "expected"),
    [
        ("maskrcnn_resnet50_fpn", 3, {"num_classes": 4},
         {"categories": ["class 1", "class 2", "class 3"]}),
        ("keypointrcnn_resnet50_fpn", 1, {},
         {"categories": ["person"], "joints": list(JOINTS), "skeleton": [*map(list, SKELETON)]}),
    ],
)  # fmt: skip
def test_the_other_two(name, found, options, expected, strip, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = write_weights(tmp_path / "weights.pth", name, found, **options)
    model, facts = read_published(name, path)
    assert facts == {"model": name, **expected} and not model.training
    told = edudet("detect", strip, "--model", name, "--weights", path, "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    written = json.loads((tmp_path / "out" / "detections.json").read_text())
    one = written["annotations"][0]
    assert one["category_id"] == found
    if name.startswith("mask"):
        assert one["segmentation"]["size"] == [20, 240]
    else:
        assert len(one["keypoints"]) == 3 * len(expected["joints"])
        assert written["categories"][0]["keypoints"] == expected["joints"]


def test_joints_without_names(tmp_path):
    name = "keypointrcnn_resnet50_fpn"
    path = write_weights(tmp_path / "weights.pth", name, 1, num_keypoints=2)
    _, facts = read_published(name, path)
    assert facts["joints"] == ["joint 0", "joint 1"] and facts["skeleton"] == []


def test_files_that_are_something_else(dogs, strip, tmp_path):
    torn, other, alone = tmp_path / "torn.pth", tmp_path / "other.pth", tmp_path / "alone.pth"
    torn.write_bytes(dogs.read_bytes()[:1000])
    torch.save({"weight": torch.zeros(1)}, other)
    torch.save({"epoch": 3}, alone)
    for path, message in [
        (torn, "must be a whole file with a state dict"),
        (strip, "must be a whole file with a state dict"),
        (other, "must hold torchvision's maskrcnn_resnet50_fpn, lacks roi_heads"),
        (alone, "must hold a state dict and nothing else: "),
        (dogs, "must fit MaskRCNN, but it lacks roi_heads.mask_head.0.0.weight"),
        (tmp_path / "none.pth", "none.pth"),
    ]:
        told = edudet("detect", strip, "--model", "maskrcnn_resnet50_fpn", "--weights", path)
        assert told.exit_code == 1 and message in told.output, told.output
        assert told.output.startswith("Error: ") and told.output.count("\n") == 1
    told = edudet("detect", strip, "--model", "maskrcnn_resnet50_fpn")
    assert told.exit_code == 1 and "nothing is downloaded: fetch torchvision's file" in told.output
    told = edudet("train", "maskrcnn_resnet50_fpn", "--out", tmp_path / "run")
    assert told.exit_code == 1 and "MODEL must be one of " in told.output


def test_coco_has_eighty_classes():
    given = [name for name in CATEGORIES if name != NO_CATEGORY]
    assert len(CATEGORIES) == 90 and len(given) == len(set(given)) == 80
    joints = {k for pair in SKELETON for k in pair}
    assert len(JOINTS) == len(joints) == 17 and max(joints) == 16


def test_the_names_are_those_of_torchvision():
    detection = pytest.importorskip(
        "torchvision.models.detection", reason="torchvision, a peer, is not installed"
    )
    meta = detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta
    assert meta["categories"] == ["__background__", *CATEGORIES]
    assert detection.KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.meta["keypoint_names"] == [*JOINTS]
