"""Segments: the truth is worth exactly 1; what is perturbed is worth what is counted by hand."""

import json

import pytest
import torch
from tasks.answers import Answers, Given

from edudet.data import Scenes
from edudet.data.about import about
from edudet.tasks import panoptic
from edudet.training import evaluate

ABOUT = {"categories": ["ball", "ring"], "stuff": ["ground"]}


class Maps(Given):
    categories, stuff = ABOUT["categories"], ABOUT["stuff"]


def segments(*pairs):
    return [{"id": i, "category_id": category, "iscrowd": 0} for i, category in pairs]


# Three columns: background, a ball, the ground.
TRUTH = {
    "panoptic": torch.tensor([[7, 4, 9]] * 4), "segments": segments((7, 0), (4, 1), (9, 3)),
}  # fmt: skip


def test_the_truth_is_worth_exactly_one():
    scenes = Scenes("default", "test", length=4, size=(64, 64))
    targets = [scenes[i][1] for i in range(4)]
    dataset = Maps(*targets)
    dataset.categories = scenes.categories
    numbers = evaluate(Answers(*targets), dataset, panoptic)
    for name in ("PQ", "SQ", "RQ", "PQ_things", "PQ_stuff"):
        assert numbers[name] == 1, name
    assert numbers["images"] == 4
    renamed = [
        {
            "panoptic": target["panoptic"] + 100,
            "segments": [{**one, "id": one["id"] + 100} for one in target["segments"]],
        }
        for target in targets
    ]
    assert evaluate(Answers(*renamed), dataset, panoptic)["PQ"] == 1  # ids are only names


def test_perturbed_by_hand():
    # A quarter of the ball is called background: IoU 3/4 and 4/5; the ground is called a ring:
    # one found too much, one missed.
    ids = torch.tensor([[1, 2, 3]] * 3 + [[1, 1, 3]])
    found = {"panoptic": ids, "segments": segments((1, 0), (2, 1), (3, 2))}
    numbers = evaluate(Answers(found), Maps(TRUTH), panoptic)
    assert numbers["PQ"] == pytest.approx((4 / 5 + 3 / 4 + 0 + 0) / 4)
    assert numbers["PQ_things"] == pytest.approx((3 / 4 + 0) / 2)
    assert numbers["PQ_stuff"] == pytest.approx((4 / 5 + 0) / 2)
    assert numbers["RQ"] == pytest.approx(0.5)


def test_nothing_to_measure():
    nothing = {"panoptic": torch.zeros(2, 2, dtype=torch.int64), "segments": []}
    numbers = evaluate(Answers(nothing), Maps(nothing), panoptic)
    assert numbers["PQ"] == numbers["PQ_things"] == numbers["SQ_stuff"] == -1
    stuff = {"panoptic": torch.ones(2, 2, dtype=torch.int64), "segments": segments((1, 3))}
    numbers = evaluate(Answers(stuff), Maps(stuff), panoptic)
    assert (numbers["PQ"], numbers["PQ_things"], numbers["PQ_stuff"]) == (1, -1, 1)


def test_unsure_segments_become_nothing():
    scores = zip(TRUTH["segments"], (1.0, 0.3, 0.9), strict=True)
    found = {**TRUTH, "segments": [{**one, "score": score} for one, score in scores]}
    sure = panoptic.surer(found, 0.5)
    assert sure["panoptic"].tolist() == [[7, 0, 9]] * 4
    assert [one["id"] for one in sure["segments"]] == [7, 9]
    assert panoptic.surer(TRUTH, 1.0)["panoptic"].equal(TRUTH["panoptic"])  # none has a score
    assert panoptic.told(TRUTH, ABOUT) == "things: 1, stuff: 2"
    assert panoptic.told(sure, ABOUT) == "things: 0, stuff: 2"


def test_how_many_classes_a_model_has():
    assert panoptic.model_arguments(ABOUT) == {"num_things": 2, "num_classes": 4}
    arguments = panoptic.model_arguments(about(Scenes("default")))
    assert arguments == {"num_things": 8, "num_classes": 10}


def test_records_are_read_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    file = panoptic.records(["a.png"], [(4, 3)], [TRUTH], ABOUT)
    (tmp_path / "found.json").write_text(json.dumps(file))
    read = coco.COCO(tmp_path / "found.json")
    found = {one["category_id"]: one for one in read.loadAnns(read.getAnnIds([1]))}
    assert sorted(found) == [0, 1, 3] and found[1]["bbox"] == [1, 0, 1, 4]
    names = {one["id"]: (one["name"], one["isthing"]) for one in file["categories"]}
    assert names == {0: ("background", 0), 1: ("ball", 1), 2: ("ring", 1), 3: ("ground", 0)}
    assert (torch.from_numpy(read.annToMask(found[3])) == (TRUTH["panoptic"] == 9)).all()
    assert sum(one["area"] for one in found.values()) == 12


def test_the_picture_parts_neighbours_of_one_class():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    two = {"panoptic": torch.tensor([[1, 1, 2, 2]]), "segments": segments((1, 1), (2, 1))}
    figure = panoptic.picture(torch.rand(3, 1, 4), two, ABOUT)
    assert figure.png()[:4] == b"\x89PNG"
    right = figure.axes[1]
    (row,) = right.images[0].get_array().tolist()
    assert row[0] == row[1] == row[3] != [0, 0, 0] and row[2] == [0, 0, 0]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["ball"]
