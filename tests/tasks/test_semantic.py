"""A class for every pixel: numbers by hand, void, records that other tools read."""

import json

import pytest
import torch
from tasks.answers import Answers, Given

from edudet.data import Scenes
from edudet.data.about import about
from edudet.tasks import semantic
from edudet.training import evaluate

ABOUT = {"categories": ["ball", "ring"], "stuff": ["ground"]}


def answer(labels, scores=1.0):
    labels = torch.as_tensor(labels)
    return {"semantic": labels, "scores": torch.full(labels.shape, scores)}


class Maps(Given):
    categories, stuff = ABOUT["categories"], ABOUT["stuff"]


def measured(truth, called):
    truth, called = (torch.tensor(one) for one in (truth, called))
    dataset = Maps({"semantic": truth, "image_id": 0})
    numbers = evaluate(Answers(answer(called)), dataset, semantic)
    assert numbers["images"] == 1
    return numbers["mIoU"], numbers["pixel_accuracy"]


def test_by_hand():
    # background 1 of 2, ball 1 of 2, ring neither there nor called, ground 1 of 1
    assert measured([[0, 1], [1, 3]], [[0, 0], [1, 3]]) == (pytest.approx(2 / 3), 0.75)
    assert measured([[0, 1], [1, 3]], [[2, 2], [2, 2]]) == (0, 0)


def test_the_truth_is_right_and_something_else_is_worse():
    scenes = Scenes("easy", "test", length=3, size=(64, 64))
    truth = [scenes[i][1]["semantic"] for i in range(3)]
    dataset = Maps(*(scenes[i][1] for i in range(3)))
    dataset.categories = scenes.categories
    right = evaluate(Answers(*map(answer, truth)), dataset, semantic)
    assert right["mIoU"] == right["pixel_accuracy"] == 1
    moved = [answer(labels.roll(3, 1)) for labels in truth]
    wrong = evaluate(Answers(*moved), dataset, semantic)
    assert 0 < wrong["mIoU"] < wrong["pixel_accuracy"] < 1


def test_classes_of_all_images_are_counted_together():
    """A mean of the images' IoUs would be (1 + 1/3 ...) / 2."""
    dataset = Maps({"semantic": torch.tensor([[1, 1, 1]])}, {"semantic": torch.tensor([[1, 0, 0]])})
    model = Answers(answer([[1, 1, 1]]), answer([[1, 1, 1]]))
    # ball 4 of 6, background 0 of 2
    assert evaluate(model, dataset, semantic)["mIoU"] == pytest.approx((4 / 6 + 0) / 2)


def test_void_does_not_count():
    assert measured([[255, 1], [255, 255]], [[3, 1], [2, 0]]) == (1, 1)
    assert measured([[255, 255]], [[1, 2]]) == (-1, -1)  # nothing to measure
    dataset = Maps({"semantic": torch.tensor([[255, 1]], dtype=torch.uint8)})
    assert evaluate(Answers(answer([[0, 1]])), dataset, semantic)["mIoU"] == 1


def test_a_class_that_the_dataset_has_not():
    with pytest.raises(ValueError, match=r"gt_labels\[0, 1\] must lie in 0 to 3, got 9"):
        measured([[0, 9]], [[0, 1]])


def test_how_many_classes_a_model_has():
    assert semantic.model_arguments(ABOUT) == {"num_classes": 4}
    assert semantic.model_arguments({"categories": ["ball"]}) == {"num_classes": 2}  # VOC: no stuff
    assert semantic.model_arguments(about(Scenes("default"))) == {"num_classes": 10}


def test_unsure_pixels_become_void():
    output = {"semantic": torch.tensor([[1, 2]]), "scores": torch.tensor([[0.4, 0.6]])}
    sure = semantic.surer(output, 0.5)
    assert sure["semantic"].tolist() == [[255, 2]] and output["semantic"].tolist() == [[1, 2]]
    assert semantic.surer(output, semantic.SCORE)["semantic"].tolist() == [[1, 2]]
    assert semantic.told(sure, ABOUT) == "ring"
    assert semantic.told(output, ABOUT) == "ball, ring"


def test_records_are_read_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    labels = torch.tensor([[0, 0, 1], [255, 3, 3]])
    output = {"semantic": labels, "scores": torch.tensor([[1, 1, 0.5], [0.9, 0.75, 0.25]])}
    nothing = answer([[0, 0], [0, 255]])
    file = semantic.records(["a.png", "b.png"], [(2, 3), (2, 2)], [output, nothing], ABOUT)
    (tmp_path / "found.json").write_text(json.dumps(file))
    read = coco.COCO(tmp_path / "found.json")
    first, second = read.loadAnns(read.getAnnIds([1]))
    assert read.getAnnIds([2]) == []
    assert [read.loadCats(one["category_id"])[0]["name"] for one in (first, second)] == [
        "ball", "ground",
    ]  # fmt: skip
    assert (torch.from_numpy(read.annToMask(second)) == (labels == 3)).all()
    assert (second["score"], second["area"], second["bbox"]) == (0.5, 2, [1, 1, 2, 1])
    assert first["score"] == 0.5 and read.loadImgs(1)[0]["file_name"] == "a.png"


def test_the_picture_names_what_is_on_it():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    output = answer([[0, 0, 1], [255, 3, 3]])
    figure = semantic.picture(torch.rand(3, 2, 3), output, ABOUT)
    assert figure.png()[:4] == b"\x89PNG"
    left, right = figure.axes
    assert [text.get_text() for text in right.get_legend().get_texts()] == [
        "background", "ball", "ground",
    ]  # fmt: skip
    shown = torch.tensor(right.images[0].get_array())
    assert shown.shape == (2, 3, 3) and left.images[0].get_array().shape == (2, 3, 3)
    assert (shown[1, 0] == 1).all() and (shown[1, 1] == shown[1, 2]).all()  # void is white
    assert len({tuple(one) for one in shown.flatten(0, 1).tolist()}) == 4


def test_many_classes_have_many_colours():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from edudet.draw.tasks.semantic import colour_of

    assert len({colour_of(label) for label in range(60)}) == 60
