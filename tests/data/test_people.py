import numpy as np
import pytest

from edudet.data.people import FLIP_PAIRS, JOINTS, SKELETON, draw_person


def people(count=40):
    rng = np.random.default_rng(0)
    heights = np.linspace(40, 100, count)
    return [(height, draw_person(rng, height)) for height in heights]


def test_joints_are_those_of_the_sports_poses():
    assert len(JOINTS) == 14
    assert JOINTS[0] == "right ankle" and JOINTS[5] == "left ankle"
    assert JOINTS[6] == "right wrist" and JOINTS[11] == "left wrist"
    assert JOINTS[12:] == ("neck", "head top")


def test_mirrored_joints_are_the_left_ones_of_the_right_ones():
    sided = {name for name in JOINTS if name.split()[0] in ("left", "right")}
    assert {JOINTS[a] for a, _ in FLIP_PAIRS} | {JOINTS[b] for _, b in FLIP_PAIRS} == sided
    for a, b in FLIP_PAIRS:
        assert JOINTS[a].replace("right", "left") == JOINTS[b]


def test_the_skeleton_holds_together():
    reached = {12}
    for _ in JOINTS:
        reached |= {j for limb in SKELETON for j in limb if reached & set(limb)}
    assert reached == set(range(14))


def test_height_is_as_asked():
    for height, person in people():
        rows = person.mask().any(1).nonzero()[0]
        assert abs(rows[-1] + 1 - rows[0] - height) <= 2


def test_every_joint_lies_on_the_figure():
    for _, person in people():
        for x, y in person.joints:
            assert person.mask()[int(y), int(x)]


@pytest.mark.parametrize(("limb", "other"), [((0, 1), (5, 4)), ((1, 2), (4, 3)), ((7, 8), (10, 9))])
def test_left_and_right_limbs_have_the_same_length(limb, other):
    for _, person in people(10):
        left, right = (np.diff(person.joints[list(ends)], axis=0) for ends in (limb, other))
        assert np.hypot(*left.T) == pytest.approx(np.hypot(*right.T), rel=1e-4)


def test_a_person_looks_at_us():
    """So the right shoulder and hip are on the left, and the head is above the neck."""
    for _, person in people():
        joints = person.joints
        assert joints[8, 0] < joints[9, 0] and joints[2, 0] < joints[3, 0]
        assert joints[13, 1] < joints[12, 1] < joints[2, 1]
