import numpy as np
import pytest

from edudet.data.relations import RELATIONS, find_relations

LEFT_OF, ON, INSIDE = range(3)


def relations_of(boxes, crowd=()):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    iscrowd = np.isin(np.arange(len(boxes)), crowd)
    return [tuple(row) for row in find_relations(boxes, iscrowd).tolist()]


def test_names_are_in_the_order_of_the_numbers():
    assert RELATIONS == ("left of", "on", "inside")


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),
        ([[0, 0, 10, 10]], []),
        # Side by side: touching counts, overlapping by a pixel does not.
        ([[0, 0, 10, 10], [10, 0, 20, 10]], [(0, LEFT_OF, 1)]),
        ([[0, 0, 11, 10], [10, 0, 20, 10]], []),
        ([[10, 0, 20, 10], [0, 0, 10, 10]], [(1, LEFT_OF, 0)]),
        # Half of the lower one's height must lie at the height of the other: 5 of 10 do, 4 do not.
        ([[0, 0, 10, 10], [30, 5, 40, 45]], [(0, LEFT_OF, 1)]),
        ([[0, 0, 10, 10], [30, 6, 40, 46]], []),
        # On: two pixels above or below the upper edge, not three; its middle above the other.
        ([[0, 20, 30, 40], [10, 8, 20, 20]], [(1, ON, 0)]),
        ([[0, 20, 30, 40], [10, 8, 20, 18]], [(1, ON, 0)]),
        ([[0, 20, 30, 40], [10, 8, 20, 22]], [(1, ON, 0)]),
        ([[0, 20, 30, 40], [10, 8, 20, 17]], []),
        ([[0, 20, 30, 40], [10, 8, 20, 23]], []),
        ([[0, 20, 30, 40], [25, 8, 35, 20]], [(1, ON, 0)]),
        ([[0, 20, 30, 40], [26, 8, 36, 20]], []),
        # Inside: the nearer one, which comes later, in the farther one.
        ([[0, 0, 30, 30], [0, 10, 20, 20]], [(1, INSIDE, 0)]),
        ([[0, 10, 20, 20], [0, 0, 30, 30]], []),
        ([[0, 0, 30, 30], [10, 10, 31, 20]], []),
        # A tower: the top is on the middle, not on the ground floor.
        ([[0, 20, 10, 30], [0, 10, 10, 20], [0, 0, 10, 10]], [(1, ON, 0), (2, ON, 1)]),
    ],
)
def test_worked_by_hand(boxes, expected):
    assert relations_of(boxes) == expected


def test_groups_have_none():
    row = [[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]]
    assert relations_of(row) == [(0, LEFT_OF, 1), (0, LEFT_OF, 2), (1, LEFT_OF, 2)]
    assert relations_of(row, crowd=[1]) == [(0, LEFT_OF, 2)]


def test_left_of_is_never_mutual_and_passes_on_along_a_row():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 60, (40, 2))
    boxes = np.concatenate([corner, corner + rng.integers(5, 20, (40, 2))], 1)
    found = set(relations_of(boxes))
    assert len(found) > 50
    assert not any((b, r, a) in found for a, r, b in found if r == LEFT_OF)
    for a, relation, b in found:
        assert a != b
        (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = boxes[a], boxes[b]
        if relation == LEFT_OF:
            assert ax2 <= bx1 and ay1 < by2 and by1 < ay2
        if relation == INSIDE:
            assert bx1 <= ax1 < ax2 <= bx2 and by1 <= ay1 < ay2 <= by2 and b < a
