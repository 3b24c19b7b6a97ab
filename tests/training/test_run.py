"""The commands `edudet train`, `edudet eval` and `edudet detect`, with a detector of no worth."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn
from training.tiny import Tiny

from edudet.cli import main
from edudet.data import Scenes
from edudet.data.about import about
from edudet.data.coco import write_coco
from edudet.data.images import read_image, write_image
from edudet.tasks.detection import BOX
from edudet.training import run
from edudet.training.recipes import RECIPES, Recipe

TINY = Recipe(Tiny, "easy", BOX, 4, 2, 0.05, {"warmup": 1, "weight_decay": 1e-3})


class Few(Scenes):
    """As many test scenes as a test can wait for."""

    def __init__(self, level="default", split="train", seed=0, length=None):
        super().__init__(level, split, seed, 20)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr("edudet.data.Scenes", Few)
    monkeypatch.setitem(RECIPES, "tiny", TINY)


def edudet(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def told(result):
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edudet.data.Scenes", Few)
        patch.setitem(RECIPES, "tiny", TINY)
        out = tmp_path_factory.mktemp("run")
        told(edudet("train", "tiny", "--out", out, "--seed", 3))
    return out


def test_train_writes_its_files(folder):
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.pt", "metrics.json", "losses.csv", "checkpoint.pt"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["model"] == "tiny" and metrics["seed"] == 3 and metrics["iterations"] == 4
    assert metrics["images"] == 20 and 0 <= metrics["AP"] <= metrics["AP50"] <= 1
    assert metrics["train_seconds"] > 0 and metrics["threads"] == torch.get_num_threads()
    assert metrics["torch"] == torch.__version__ and metrics["source"] == "scenes easy"


def test_the_run_is_not_overwritten_but_resumed(folder):
    result = edudet("train", "tiny", "--out", folder, "--seed", 3)
    assert result.exit_code == 1 and "out must be a folder without a run" in result.output
    before = torch.load(folder / "model.pt")["state_dict"]
    told(edudet("train", "tiny", "--out", folder, "--seed", 3, "--resume"))
    after = torch.load(folder / "model.pt")["state_dict"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    result = edudet("train", "tiny", "--out", folder, "--seed", 3, "--resume", "--level", "hard")
    assert "source was 'scenes easy', is 'scenes hard'" in result.output


def test_eval_says_what_train_measured(folder):
    text = told(edudet("eval", "tiny", "--weights", folder / "model.pt", "--json"))
    metrics = json.loads((folder / "metrics.json").read_text())
    again = json.loads(text)
    assert all(again[name] == metrics[name] for name in ("AP", "AP50", "AR_100", "images"))
    assert "AP50" in told(edudet("eval", "tiny", "--weights", folder / "model.pt"))


def test_a_folder_in_coco_layout(folder, tmp_path):
    path = write_coco(Few("easy"), tmp_path / "data")
    coco = ("--coco", tmp_path / "data" / "images", path)
    told(edudet("train", "tiny", "--out", tmp_path / "run", *coco, "--iterations", 2))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["source"] == "coco annotations.json" and metrics["iterations"] == 2
    text = told(edudet("eval", "tiny", "--weights", folder / "model.pt", *coco, "--json"))
    assert json.loads(text)["images"] == 20


class Sure(nn.Module):
    """Finds two things, with masks and joints, on every image."""

    def __init__(self, num_classes=9):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images, targets=None):
        if self.training:
            return {"loss": self.weight.sum()}
        return [self._found(*image.shape[-2:]) for image in images]

    def _found(self, height, width):
        masks = torch.zeros(2, 1, height, width)
        masks[0, 0, 20:60, 10:50], masks[1, 0, 50:90, 40:100] = 0.9, 0.8
        y, x = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
        joints = torch.stack([x.flatten(), y.flatten(), torch.ones(16)], 1)[:14] * 10
        return {
            "boxes": torch.tensor([[10.0, 20, 50, 60], [40, 50, 100, 90]]),
            "labels": torch.tensor([1, 3]), "scores": torch.tensor([0.9, 0.4]), "masks": masks,
            "keypoints": torch.stack([joints + 15, joints + 50]),
            "keypoints_scores": torch.ones(2, 14),
        }  # fmt: skip


@pytest.fixture
def sure(monkeypatch, tmp_path):
    """The weights of a model that finds things."""
    monkeypatch.setitem(RECIPES, "sure", Recipe(Sure, "easy", BOX, 1, 1, 0.1, {}))
    run.save_weights(tmp_path / "sure.pt", Sure(), model="sure", **about(Scenes("easy")))
    return tmp_path / "sure.pt"


@pytest.fixture
def photo(tmp_path):
    write_image(tmp_path / "photo.png", Scenes("default")[0][0])
    return tmp_path / "photo.png"


def test_detect_writes_pictures_and_records(sure, photo, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    out = tmp_path / "out"
    (tmp_path / "other").mkdir()
    wide = tmp_path / "other" / "photo.png"  # another of the same name
    write_image(wide, torch.rand(3, 100, 150))
    words = ("--model", "sure", "--weights", sure, "--out", out, "--score", 0.3)
    told(edudet("detect", photo, wide, *words))
    assert sorted(p.name for p in out.iterdir()) == ["detections.json", "photo.png", "photo_2.png"]
    assert read_image(out / "photo.png").shape == (3, 640, 640)
    assert read_image(out / "photo_2.png").shape[2] == 640  # 150 x 100, enlarged
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    read = coco.COCO(out / "detections.json")
    names = [image["file_name"] for image in read.loadImgs([1, 2])]
    assert names == ["photo.png", "other/photo.png"]  # from the folder on that holds both
    first, second = read.loadAnns(read.getAnnIds([2]))
    assert first["bbox"] == [10, 20, 40, 40] and first["score"] == pytest.approx(0.9)
    assert read.loadCats(second["category_id"])[0]["name"] == Scenes("easy").categories[2]
    mask = np.zeros((100, 150))
    mask[50:90, 40:100] = 1
    assert (read.annToMask(second) == mask).all()
    assert second["area"] == mask.sum()
    assert first["keypoints"][:3] == [15, 15, 25] and len(first["keypoints"]) == 42


def test_detect_takes_folders(sure, photo, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for name in ("b.PNG", "a.png", "deep/c.png"):
        (tmp_path / "photos" / name).write_bytes(photo.read_bytes())
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    out = tmp_path / "out"
    words = ("--model", "sure", "--weights", sure, "--out", out)
    told(edudet("detect", tmp_path / "photos", *words))
    found = json.loads((out / "detections.json").read_text())
    assert [image["file_name"] for image in found["images"]] == ["a.png", "b.PNG", "deep/c.png"]
    (tmp_path / "empty").mkdir()
    result = edudet("detect", tmp_path / "empty", *words)
    assert result.exit_code == 1 and "empty must have a picture in it, got none" in result.output


@pytest.mark.parametrize(("zero", "corner"), [(False, 9), (True, 10)])
def test_eval_of_a_voc_folder_with_classes_of_its_own(monkeypatch, sure, tmp_path, zero, corner):
    names = Scenes("easy").categories
    voc = tmp_path / "export"
    for room in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (voc / room).mkdir(parents=True)
    (voc / "ImageSets/Main/test.txt").write_text("my image\n")
    write_image(voc / "JPEGImages" / "my image.png", torch.rand(3, 100, 150))
    box = "<xmin>10</xmin><ymin>20</ymin><xmax>50</xmax><ymax>60</ymax>"
    (voc / "Annotations" / "my image.xml").write_text(
        f"<annotation><object><name>{names[0]}</name><bndbox>{box}</bndbox></object></annotation>"
    )
    seen = []
    measured = run.evaluate
    monkeypatch.setattr(
        run, "evaluate", lambda model, dataset, *args, **more: seen.append(dataset[0][1]["boxes"])
        or measured(model, dataset, *args, **more),
    )  # fmt: skip
    words = ("eval", "sure", "--weights", sure, "--voc", voc, "--json")
    assert "must know the classes of the images, aeroplane, " in edudet(*words).output
    assert "name must be one of ring, got 'ball'" in edudet(*words, "--classes", "ring").output
    classes = ("--classes", f"{names[0]}, {names[1]}", *["--zero-based"] * zero)
    metrics = json.loads(told(edudet(*words, *classes)))
    assert seen[-1].tolist() == [[corner, corner + 10, 50, 60]]
    assert metrics["AP50"] == 1.0
    for option in (("--classes", "a"), ("--zero-based",)):
        result = edudet("eval", "sure", "--weights", sure, *option)
        assert result.exit_code == 2 and "go with --voc" in result.output
    assert "each of its own" in edudet(*words, "--classes", "a,a").output


def test_detect_shows_what_is_sure(sure, photo, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    words = ("--model", "sure", "--weights", sure, "--out", tmp_path / "out")
    assert "1 found" in told(edudet("detect", photo, *words))
    assert "0 found" in told(edudet("detect", photo, *words, "--score", 0.95))
    found = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert found["annotations"] == [] and len(found["images"]) == 1


def test_prepare_gives_a_new_image_its_proposals(monkeypatch, folder, photo, tmp_path):
    seen = []

    class Proposed(Tiny):
        def forward(self, images, targets=None):
            seen.append(targets)
            return super().forward(images)

    class WithProposals:
        def __init__(self, dataset):
            self.dataset, self.categories = dataset, dataset.categories

        def __len__(self):
            return len(self.dataset)

        def __getitem__(self, i):
            image, target = self.dataset[i]
            return image, {**target, "proposals": torch.ones(5, 4)}

    recipe = Recipe(Proposed, "easy", BOX, 1, 1, 0.1, {}, prepare=WithProposals)
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    told(edudet("detect", photo, "--model", "tiny", "--weights", folder / "model.pt",
                "--out", tmp_path))  # fmt: skip
    assert [target["proposals"].shape for target in seen[0]] == [(5, 4)]


def test_mistakes_are_told_in_a_line(folder, sure, photo, tmp_path):
    weights = ("--weights", folder / "model.pt")
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes(photo.read_bytes()[:200])
    for words, message in [
        (("train", "nothing", "--out", tmp_path / "x"), "MODEL must be one of"),
        (("train", "tiny", "--out", tmp_path / "x", "--level", "odd"), "level must be a Level or"),
        (("eval", "tiny"), "no weights of tiny come with edudet"),
        (("eval", "tiny", "--weights", tmp_path / "no.pt"), "no.pt"),
        (("eval", "tiny", "--weights", photo), "must be a whole file that edudet wrote"),
        (("eval", "tiny", "--weights", sure), "must hold the weights of tiny, got 'sure'"),
        (("eval", "tiny", *weights, "--level", "people"), "must know the classes of the images"),
        (("detect", missing, "--model", "tiny", *weights), f"{missing} must be a picture"),
        (("detect", photo, broken, "--model", "tiny", *weights), f"{broken} must be a picture"),
    ]:
        result = edudet(*words)
        assert result.exit_code == 1 and message in result.output, (words, result.output)
        assert result.output.startswith("Error: ") and result.output.count("\n") == 1
    result = edudet("eval", "tiny", *weights, "--level", "easy", "--voc", tmp_path)
    assert "name one" in result.output


def test_python_m_edudet_is_the_command():
    words = [sys.executable, "-m", "edudet", "train", "--help"]
    assert "--resume" in subprocess.run(words, capture_output=True, text=True, check=True).stdout
