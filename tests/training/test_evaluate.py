import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from edudet.training import evaluate
from edudet.training.evaluate import SIGMA_OF, Collected

BOX = [[4.0, 4.0, 24.0, 44.0]]  # its longer side is 40: a joint may be 4 pixels off
JOINTS = ("right ankle", "neck", "head top")


class Given(Dataset):
    """Images, all of 64x64, whose targets are given."""

    categories, joints = ("person", "ball"), JOINTS

    def __init__(self, *targets):
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return torch.full((3, 64, 64), i / 255), self.targets[i]


class Answers(nn.Module):
    """Says what it is told to say; the image's colour is its number."""

    def __init__(self, *outputs):
        super().__init__()
        self.outputs, self.seen = outputs, []

    def forward(self, images, targets=None):
        assert not self.training and not torch.is_grad_enabled()
        self.seen.append(targets)
        return [self.outputs[round(float(image[0, 0, 0]) * 255)] for image in images]


def person(boxes=BOX, image_id=7, crowd=False, **more):
    number = len(boxes)
    boxes = torch.tensor(boxes).reshape(-1, 4)
    return {
        "boxes": boxes,
        "labels": torch.ones(number, dtype=torch.int64),
        "image_id": image_id,
        "iscrowd": torch.full((number,), crowd),
        "area": (boxes[:, 2:] - boxes[:, :2]).prod(1),
        **more,
    }


def found(boxes=BOX, scores=(0.9,), labels=None, **more):
    boxes = torch.tensor(boxes).reshape(-1, 4)
    labels = torch.ones(len(boxes), dtype=torch.int64) if labels is None else torch.tensor(labels)
    return {"boxes": boxes, "labels": labels, "scores": torch.tensor(scores), **more}


NONE = found([], ())


def test_all_found_and_nothing_found():
    dataset = Given(person(image_id=7), person(image_id=3))
    assert evaluate(Answers(found(), found()), dataset)["AP"] == pytest.approx(1)
    assert evaluate(Answers(NONE, NONE), dataset)["AP"] == 0
    half = evaluate(Answers(found(), NONE), dataset)
    assert half["AR_100"] == 0.5 and half["AP"] == pytest.approx(51 / 101)  # 51 levels: 0 to .5
    assert half["images"] == 2 and half["images_per_second"] > 0


def test_batches_change_nothing():
    dataset = Given(*(person(image_id=i) for i in range(5)))
    outputs = [found(scores=(0.1 * i,)) if i % 2 else NONE for i in range(5)]
    numbers = [evaluate(Answers(*outputs), dataset, batch_size=n) for n in (1, 3, 8)]
    for one in numbers:
        del one["images_per_second"]
    assert numbers[0] == numbers[1] == numbers[2]


def test_a_detection_of_another_class_is_wrong():
    assert evaluate(Answers(found(labels=[2])), Given(person()))["AP"] == 0


def test_a_box_at_another_place():
    # Moved by half its width: IoU 1/3. By a fifth of its height: 2/3, right at .5, .55, .6, .65.
    assert evaluate(Answers(found([[14.0, 4.0, 34.0, 44.0]])), Given(person()))["AP"] == 0
    numbers = evaluate(Answers(found([[4.0, 12.0, 24.0, 52.0]])), Given(person()))
    assert numbers["AP"] == pytest.approx(0.4) and numbers["AP50"] == pytest.approx(1)


def test_masks():
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[0, 4:44, 4:24] = True
    dataset = Given(person(masks=mask))
    sure = mask[:, None].float() * 0.6  # 60 % sure: inside
    assert evaluate(Answers(found(masks=sure)), dataset, "mask")["AP"] == pytest.approx(1)
    assert evaluate(Answers(found(masks=0.6 * sure)), dataset, "mask")["AP"] == 0
    half = sure.clone()
    half[..., 36:, :] = 0  # 32 of 40 rows: IoU .8, right at seven of ten thresholds
    numbers = evaluate(Answers(found(masks=half)), dataset, "mask")
    assert numbers["AP"] == pytest.approx(0.7)
    assert numbers["box_AP"] == numbers["box_AP50"] == pytest.approx(1)  # the box is whole


def test_crowds_and_what_is_difficult_need_not_be_found():
    assert evaluate(Answers(NONE), Given(person(crowd=True)))["AP"] == -1
    boxes = [*BOX, [40.0, 4.0, 60.0, 24.0]]
    target = person(boxes, difficult=torch.tensor([False, True]))
    assert evaluate(Answers(found(boxes, (0.5, 0.9))), Given(target))["AP"] == pytest.approx(1)
    assert evaluate(Answers(found()), Given(target))["AR_100"] == pytest.approx(1)


POINTS = torch.tensor([[[10.0, 40.0, 2], [14.0, 12.0, 1], [0, 0, 0]]])  # the third: not labelled


def pck_of(points, boxes=BOX, scores=(0.9,), labels=None, target=None):
    target = target or person(keypoints=POINTS)
    output = found(boxes, scores, labels, keypoints=torch.tensor(points).reshape(len(boxes), 3, 3))
    return evaluate(Answers(output), Given(target), "keypoints")["PCK"]


def test_pck_by_hand():
    assert pck_of([[[10.0, 44, 1], [14, 12, 1], [9, 9, 1]]]) == 1.0  # exactly 4 pixels off
    assert pck_of([[[10.0, 44.1, 1], [14, 12, 1], [9, 9, 1]]]) == 0.5
    assert pck_of([[[0.0, 0, 1]] * 3]) == 0.0


RIGHT = [[10.0, 40, 1], [14, 12, 1], [0, 0, 1]]
WRONG = [[60.0, 60, 1]] * 3


def test_pck_takes_the_best_detection_that_overlaps():
    elsewhere = [44.0, 4.0, 64.0, 44.0]
    assert pck_of([WRONG, RIGHT], [elsewhere, *BOX], (0.9, 0.2)) == 1.0
    assert pck_of([WRONG, RIGHT], [*BOX, *BOX], (0.9, 0.2)) == 0.0
    assert pck_of([RIGHT, WRONG], [*BOX, *BOX], (0.9, 0.2)) == 1.0
    assert pck_of([WRONG, RIGHT], [*BOX, *BOX], (0.9, 0.2), [2, 1]) == 1.0  # that one is a ball
    assert pck_of([RIGHT], [elsewhere]) == 0.0  # the joints of someone who was not found


def test_pck_with_nobody_found_and_with_crowds():
    assert pck_of([], [], ()) == 0.0
    two = person([*BOX, *BOX], keypoints=torch.cat([POINTS, POINTS]))
    two["iscrowd"] = torch.tensor([False, True])
    assert pck_of([RIGHT], target=two) == 1.0


def test_keypoints_ap():
    dataset = Given(person(keypoints=POINTS))
    right = Answers(found(keypoints=torch.tensor([RIGHT])))
    assert evaluate(right, dataset, "keypoints")["AP"] == pytest.approx(1)
    # OKS by hand: one joint right, one d off with exp(-d^2 / (2 area (2 sigma)^2)).
    off = torch.tensor([[[10.0, 40, 1], [14.0, 12 + 3.0, 1], [0, 0, 1]]])
    area, sigma = 20 * 40, SIGMA_OF["neck"]
    oks = (1 + torch.tensor(-9 / (2 * area * 4 * sigma**2)).exp().item()) / 2
    expected = sum(oks >= 0.5 + 0.05 * i for i in range(10)) / 10
    assert 0 < expected < 1
    numbers = evaluate(Answers(found(keypoints=off)), dataset, "keypoints")
    assert numbers["AP"] == pytest.approx(expected)


def test_unknown_joints():
    dataset = Given(person(keypoints=POINTS))
    dataset.joints = ("tail", "neck", "head top")
    with pytest.raises(ValueError, match=r"dataset.joints must name 3 joints, each with one of"):
        evaluate(Answers(found(keypoints=torch.tensor([RIGHT]))), dataset, "keypoints")


def test_of_the_targets_a_model_sees_proposals_alone():
    model = Answers(found())
    evaluate(model, Given(person()))
    assert model.seen == [None]
    proposals = torch.tensor([[0.0, 0.0, 9.0, 9.0]])
    evaluate(model, Given(person(proposals=proposals)))
    assert model.seen[1][0].keys() == {"proposals"}
    assert torch.equal(model.seen[1][0]["proposals"], proposals)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left(training):
    model = Answers(found()).train(training)
    evaluate(model, Given(person()))
    assert model.training is training


def test_an_image_without_objects():
    dataset = Given(person(), person([], image_id=8))
    assert evaluate(Answers(found(), NONE), dataset)["AP"] == pytest.approx(1)
    alarm = found(scores=(0.95,))
    assert evaluate(Answers(found(), alarm), dataset)["AP"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kind": "boxes"}, ValueError, "evaluate: kind must be one of box, mask, keypoints, got"),
        ({"batch_size": 0}, ValueError, "evaluate: batch_size must be positive"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate(Answers(found()), Given(person()), **arguments)


@pytest.mark.filterwarnings("error")
def test_objects_of_all_images_have_ids_of_their_own():
    """COCO's tools fetch them by their ids."""
    collected = Collected(Given(), "box")
    for i, boxes in enumerate((BOX, [], BOX * 2)):
        collected.add(torch.zeros(3, 64, 64), person(boxes, image_id=i), NONE)
    assert [one["id"] for one in collected.truth["annotations"]] == [1, 2, 3]
    assert collected.numbers()["AP"] == 0


def test_images_of_one_id_are_told():
    with pytest.raises(ValueError, match=r"images'\]\[1\] \(id 7\): id must be its own, not that"):
        evaluate(Answers(found(), found()), Given(person(), person()))
