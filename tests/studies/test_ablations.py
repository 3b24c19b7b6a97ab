"""Ablations: what is done once and not again, what each variant changes, what is written."""

import csv
import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from training.tiny import Tiny

from edudet.cli import main
from edudet.data import Scenes
from edudet.data.proposals import WithProposals
from edudet.models.small import faster_rcnn_small, rcnn_small
from edudet.studies import comparison, variants
from edudet.studies.ablations import (
    ABLATIONS,
    unweighted,
    with_anchors,
    with_mining,
    with_threshold,
)
from edudet.studies.comparison import ablation, report
from edudet.studies.variants import Ablation, Panel, Setting, Variant, folder_of, measured
from edudet.tasks.detection import BOX
from edudet.training import shipped
from edudet.training.checkpoint import save_weights
from edudet.training.recipes import RECIPES, Recipe

pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")
RECIPE = Recipe(Tiny, "easy", BOX, 9, 2, 0.05, {})
TRAINED = []


def tiny(num_classes):
    TRAINED.append(num_classes)
    return Tiny(num_classes)


def louder(model, dataset, folder):
    """Something that is done after training."""
    return {"images": float(len(dataset)), "noise": model.noise}


STUDY = Ablation(
    "Is noise good for it?", "Look at AP.", RECIPE,
    (Variant("no noise", tiny), Variant("Noise: 10 %", tiny, None, louder, "no noise")),
    (Panel("on unseen scenes", {"AP": "AP", "AP50": "AP50"}), Panel("loss", {"loss": "loss"})),
    tests=(("", "easy", BOX), ("again ", "easy", BOX)), length=4,
)  # fmt: skip
SETTING = Setting("noise", 2, 3, 2)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    TRAINED.clear()
    monkeypatch.setitem(ABLATIONS, "noise", STUDY)
    monkeypatch.setattr("edudet.studies.variants.Scenes", Small)


class Small(Scenes):
    def __init__(self, level, split, seed, length):
        super().__init__(level, split, seed, length, (32, 32))


def test_numbers_are_those_of_the_variant(tmp_path):
    first = measured(STUDY, STUDY.variants[0], SETTING, tmp_path)
    assert TRAINED == [9] and {"AP", "again AP", "loss", "loss_box"} <= first.keys()
    assert first["images"] == 2 and first["again AP"] == first["AP"]
    assert first["loss"] == pytest.approx(first["loss_class"] + first["loss_box"])
    second = measured(STUDY, STUDY.variants[1], SETTING, tmp_path)
    assert second["noise"] == 0.05 and second["loss"] == first["loss"]  # one training for both
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert folders == ["no-noise-2steps-seed3", "noise-10-2steps-seed3"]
    assert not (tmp_path / folders[1] / "checkpoint.pt").exists()


def test_what_is_finished_is_not_done_again(tmp_path, monkeypatch):
    first = measured(STUDY, STUDY.variants[0], SETTING, tmp_path)
    monkeypatch.setattr(variants, "train", None)  # would raise if it were called
    monkeypatch.setattr(variants, "evaluate", None)
    assert measured(STUDY, STUDY.variants[0], SETTING, tmp_path) == first
    with pytest.raises(TypeError):
        measured(STUDY, STUDY.variants[0], replace(SETTING, scenes=3), tmp_path)


def test_more_test_scenes_need_no_training(tmp_path):
    first = measured(STUDY, STUDY.variants[0], SETTING, tmp_path)
    checkpoint = folder_of("no noise", SETTING, tmp_path) / "checkpoint.pt"
    written = checkpoint.stat().st_mtime_ns
    second = measured(STUDY, STUDY.variants[0], replace(SETTING, scenes=3), tmp_path)
    assert second["images"] == 3 and second["loss"] == first["loss"]
    assert checkpoint.stat().st_mtime_ns == written


def test_another_ablation_in_the_folder_is_told(tmp_path):
    measured(STUDY, STUDY.variants[0], SETTING, tmp_path)
    other = replace(SETTING, ablation="other", scenes=1)
    with pytest.raises(ValueError, match="ablation was 'noise', is 'other'"):
        measured(STUDY, STUDY.variants[0], other, tmp_path)


def test_the_command(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    words = ["ablation", "noise", "--iterations", "2", "--scenes", "2", "--out", str(tmp_path)]
    told = CliRunner().invoke(main, [*words, "--seeds", "0,4"])
    assert told.exit_code == 0, told.output
    assert (tmp_path / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    with (tmp_path / "ablation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], row["seed"]) for row in rows] == [
        ("no noise", "0"), ("Noise: 10 %", "0"), ("no noise", "4"), ("Noise: 10 %", "4"),
    ]  # fmt: skip
    mean = (float(rows[0]["loss"]) + float(rows[2]["loss"])) / 2
    text = (tmp_path / "ablation.md").read_text()
    assert f"| {mean:.3f} |" in text and "means over the seeds 0, 4" in text
    assert "Look at AP." in text and "2 test scenes; 2 steps" in text
    done = json.loads((tmp_path / "no-noise-2steps-seed4" / "metrics.json").read_text())
    assert done["setting"]["seed"] == 4 and done["numbers"]["AP"] == float(rows[2]["AP"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "NAME must be one of anchors, nms, pool, mining, background, alpha"),
        (["noise", "--seeds", "0;1"], "--seeds must be numbers such as 0,1,2, got '0;1'"),
        (["noise", "--seeds", "-1"], "seed must"),
    ],
)
def test_mistakes_are_told_in_a_line(words, message, tmp_path):
    told = CliRunner().invoke(main, ["ablation", *words, "--out", str(tmp_path / "out")])
    assert told.exit_code in (1, 2) and message in told.output
    assert "Traceback" not in told.output


def test_weights_of_the_package_stand_in_for_a_training(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setitem(RECIPES, "tiny", RECIPE)
    monkeypatch.setitem(ABLATIONS, "noise", replace(STUDY, shipped="tiny", panels=STUDY.panels[:1]))
    for module in (comparison, shipped):
        monkeypatch.setattr(module, "SHIPPED", tmp_path)
    names, digests = list(Scenes("easy").categories), set()
    for scale in (0.0, 1.0):  # other weights under the same name are measured anew
        model = Tiny(9)
        model.head.weight.data *= scale
        save_weights(tmp_path / "tiny.pt", model, model="tiny", categories=names)
        rows = ablation("noise", tmp_path / "out", None, (5, 6), 2)
        assert [row["seed"] for row in rows] == [0, 0] and TRAINED == []
        done = json.loads((tmp_path / "out/no-noise-0steps-seed0/metrics.json").read_text())
        digests.add(done["setting"]["digest"])
    assert len(digests) == 2 and "loss" not in rows[0]
    assert "the weights of tiny that come" in (tmp_path / "out" / "ablation.md").read_text()
    assert "loss" in ablation("noise", tmp_path / "out", 2, (5,), 2)[0] and TRAINED == [9, 9]


def test_no_seeds(tmp_path):
    with pytest.raises(ValueError, match="num_seeds must be"):
        ablation("noise", tmp_path, 2, ())


@pytest.mark.parametrize("name", list(ABLATIONS))
def test_every_ablation_is_whole(name):
    study = ABLATIONS[name]
    names = {folder_of(variant.name, SETTING, variants.Path()) for variant in study.variants}
    assert len(names) == len(study.variants) > 1
    values = [variant.value for variant in study.variants]
    assert values == sorted(values) if study.axis else set(values) == {None}
    assert {level for _, level, _ in study.tests} <= {"default", "crowded"}
    shown = {key: 0.25 for panel in study.panels for key in panel.shown}
    rows = [{"variant": v.name, "value": v.value, "seed": 0, **shown} for v in study.variants]
    assert report(study, SETTING, rows).count("0.250") == len(shown) * len(study.variants)


def test_what_differs_between_variants():
    def branches(name):
        return [variant.model(9).box_branch for variant in ABLATIONS[name].variants]

    assert [branch.background_from for branch in branches("background")] == [0, 0.1, 0.3]
    assert [branch.alpha for branch in branches("alpha")] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert [branch.pool.pool for branch in branches("pool")] == ["align", "max"]
    assert [branch.step for branch in branches("mining")] == [2, 2, 1, 1]
    plain, pooled = (variant.model(9) for variant in ABLATIONS["pool"].variants)
    assert (plain.mask_pool.pool, pooled.mask_pool.pool) == ("align", "max")


def test_anchors_of_one_size():
    model = with_anchors((24, 24, 24), 9).eval()
    keep = {}
    with torch.inference_mode():
        model([torch.zeros(3, 32, 32)], None, keep)
        of_all = {}
        faster_rcnn_small(9).eval()([torch.zeros(3, 32, 32)], None, of_all)
    sides = [sides_of(anchors) for anchors in keep["anchors"]]
    assert sides == [{24}] * 3
    assert [sides_of(anchors) for anchors in of_all["anchors"]] == [{12}, {24}, {48}]
    assert [len(a) for a in keep["anchors"]] == [len(a) for a in of_all["anchors"]]


def sides_of(anchors):
    area = (anchors[:, 2:] - anchors[:, :2]).prod(1)
    return set(area.sqrt().round().int().tolist())


def test_the_threshold_of_nms():
    # Boxes of 10 x 10, shifted by 5: IoU 50 / 150 = 1/3.
    model = faster_rcnn_small(2).eval()
    rois = [torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10]])]
    logits, deltas = torch.tensor([[0.0, 5], [0, 4]]), torch.zeros(2, 8)
    counts = []
    for threshold in (0.3, 0.4):
        assert with_threshold(threshold)(model, None, None) == {}
        (found,) = model.box_branch.detections(logits, deltas, rois, [(32, 32)])
        counts.append(len(found["boxes"]))
    assert counts == [1, 2]


def test_mining_adds_negatives(tmp_path):
    torch.manual_seed(0)
    model = rcnn_small(9).eval()
    dataset = WithProposals(Small("easy", "train", 0, 3))
    counts = [with_mining(rounds)(model, dataset, tmp_path)["negatives"] for rounds in (0, 1)]
    # Of each image ten random ones for each of eight classes, and then the hard ones.
    assert counts[0] <= 3 * 8 * 10 and counts[1] > counts[0]
    assert model.box_branch.svms.trained


def test_the_losses_before_they_were_weighted():
    # alpha .25, S 2, R 6: L = .25 * 2 + .75 * 6 = 5
    numbers = {"loss_classifier": 0.5, "loss_box_reg": 4.5}
    assert unweighted(numbers, 0.25) == {"S": 2, "R": 6}
