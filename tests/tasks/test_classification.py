"""One class for an image: counted by hand."""

import pytest
import torch
from tasks.answers import Answers, Given

from edudet.tasks import classification
from edudet.training import evaluate

ABOUT = {"categories": ["cat", "dog", "cow"], "size": [8, 8]}
UNSURE = {"labels": torch.tensor([2, 1, 3]), "scores": torch.tensor([0.5, 0.375, 0.125])}


class Animals(Given):
    categories = ABOUT["categories"]


def answer(label):
    others = [k for k in (1, 2, 3) if k != label]
    return {"labels": torch.tensor([label, *others]), "scores": torch.tensor([0.8, 0.1, 0.1])}


def test_the_truth_is_right_and_others_are_not():
    dataset = Animals(*({"label": torch.tensor(k), "image_id": k} for k in (1, 2, 3, 3)))
    right = evaluate(Answers(*map(answer, (1, 2, 3, 3))), dataset, classification)
    assert right["accuracy"] == 1 and right["images"] == 4
    numbers = evaluate(Answers(*map(answer, (2, 2, 3, 1))), dataset, classification)
    assert numbers["accuracy"] == 0.5
    assert evaluate(Answers(), Animals(), classification)["accuracy"] == -1


def test_labels_may_be_plain_numbers():
    dataset = Animals({"label": 2}, {"label": torch.tensor(2, dtype=torch.uint8)})
    model = Answers(answer(2), answer(2))
    assert evaluate(model, dataset, classification)["accuracy"] == 1


def test_what_is_sure():
    sure = classification.surer(UNSURE, 0.3)
    assert sure["labels"].tolist() == [2, 1] and sure["scores"].tolist() == [0.5, 0.375]
    assert classification.told(sure, ABOUT) == "dog (0.50)"
    assert classification.told(classification.surer(UNSURE, 0.9), ABOUT) == "nothing is sure"


def test_a_model_has_the_size_and_the_classes_of_the_dataset():
    assert classification.model_arguments(ABOUT) == {"num_classes": 3, "size": (8, 8)}
    with pytest.raises(ValueError, match="must say the size of its images"):
        classification.model_arguments({"categories": ["a"]})


def test_records():
    sizes = [(8, 8), (8, 8)]
    outputs = [classification.surer(UNSURE, score) for score in (0.2, 0.9)]
    file = classification.records(["a.png", "b.png"], sizes, outputs, ABOUT)
    assert file["annotations"] == [
        {"id": 1, "image_id": 1, "category_id": 2, "score": 0.5},
        {"id": 2, "image_id": 1, "category_id": 1, "score": 0.375},
    ]
    assert [one["name"] for one in file["categories"]] == ["cat", "dog", "cow"]
    assert [one["file_name"] for one in file["images"]] == ["a.png", "b.png"]


@pytest.mark.parametrize("score", [0.0, 0.9])
def test_the_picture_has_a_bar_for_each_class(score):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    output = classification.surer(UNSURE, score)
    figure = classification.picture(torch.rand(3, 8, 8), output, ABOUT)
    widths = [bar.get_width() for bar in figure.axes[1].patches]
    assert widths == output["scores"].tolist()
    assert figure.png()[:4] == b"\x89PNG"
