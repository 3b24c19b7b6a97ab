"""The zoo: runs are made once, tables say what the runs' files say, weights are shipped whole."""

import csv
import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from training.tiny import Tiny

from edudet.cli import main
from edudet.data import Scenes
from edudet.studies.zoo import report, shipped, zoo
from edudet.tasks import semantic
from edudet.tasks.detection import BOX, KEYPOINTS
from edudet.training import run
from edudet.training.checkpoint import WEIGHTS, load
from edudet.training.recipes import RECIPES, Recipe

pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")
pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")
TINY = Recipe(Tiny, "easy", BOX, 3, 2, 0.05, {})


class Few(Scenes):
    def __init__(self, level="default", split="train", seed=0, length=None):
        super().__init__(level, split, seed, min(length or 8, 8))


@pytest.fixture(autouse=True)
def two_models(monkeypatch):
    for name in list(RECIPES):
        monkeypatch.delitem(RECIPES, name)
    for name in ("tiny", "other"):
        monkeypatch.setitem(RECIPES, name, TINY)
    monkeypatch.setattr("edudet.data.Scenes", Few)


def test_all_models_and_seeds(tmp_path, monkeypatch):
    rows = zoo(tmp_path, seeds=(0, 4))
    runs = [(row["model"], row["seed"]) for row in rows]
    assert runs == [("tiny", 0), ("tiny", 4), ("other", 0), ("other", 4)]
    for name, seed in runs:
        written = json.loads((tmp_path / f"{name}-seed{seed}" / "metrics.json").read_text())
        assert written in rows
    with (tmp_path / "zoo.csv").open() as file:
        assert [(one["model"], int(one["seed"])) for one in csv.DictReader(file)] == runs
    for name in ("curves", "examples_tiny", "examples_other"):
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setattr(run, "train_model", None)  # would raise if it were called
    assert zoo(tmp_path, seeds=(0, 4)) == rows


def test_other_steps_are_another_run(tmp_path):
    (row,) = zoo(tmp_path / "a", ["tiny"], (0,), iterations=2)
    assert row["iterations"] == 2
    (row,) = zoo(tmp_path / "b", ["tiny"], (0,))
    assert row["iterations"] == 3


OF_PIXELS = {"mIoU": 0.25, "pixel_accuracy": 0.5}


def row(name, seed, ap, seconds, **others):
    numbers = {"AP": ap, "AP50": ap + 0.1, "AP75": ap, "train_seconds": seconds}
    about = {"kind": "box", "images": 500, "images_per_second": 10.0, "threads": 2, "torch": "2"}
    source = {"source": "scenes default"}
    return {"model": name, "seed": seed} | numbers | about | source | others


def test_the_table_has_every_run_and_the_worst(monkeypatch):
    monkeypatch.setitem(RECIPES, "a", TINY)
    monkeypatch.setitem(RECIPES, "b", replace(TINY, task=KEYPOINTS))
    monkeypatch.setitem(RECIPES, "c", replace(TINY, task=semantic))
    rows = [
        row("a", 0, 0.5, 100.0, amp=True),
        row("a", 1, 0.7, 300.0, measured_on="training images"),
        row("b", 0, 0.2, 7.0, PCK=0.9, kind="keypoints"),
        {"model": "c", "seed": 0, "kind": "semantic", "threads": 1, "images": 60,
         "source": "digits"} | OF_PIXELS,
    ]
    lines = report(rows).splitlines()
    mine = [line for line in lines if line.startswith(("| a ", "| b ", "| c "))]
    cells = [line.strip("| ").split(" | ") for line in mine]
    assert cells[0] == [
        "a",
        "0",
        "box",
        "test scenes",
        "0.500",
        "0.600",
        "0.500",
        "–",
        "–",
        "100",
        "10.000",
        "2",
        "yes",
    ]
    assert cells[1][:5] == ["a", "1", "box", "training images", "0.700"] and cells[1][-1] == "no"
    assert cells[2][7] == "0.900" and len(cells) == 4
    assert cells[3] == ["c", "0", "semantic", "test digits", "0.250", "0.500", "–", "–", "1", "no"]
    assert sum(line.startswith("| model |") for line in lines) == 2  # boxes and joints; pixels
    assert lines[-3:] == [
        "- a: AP 0.500, AP50 0.600, AP75 0.500 (seed 0)",
        "- b: AP 0.200, AP50 0.300, AP75 0.200, PCK 0.900 (seed 0)",
        "- c: mIoU 0.250, pixel_accuracy 0.500 (seed 0)",
    ]
    assert "Measured on 500 or 60 images" in report(rows)


def test_weights_are_shipped_with_their_numbers(tmp_path):
    ship = tmp_path / "weights"
    rows = zoo(tmp_path, seeds=(4, 0), ship=ship)
    assert sorted(path.name for path in ship.iterdir()) == [
        "README.md", "other.json", "other.pt", "tiny.json", "tiny.pt",
    ]  # fmt: skip
    assert json.loads((ship / "tiny.json").read_text()) == rows[0]
    model, facts, _ = run.load_trained("tiny", ship / "tiny.pt")
    assert facts["seed"] == 4
    kept = load(tmp_path / "tiny-seed4" / "model.pt", WEIGHTS)["state_dict"]
    assert all(torch.equal(value.to(kept[key]), kept[key])
               for key, value in model.state_dict().items())  # fmt: skip
    table = (ship / "README.md").read_text()
    assert table == shipped(ship)
    assert "| `tiny.pt` | `edudet train tiny --seed 4 --out DIR` | 3 steps," in table
    assert "| box | test scenes | " in table and rows[0]["measured_on"] == "test scenes"


def test_numbers_of_before_they_said_what_was_measured(tmp_path):
    zoo(tmp_path, ["tiny"], (0,), ship=tmp_path / "weights")
    path = tmp_path / "weights" / "tiny.json"
    numbers = json.loads(path.read_text())
    del numbers["measured_on"]
    path.write_text(json.dumps(numbers))
    assert "| box | test scenes | " in shipped(path.parent)


def test_no_steps(tmp_path):
    with pytest.raises(ValueError, match="train: iterations must be positive and finite, got 0"):
        zoo(tmp_path, ["tiny"], (0,), iterations=0)
    result = CliRunner().invoke(main, ["zoo", "tiny", "--iterations", "0", "--out", str(tmp_path)])
    assert result.exit_code == 2 and "'--iterations': 0 is not in the range x>=1" in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nobody"], "MODEL must be one of tiny, other, got 'nobody'"),
        (["tiny", "--seeds", "1,1"], r"zoo: seeds must be different, one at least, got [1, 1]"),
        (["tiny", "--seeds", "one"], "--seeds must be numbers such as 0,1,2, got 'one'"),
    ],
)
def test_what_is_refused(tmp_path, words, message):
    result = CliRunner().invoke(main, ["zoo", *words, "--out", str(tmp_path)])
    assert result.exit_code and message in result.output


def test_the_command(tmp_path):
    words = ["zoo", "tiny", "--seeds", "1", "--iterations", "2", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.output.split()[-4:] == [
        str(tmp_path / name) for name in ("curves.png", "examples_tiny.png", "zoo.csv", "zoo.md")
    ]
