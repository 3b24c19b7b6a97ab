"""Classes by the numbers of another list: labels, maps and segments alike."""

import numpy as np
import pytest
import torch

from edudet.data.renumbered import Renumbered
from edudet.data.scenes import Scenes

NAMES = ("zebra", "car", "cat", "dog")


class Given:
    categories, joints, category_ids = ("cat", "car"), ("nose",), (17, 3)

    def __init__(self, **target):
        self.target = target

    def __len__(self):
        return 1

    def __getitem__(self, i):
        return torch.zeros(3, 2, 4), self.target


def renumbered(names=NAMES, **target):
    return Renumbered(Given(**target), names)[0][1]


def test_labels_maps_and_segments():
    """Of two classes and the ground behind them, number 3; of four, the ground is number 5."""
    semantic = torch.tensor([[0, 1, 2, 3], [255, -1, 4, 1]])
    segments = [{"id": 9, "category_id": c, "iscrowd": 0} for c in (2, 0, 3)]
    given = {"labels": torch.tensor([2, 1, 1]), "semantic": semantic, "segments": segments,
             "image_id": 8, "seed": 1, "panoptic": semantic}  # fmt: skip
    target = renumbered(**given)
    assert target["labels"].tolist() == [2, 3, 3]
    assert target["semantic"].tolist() == [[0, 3, 2, 5], [255, -1, 6, 3]]
    assert target["segments"] == [
        {"id": 9, "category_id": c, "iscrowd": 0} for c in (2, 0, 5)
    ]
    assert target["image_id"] == 8 and target["panoptic"] is semantic
    assert semantic[0].tolist() == [0, 1, 2, 3] and segments[0]["category_id"] == 2, "as they were"


@pytest.mark.parametrize("labels", [[2, 1], np.array([2, 1], dtype=np.int32), (2, 1),
                                    torch.tensor([2, 1], dtype=torch.uint8)])  # fmt: skip
def test_any_form(labels):
    target = renumbered(labels=labels, semantic=np.array([[1, 2]], dtype=np.uint8))
    assert target["labels"].tolist() == [2, 3] and target["semantic"].tolist() == [[3, 2]]
    assert renumbered(labels=[])["labels"].shape == (0,)
    assert renumbered(image_id=3) == {"image_id": 3}
    for label in (1, torch.tensor(1), np.int64(1), np.array(1)):  # of a whole image
        assert renumbered(label=label)["label"].item() == 3


def test_scenes_say_the_same_under_new_names():
    """Of every object the map shows its label, and the segment of that name its class."""
    scenes = Scenes("default", length=4)
    dataset = Renumbered(scenes, ("sheep", *scenes.categories[::-1], "horse"))
    for i in range(4):
        (image, before), (same, target) = scenes[i], dataset[i]
        names = [dataset.categories[k - 1] for k in target["labels"]]
        assert names == [scenes.categories[k - 1] for k in before["labels"]]
        assert torch.equal(image, same)
        for k, mask in enumerate(target["masks"]):
            assert (target["semantic"][mask] == target["labels"][k]).all()
        for one in target["segments"]:
            shown = target["semantic"][target["panoptic"] == one["id"]].unique().tolist()
            assert shown == [one["category_id"]]
        assert target["semantic"].max() <= len(dataset.categories) + 1


def test_what_the_dataset_says_of_itself():
    dataset = Renumbered(Given(), NAMES)
    assert dataset.categories == NAMES and dataset.joints == ("nose",) and len(dataset) == 1
    assert not hasattr(dataset, "category_ids")


@pytest.mark.parametrize(
    ("names", "target", "message"),
    [
        (("cat", "dog"), {}, "Renumbered: categories must have all classes .* lack car"),
        (NAMES, {"labels": [1, 3]}, r"dataset\[0\]\['labels'\]\[1\] must lie in \[1, 2\], got 3"),
        (NAMES, {"label": 3}, r"dataset\[0\]\['label'\] must lie in \[1, 2\], got 3"),
        (NAMES, {"labels": [0]}, r"dataset\[0\]\['labels'\]\[0\] must lie in \[1, 2\], got 0"),
        (NAMES, {"labels": [1.5]}, r"dataset\[0\]\['labels'\] must be integers, got float32"),
        (NAMES, {"semantic": torch.zeros(2, 2)}, r"\['semantic'\] must be integers"),
        (("cat", "car", *map(str, range(252))), {"semantic": [[3]]},
         r"\['semantic'\] must have a number other than 255, which means void"),
    ],
)  # fmt: skip
def test_errors(names, target, message):
    with pytest.raises(ValueError, match=message):
        renumbered(names, **target)
