"""Detections: boxes, masks and joints, measured by hand."""

import pytest
import torch
from tasks.answers import NONE, PERSON, Answers, Given, found, person

from edudet.data.coco_names import JOINTS
from edudet.metrics.oks import COCO_SIGMAS
from edudet.tasks.detection import BOX, KEYPOINTS, MASK, OTHER_SIGMA, SIGMA_OF, sigmas_of
from edudet.training import evaluate


def test_all_found_and_nothing_found():
    dataset = Given(person(image_id=7), person(image_id=3))
    assert evaluate(Answers(found(), found()), dataset)["AP"] == pytest.approx(1)
    assert evaluate(Answers(NONE, NONE), dataset)["AP"] == 0
    half = evaluate(Answers(found(), NONE), dataset)
    assert half["AR_100"] == 0.5 and half["AP"] == pytest.approx(51 / 101)  # 51 levels: 0 to .5
    assert half["images"] == 2 and half["images_per_second"] > 0


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
    assert evaluate(Answers(found(masks=sure)), dataset, MASK)["AP"] == pytest.approx(1)
    assert evaluate(Answers(found(masks=0.6 * sure)), dataset, MASK)["AP"] == 0
    half = sure.clone()
    half[..., 36:, :] = 0  # 32 of 40 rows: IoU .8, right at seven of ten thresholds
    numbers = evaluate(Answers(found(masks=half)), dataset, MASK)
    assert numbers["AP"] == pytest.approx(0.7)
    assert numbers["box_AP"] == numbers["box_AP50"] == pytest.approx(1)  # the box is whole


def test_crowds_and_what_is_difficult_need_not_be_found():
    assert evaluate(Answers(NONE), Given(person(crowd=True)))["AP"] == -1
    boxes = [*PERSON, [40.0, 4.0, 60.0, 24.0]]
    target = person(boxes, difficult=torch.tensor([False, True]))
    assert evaluate(Answers(found(boxes, (0.5, 0.9))), Given(target))["AP"] == pytest.approx(1)
    assert evaluate(Answers(found()), Given(target))["AR_100"] == pytest.approx(1)


POINTS = torch.tensor([[[10.0, 40.0, 2], [14.0, 12.0, 1], [0, 0, 0]]])  # the third: not labelled


def pck_of(points, boxes=PERSON, scores=(0.9,), labels=None, target=None):
    target = target or person(keypoints=POINTS)
    output = found(boxes, scores, labels, keypoints=torch.tensor(points).reshape(len(boxes), 3, 3))
    return evaluate(Answers(output), Given(target), KEYPOINTS)["PCK"]


def test_pck_by_hand():
    assert pck_of([[[10.0, 44, 1], [14, 12, 1], [9, 9, 1]]]) == 1.0  # exactly 4 pixels off
    assert pck_of([[[10.0, 44.1, 1], [14, 12, 1], [9, 9, 1]]]) == 0.5
    assert pck_of([[[0.0, 0, 1]] * 3]) == 0.0


RIGHT = [[10.0, 40, 1], [14, 12, 1], [0, 0, 1]]
WRONG = [[60.0, 60, 1]] * 3


def test_pck_takes_the_best_detection_that_overlaps():
    elsewhere = [44.0, 4.0, 64.0, 44.0]
    assert pck_of([WRONG, RIGHT], [elsewhere, *PERSON], (0.9, 0.2)) == 1.0
    assert pck_of([WRONG, RIGHT], [*PERSON, *PERSON], (0.9, 0.2)) == 0.0
    assert pck_of([RIGHT, WRONG], [*PERSON, *PERSON], (0.9, 0.2)) == 1.0
    assert pck_of([WRONG, RIGHT], [*PERSON, *PERSON], (0.9, 0.2), [2, 1]) == 1.0  # a ball
    assert pck_of([RIGHT], [elsewhere]) == 0.0  # the joints of someone who was not found


def test_pck_with_nobody_found_and_with_crowds():
    assert pck_of([], [], ()) == 0.0
    two = person([*PERSON, *PERSON], keypoints=torch.cat([POINTS, POINTS]))
    two["iscrowd"] = torch.tensor([False, True])
    assert pck_of([RIGHT], target=two) == 1.0


def test_keypoints_ap():
    dataset = Given(person(keypoints=POINTS))
    right = Answers(found(keypoints=torch.tensor([RIGHT])))
    assert evaluate(right, dataset, KEYPOINTS)["AP"] == pytest.approx(1)
    # OKS by hand: one joint right, one d off with exp(-d^2 / (2 area (2 sigma)^2)).
    off = torch.tensor([[[10.0, 40, 1], [14.0, 12 + 3.0, 1], [0, 0, 1]]])
    area, sigma = 20 * 40, SIGMA_OF["neck"]
    oks = (1 + torch.tensor(-9 / (2 * area * 4 * sigma**2)).exp().item()) / 2
    expected = sum(oks >= 0.5 + 0.05 * i for i in range(10)) / 10
    assert 0 < expected < 1
    numbers = evaluate(Answers(found(keypoints=off)), dataset, KEYPOINTS)
    assert numbers["AP"] == pytest.approx(expected)


def test_an_image_without_objects():
    dataset = Given(person(), person([], image_id=8))
    assert evaluate(Answers(found(), NONE), dataset)["AP"] == pytest.approx(1)
    alarm = found(scores=(0.95,))
    assert evaluate(Answers(found(), alarm), dataset)["AP"] == pytest.approx(0.5)


def test_joints_have_their_sigmas_by_name():
    names = ["nose", "left_eye", "right_ear", "LeftEar", "r_hip", "head top", "rear left paw"]
    expected = [0.026, 0.025, 0.035, 0.035, 0.107, 0.079, OTHER_SIGMA]
    assert sigmas_of(names, 7) == expected
    assert sigmas_of(list(reversed(names)), 7) == expected[::-1]
    assert sigmas_of(JOINTS, 17) == sigmas_of((), 17) == list(COCO_SIGMAS)
    spaced = [name.replace("_", " ") for name in JOINTS]
    assert sigmas_of(spaced, 17) == pytest.approx(COCO_SIGMAS)
    assert sigmas_of((), 5) == [0.08] * 5
    assert sigmas_of([f"kp {k}" for k in range(17)], 17) == [0.08] * 17  # another animal's


def test_joints_of_other_names_are_measured():
    dataset = Given(person(keypoints=POINTS))
    dataset.joints = ("tail", "neck", "tip")
    off = torch.tensor([[[10.0 + 5, 40, 1], [14, 12, 1], [0, 0, 1]]])
    oks = (1 + torch.tensor(-25 / (2 * 20 * 40 * (2 * 0.08) ** 2)).exp().item()) / 2
    expected = sum(oks >= 0.5 + 0.05 * i for i in range(10)) / 10
    assert 0 < expected < 1
    numbers = evaluate(Answers(found(keypoints=off)), dataset, KEYPOINTS)
    assert numbers["AP"] == pytest.approx(expected) and numbers["PCK"] == 0.5


def test_joints_that_are_not_all_named():
    dataset = Given(person(keypoints=POINTS))
    dataset.joints = ("neck", "tail")
    with pytest.raises(ValueError, match=r"joints must name all 3 joints .*, got neck, tail"):
        evaluate(Answers(found(keypoints=torch.tensor([RIGHT]))), dataset, KEYPOINTS)


def test_how_many_classes_and_joints_a_model_has():
    about = {"categories": ["cat", "dog"], "joints": ["a", "b", "c"]}
    assert BOX.model_arguments(about) == MASK.model_arguments(about) == {"num_classes": 3}
    assert KEYPOINTS.model_arguments(about) == {"num_classes": 3, "num_keypoints": 3}


def test_what_is_sure():
    output = found([*PERSON, *PERSON], (0.9, 0.4), masks=torch.ones(2, 1, 4, 4))
    sure = BOX.surer(output, 0.5)
    assert sure["scores"].tolist() == [output["scores"][0]] and sure["masks"].shape == (1, 1, 4, 4)
    assert BOX.told(sure, {}) == "1 found" and BOX.told(NONE, {}) == "0 found"


def test_records():
    joints = {"joints": ["a", "b", "c"], "skeleton": [[0, 2]]}
    about = {"categories": ["person", "N/A", "ball"], **joints}
    first = found(keypoints=torch.tensor([RIGHT]))
    nothing = {**NONE, "keypoints": torch.zeros(0, 3, 3)}
    file = KEYPOINTS.records(["a.png", "b.png"], [(64, 48), (8, 8)], [first, nothing], about)
    assert file["images"][0] == {"id": 1, "file_name": "a.png", "height": 64, "width": 48}
    assert [one["id"] for one in file["categories"]] == [1, 3]  # COCO's gaps are no classes
    assert file["categories"][0]["skeleton"] == [[1, 3]]
    (record,) = file["annotations"]
    assert record["bbox"] == [4, 4, 20, 40]
    assert record["keypoints"] == [10, 40, 1, 14, 12, 1, 0, 0, 1]
    assert BOX.records(["a.png"], [(64, 48)], [NONE], about)["annotations"] == []


@pytest.mark.filterwarnings("error")
def test_objects_of_all_images_have_ids_of_their_own():
    """COCO's tools fetch them by their ids."""
    collected = BOX.collect(Given())
    for i, boxes in enumerate((PERSON, [], PERSON * 2)):
        collected.add(torch.zeros(3, 64, 64), person(boxes, image_id=i), NONE)
    assert [one["id"] for one in collected.truth["annotations"]] == [1, 2, 3]
    assert collected.numbers()["AP"] == 0


def test_images_of_one_id_are_told():
    with pytest.raises(ValueError, match=r"images'\]\[1\] \(id 7\): id must be its own, not that"):
        evaluate(Answers(found(), found()), Given(person(), person()))
