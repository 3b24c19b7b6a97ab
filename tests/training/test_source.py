"""What is trained on and what is measured on: never the same, and said, and shared by a resumed
run."""

import json
import os
import shutil

import pytest
import torch
from click.testing import CliRunner
from training.tiny import Squares, Tiny

from edudet.cli import main
from edudet.data import CocoFolder, Scenes, write_coco
from edudet.data.images import write_image
from edudet.data.renumbered import Renumbered
from edudet.tasks.detection import BOX
from edudet.training import evaluate, run
from edudet.training.detect import detections
from edudet.training.distributed import own_device
from edudet.training.recipes import RECIPES, Recipe

TINY = Recipe(Tiny, "easy", BOX, 6, 4, 0.05, {})


class Few(Scenes):
    def __init__(self, level="default", split="train", seed=0, length=None):
        super().__init__(level, split, seed, 16)


class Seen:
    """The ids of the images that a model was trained on and measured on."""

    def __init__(self):
        self.trained, self.measured, self.crowds = set(), [], 0


@pytest.fixture
def seen(monkeypatch):
    found, forward, measured = Seen(), Tiny.forward, run.evaluate

    def watching(self, images, targets=None):
        if self.training:
            found.trained |= {target["image_id"] for target in targets}
            assert not any(target["iscrowd"].any() for target in targets)
        return forward(self, images, targets)

    def evaluating(model, dataset, *given, **more):
        targets = [dataset[i][1] for i in range(len(dataset))]
        found.measured = [target["image_id"] for target in targets]
        found.crowds = sum(int(target["iscrowd"].sum()) for target in targets)
        return measured(model, dataset, *given, **more)

    monkeypatch.setattr(Tiny, "forward", watching)
    monkeypatch.setattr(run, "evaluate", evaluating)
    return found


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr("edudet.data.Scenes", Few)
    monkeypatch.setitem(RECIPES, "tiny", TINY)


def edudet(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def trained(out, *words):
    """metrics.json."""
    result = edudet("train", "tiny", "--out", out, *words)
    assert result.exit_code == 0, result.output
    return json.loads((out / "metrics.json").read_text())


def refused(out, *words):
    result = edudet("train", "tiny", "--out", out, *words)
    assert result.exit_code == 1 and result.output.startswith("Error: "), result.output
    assert result.output.count("\n") == 1
    return result.output


def rewrite(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.fixture
def coco(tmp_path):
    """A folder of 12 images, two thirds of them with a crowd."""
    path = write_coco(Squares(12), tmp_path / "data")

    def crowded(data):
        for one in data["annotations"]:
            if one["image_id"] % 3:
                record = {"id": one["id"] + 100, "iscrowd": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
                data["annotations"] = [*data["annotations"], {**one, **record}]

    rewrite(path, crowded)
    return "--coco", path.parent / "images", path


@pytest.fixture
def other(tmp_path):
    """A folder of 5 other images."""
    path = write_coco(Squares(5), tmp_path / "val")
    for name in list((path.parent / "images").iterdir()):
        name.rename(name.with_name(f"val_{name.name}"))
    rewrite(path, lambda data: [
        one.update(file_name=f"val_{one['file_name']}") for one in data["images"]
    ])  # fmt: skip
    return path


def test_a_coco_folder_has_no_images_but_those_trained_on(tmp_path, coco, seen):
    metrics = trained(tmp_path / "run", *coco)
    assert metrics["measured_on"] == "training images"
    assert metrics["source"] == "coco annotations.json"
    assert len(seen.measured) == 12 == metrics["images"] and seen.crowds == 8


@pytest.mark.parametrize(("share", "number"), [("0.25", 3), ("0.1", 1), ("0.5", 6)])
def test_a_share_is_held_out(tmp_path, coco, seen, share, number):
    metrics = trained(tmp_path / "run", *coco, "--val", share)
    assert metrics["measured_on"] == f"{100 * float(share):g} % of the images, not trained on"
    held = {*seen.measured}
    assert len(seen.measured) == number == metrics["images"]
    assert len(seen.trained) == 12 - number and not seen.trained & held
    numbers = CocoFolder(*coco[1:])
    assert seen.crowds == sum(int(t["iscrowd"].sum()) for _, t in numbers if t["image_id"] in held)
    seen.trained = set()
    trained(tmp_path / "again", *coco, "--val", share, "--seed", 5)
    assert {*seen.measured} == held and not seen.trained & held  # whatever the seed


def test_scenes(tmp_path, seen):
    assert trained(tmp_path / "a")["measured_on"] == "test scenes"
    assert trained(tmp_path / "b", "--val", "test")["measured_on"] == "test scenes"
    assert sorted(seen.measured) == list(range(16))
    seen.trained = set()
    metrics = trained(tmp_path / "c", "--val", "0.25", "--seed", 3)
    assert metrics["measured_on"] == "25 % of the images, not trained on"
    assert len(seen.trained) == 12 and not seen.trained & {*seen.measured}
    message = refused(tmp_path / "d", "--val", "train")
    assert "val must be 'test' or a number between 0 and 1 for scenes easy, got 'train'" in message


def test_digits(tmp_path):
    pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    for words, said, number in [
        ((), "test digits", 500),
        (("--val", "0.1"), "10 % of the images, not trained on", 130),
    ]:
        out = tmp_path / str(number)
        result = edudet("train", "digit_net", "--iterations", 1, "--out", out, *words)
        assert result.exit_code == 0, result.output
        metrics = json.loads((out / "metrics.json").read_text())
        assert metrics["measured_on"] == said and metrics["images"] == number


def test_a_file_of_other_images_in_the_folder(tmp_path, coco, other, seen):
    for path in (other.parent / "images").iterdir():
        shutil.copy(path, coco[1])
    file = shutil.copy(other, tmp_path / "held.json")
    metrics = trained(tmp_path / "run", *coco, "--val", file)
    assert metrics["measured_on"] == "validation file held.json"
    assert metrics["images"] == 5 == len(seen.measured) and len(seen.trained) == 12


def test_a_folder(tmp_path, coco, other, monkeypatch):
    for i, what in enumerate((other.parent, f"{other.parent / 'images'},{other}")):
        metrics = trained(tmp_path / str(i), *coco, "--val", what)
        assert metrics["measured_on"] == "validation folder val" and metrics["images"] == 5
    shutil.copytree(other.parent, tmp_path / "0.3")  # what there is of this name comes first
    monkeypatch.chdir(tmp_path)
    metrics = trained(tmp_path / "dot", *coco, "--val", "0.3")
    assert metrics["measured_on"] == "validation folder 0.3"


def test_classes_of_other_numbers(tmp_path, coco, other, monkeypatch):
    """They are matched by their names."""
    rewrite(other, lambda data: [one.update(id=9 - one["id"]) for one in data["categories"]]
            + [one.update(category_id=9 - one["category_id"]) for one in data["annotations"]])
    assert CocoFolder(other.parent / "images", other).categories == ("blue", "red")
    given = []
    measured = run.evaluate
    monkeypatch.setattr(
        run, "evaluate", lambda model, dataset, *args, **more:
        given.append(dataset) or measured(model, dataset, *args, **more),
    )  # fmt: skip
    trained(tmp_path / "run", *coco, "--val", other.parent)
    assert given[0].categories == ("red", "blue") and isinstance(given[0], Renumbered)
    labels = [given[0][i][1]["labels"].tolist() for i in range(5)]
    assert labels == [Squares()[i][1]["labels"].tolist() for i in range(5)]
    rewrite(other, lambda data: data["categories"][0].update(name="green"))
    message = refused(tmp_path / "b", *coco, "--val", other.parent)
    assert "train: coco annotations.json must know the classes of the images, " in message
    assert "green" in message and not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("1.5", "train: val must lie between 0 and 1 if it is a number, got '1.5'"),
        ("0", "train: val must lie between 0 and 1 if it is a number, got '0'"),
        ("nan", "train: val must lie between 0 and 1 if it is a number, got 'nan'"),
        ("10%", "or FOLDER,FILE, got '10%'"),
        ("no,where", "images/ and annotations.json in it, or FOLDER,FILE, got 'no,where'"),
    ],
)
def test_val_is_nothing_of_the_kind(tmp_path, coco, what, message):
    assert message in refused(tmp_path / "run", *coco, "--val", what)
    assert not (tmp_path / "run").exists()
    if "number" in message:
        assert message in refused(tmp_path / "run", "--val", what)


def test_images_that_are_trained_on_are_refused(tmp_path, coco, other):
    message = refused(tmp_path / "run", *coco, "--val", coco[2])
    assert "train: val must have no image that is trained on, got 12 of 12, the first: " in message
    first = min((other.parent / "images").iterdir())
    first.unlink()
    os.symlink(min(coco[1].iterdir()), first)
    message = refused(tmp_path / "run", *coco, "--val", other.parent)
    assert f"got 1 of 5, the first: {first}" in message and not (tmp_path / "run").exists()


def test_one_image_is_too_few(tmp_path):
    path = write_coco(Squares(1), tmp_path / "one")
    words = ("--coco", path.parent / "images", path, "--val", "0.5")
    assert "must be of two images at least, got 1" in refused(tmp_path / "run", *words)


@pytest.fixture
def voc(tmp_path):
    """trainval is abcdef, train is abcd, val is ef, test is gh."""
    root = tmp_path / "export"
    for room in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (root / room).mkdir(parents=True)
    for name in "abcdefgh":
        write_image(root / "JPEGImages" / f"{name}.png", torch.rand(3, 32, 32))
        box = "<xmin>10</xmin><ymin>10</ymin><xmax>20</xmax><ymax>20</ymax>"
        (root / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><object><name>red</name><bndbox>{box}</bndbox></object></annotation>"
        )
    for name, images in {"trainval": "abcdef", "train": "abcd", "val": "ef", "test": "gh"}.items():
        (root / "ImageSets/Main" / f"{name}.txt").write_text("\n".join(images))
    return "--voc", root, "--classes", "red,blue"


@pytest.mark.parametrize(
    ("words", "said", "there", "measured"),
    [
        ((), "image set test", 6, 2),
        (("--val", "val"), "image set val", 4, 2),
        (("--val", "train"), "image set train", 2, 4),
        (("--val", "test"), "image set test", 6, 2),
        (("--val", "0.5"), "50 % of the images, not trained on", 3, 3),
    ],
)
def test_a_voc_folder(tmp_path, voc, seen, words, said, there, measured):
    metrics = trained(tmp_path / "run", *voc, *words)
    assert metrics["measured_on"] == said and metrics["images"] == measured
    assert len(seen.trained) == there
    if words and "test" not in words:  # ids are places in an image set: of trainval, these
        held = {"val": {5, 6}, "train": {1, 2, 3, 4}}.get(words[1], {*seen.measured})
        assert not seen.trained & held


def test_a_test_set_that_is_trained_on_is_told(tmp_path, voc):
    (voc[1] / "ImageSets/Main/test.txt").write_text("f\ng\nh\n")
    metrics = trained(tmp_path / "run", *voc)
    assert metrics["measured_on"] == "image set test, 1 of its 3 images trained on"
    metrics = trained(tmp_path / "honest", *voc, "--val", "test")
    assert metrics["measured_on"] == "image set test"


def test_image_sets_that_will_not_do(tmp_path, voc):
    message = refused(tmp_path / "run", *voc, "--val", "trainval")
    assert "be an image set that leaves images of trainval to train on, got 'trainval'" in message
    message = refused(tmp_path / "run", *voc, "--val", "mine")
    assert "(test, train, trainval, val), got 'mine'" in message
    (voc[1] / "ImageSets/Main/test.txt").unlink()
    assert "(train, trainval, val), got 'test'" in refused(tmp_path / "run", *voc)  # not at the end
    assert not (tmp_path / "run").exists()


def test_resumed_with_other_annotations_of_the_same_name(tmp_path, coco):
    trained(tmp_path / "run", *coco)
    trained(tmp_path / "run", *coco, "--resume")
    rewrite(coco[2], lambda data: data["annotations"][0].update(bbox=[2, 2, 9, 9]))
    message = refused(tmp_path / "run", *coco, "--resume")
    assert "with the arguments and the data that it began with" in message
    assert "digest of the annotations was '" in message and "names" not in message


def test_resumed_with_other_pictures_or_classes(tmp_path, coco):
    trained(tmp_path / "run", *coco)
    picture = min(coco[1].iterdir())
    kept = picture.read_bytes()
    write_image(picture, torch.zeros(3, 32, 32))
    message = refused(tmp_path / "run", *coco, "--resume")
    assert "digest of the images' sizes was '" in message and "annotations was" not in message
    picture.write_bytes(kept)
    trained(tmp_path / "run", *coco, "--resume")
    rewrite(coco[2], lambda data: data["categories"][0].update(name="green"))
    message = refused(tmp_path / "run", *coco, "--resume")
    assert "classes was ('red', 'blue'), is ('green', 'blue')" in message


def test_resumed_with_another_val(tmp_path, coco, other):
    words = (*coco, "--val", other.parent)
    trained(tmp_path / "run", *words)
    trained(tmp_path / "run", *words, "--resume")
    rewrite(other, lambda data: data["annotations"][0].update(bbox=[2, 2, 9, 9]))
    message = refused(tmp_path / "run", *words, "--resume")
    assert "digest of the annotations of val was '" in message
    message = refused(tmp_path / "run", *coco, "--resume", "--val", "0.25")
    assert "measured_on was 'validation folder val', is '25 % of the images" in message
    assert "num_images was 12, is 9" in message and "digest of the choice was None" in message


def test_resumed_with_another_folder_of_voc(tmp_path, voc):
    trained(tmp_path / "run", *voc)
    message = refused(tmp_path / "run", *voc, "--resume", "--zero-based")
    assert "zero-based was False, is True" in message
    path = voc[1] / "Annotations" / "c.xml"
    path.write_text(path.read_text().replace("<xmin>10", "<xmin>11"))
    message = refused(tmp_path / "run", *voc, "--resume")
    assert "digest of the annotations was" in message and "zero-based" not in message


def test_no_steps(tmp_path):
    for option in ("--iterations", "--batch-size"):
        result = edudet("train", "tiny", "--out", tmp_path / "run", option, 0)
        assert result.exit_code == 2 and f"'{option}': 0 is not in the range x>=1" in result.output
        name = option.strip("-").replace("-", "_")
        with pytest.raises(ValueError, match=f"train: {name} must be positive and finite, got 0"):
            run.train_model("tiny", tmp_path / "run", **{name: 0})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:99"])
def test_who_misses_a_device(tmp_path, monkeypatch, device):
    """Each command and function under its own name."""
    if device != "cuda:99":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    rule = "cpu or cuda, got 'gpu'" if device == "gpu" else f"one that torch finds.*, got {device}"
    trained(tmp_path / "run")
    weights = ("--weights", tmp_path / "run" / "model.pt", "--device", device)
    write_image(tmp_path / "photo.png", torch.rand(3, 32, 32))
    for name, words in {
        "train": ("tiny", "--out", tmp_path / "other", "--device", device),
        "eval": ("tiny", *weights),
        "detect": (tmp_path / "photo.png", "--model", "tiny", "--out", tmp_path / "x", *weights),
    }.items():
        result = edudet(name, *words)
        assert result.exit_code == 1 and result.output.startswith(f"Error: {name}: device must be ")
    with pytest.raises(ValueError, match=f"evaluate: device must be {rule}"):
        evaluate(Tiny(), Squares(), device=device)
    with pytest.raises(ValueError, match=f"detect: device must be {rule}"):
        next(detections(Tiny(), Squares(), 0.5, device))
    assert own_device("train", "cpu") == torch.device("cpu")


def test_eval_and_detect_do_not_speak_of_training(tmp_path):
    trained(tmp_path / "run")
    weights = ("--weights", tmp_path / "run" / "model.pt")
    torn, photo = tmp_path / "torn.pt", tmp_path / "photo.png"
    torn.write_bytes(weights[1].read_bytes()[:-9])
    write_image(photo, torch.rand(3, 32, 32))
    for words in (
        ("eval", "tiny", *weights, "--level", "people"),
        ("eval", "tiny", *weights, "--coco", tmp_path, photo),
        ("eval", "tiny", *weights, "--voc", tmp_path),
        ("eval", "tiny", "--weights", torn),
        ("eval", "other", *weights),
        ("eval", "faster_rcnn", *weights),
        ("detect", photo, "--model", "tiny", "--weights", torn, "--out", tmp_path / "x"),
        ("detect", tmp_path / "no.png", "--model", "tiny", *weights, "--out", tmp_path / "x"),
        ("detect", photo, "--model", "faster_rcnn", *weights, "--out", tmp_path / "x"),
    ):
        result = edudet(*words)
        assert result.exit_code == 1 and "train: " not in result.output, (words, result.output)


def test_help_tells_what_is_measured():
    text = " ".join(edudet("train", "--help").output.split())
    assert "--val WHAT" in text and "--coco: the training images" in text
    assert "figures are of the images that the model has learnt from" in text
