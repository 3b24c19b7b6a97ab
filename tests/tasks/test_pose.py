"""One person: the truth is worth exactly 1; what is off is counted by hand."""

import json

import pytest
import torch
from tasks.answers import Answers, Given

from edudet.data.people import JOINTS, SKELETON
from edudet.tasks import pose
from edudet.training import evaluate

NAMES = ("left shoulder", "right_hip", "neck", "wrist")
ABOUT = {"joints": NAMES, "skeleton": [[0, 1], [2, 3]]}
# The box is 40 high: 4 pixels for PCK. The torso is 30-40-50: 10 pixels for PDJ.
TRUTH = torch.tensor([[[10.0, 10, 2], [40, 50, 1], [20, 20, 2], [0, 0, 0]]])
BOX = torch.tensor([[5.0, 12, 40, 52]])


class People(Given):
    joints, skeleton = NAMES, ABOUT["skeleton"]


def measured(found, truth=TRUTH, **more):
    output = {"keypoints": found, "scores": torch.ones(len(found))}
    dataset = People({"keypoints": truth, "image_id": 0, **more})
    return evaluate(Answers(output), dataset, pose)


def moved(joint, x=0.0, y=0.0):
    found = TRUTH.clone()
    found[0, joint, :2] += torch.tensor([x, y])
    return found


def test_the_truth_is_worth_exactly_one():
    for more in ({}, {"boxes": BOX}):
        numbers = measured(TRUTH, **more)
        assert numbers["PCK"] == numbers["PDJ"] == 1 and numbers["images"] == 1
    assert measured(moved(3, 100))["PCK"] == 1  # nobody labelled this one


def test_perturbed_by_hand():
    assert measured(moved(2, 4), boxes=BOX)["PCK"] == 1  # exactly a tenth
    numbers = measured(moved(2, 4.5), boxes=BOX)
    assert numbers["PCK"] == pytest.approx(2 / 3) and numbers["PDJ"] == 1
    assert measured(moved(2, y=10.5))["PDJ"] == pytest.approx(2 / 3)
    # Without a box: labelled joints reach from 10 to 50, too.
    assert measured(moved(2, 4))["PCK"] == 1 and measured(moved(2, 4.1))["PCK"] < 1
    nowhere = TRUTH.clone()
    nowhere[0, :, :2] = torch.nan
    assert measured(nowhere)["PCK"] == 0


def test_several_people():
    right, wrong = ({"keypoints": k, "scores": torch.ones(1)} for k in (TRUTH, moved(0, 99)))
    dataset = People({"keypoints": TRUTH}, {"keypoints": TRUTH})
    assert evaluate(Answers(right, wrong), dataset, pose)["PCK"] == pytest.approx(5 / 6)


def test_nothing_to_measure():
    numbers = measured(TRUTH, torch.zeros(1, 4, 3))
    assert numbers["PCK"] == numbers["PDJ"] == -1


def test_joints_without_shoulders_have_no_pdj():
    dataset = People({"keypoints": TRUTH})
    dataset.joints = ("a", "b", "c", "d")
    output = {"keypoints": TRUTH, "scores": torch.ones(1)}
    numbers = evaluate(Answers(output), dataset, pose)
    assert numbers["PCK"] == 1 and "PDJ" not in numbers


def test_two_people_are_no_pose():
    with pytest.raises(ValueError, match=r"keypoints \(1, K, 3\) of one person, got \(2, 4, 3\)"):
        measured(TRUTH, torch.cat([TRUTH, TRUTH]))
    with pytest.raises(ValueError, match=r"got \(1, 4, 3\) and \(1, 3, 3\)"):
        measured(TRUTH[:, :3])


def test_a_model_has_as_many_joints_as_the_dataset():
    assert pose.model_arguments(ABOUT) == {"num_keypoints": 4}
    assert pose.model_arguments({"joints": JOINTS, "skeleton": SKELETON}) == {"num_keypoints": 14}


def test_records_are_read_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    found = TRUTH.clone()
    found[0, 3] = torch.nan
    output = {"keypoints": found, "scores": torch.tensor([0.75])}
    nobody = pose.surer(output, 0.8)
    assert nobody["keypoints"].shape == (0, 4, 3) and pose.told(output, ABOUT) == "3 joints found"
    sizes = [(64, 64), (64, 64)]
    (tmp_path / "found.json").write_text(
        json.dumps(pose.records(["a.png", "b.png"], sizes, [output, nobody], ABOUT))
    )
    read = coco.COCO(tmp_path / "found.json")
    (one,) = read.loadAnns(read.getAnnIds())
    assert one["keypoints"] == [10, 10, 2, 40, 50, 1, 20, 20, 2, 0, 0, 0]
    assert one["num_keypoints"] == 3 and one["bbox"] == [10, 10, 30, 40] and one["score"] == 0.75
    (category,) = read.loadCats(1)
    assert category["keypoints"] == list(NAMES) and category["skeleton"] == [[1, 2], [3, 4]]


def test_the_picture():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    found = TRUTH.clone()
    found[0, 2] = torch.nan  # not found, and so its bone is not drawn
    output = {"keypoints": found, "scores": torch.ones(1)}
    figure = pose.picture(torch.rand(3, 64, 64), output, ABOUT)
    (axes,) = figure.axes
    bones, dots = axes.collections
    assert len(bones.get_segments()) == 1
    assert dots.get_offsets().tolist() == [[10, 10], [40, 50], [0, 0]]
    assert figure.png()[:4] == b"\x89PNG"
