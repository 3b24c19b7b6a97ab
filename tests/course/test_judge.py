import numpy as np
import pytest

from edudet.course.judge import difference

NAN, INF = float("nan"), float("inf")


def f32(values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (f32([1, 2]), f32([1, 2])),
        (f32([1, 2]), [1.0, 2.0]),
        (f32([1, 2]), np.array([1.0, 2.0])),
        (np.array([1, 2]), np.array([1, 2], np.int32)),
        (np.array([1, 2]), [1, 2]),
        (np.zeros((0, 4), np.float32), []),
        (f32([NAN, INF]), f32([NAN, INF])),
        (3, 3),
        (True, True),
        (None, None),
        ("a", "a"),
        ({"a": f32([1]), "b": 2}, {"b": 2, "a": f32([1])}),
        ((f32([1]), np.array([2])), [f32([1]), np.array([2])]),
        (f32([1.0]), f32([1.0 + 5e-7])),
    ],
)
def test_right(expected, got):
    assert difference(expected, got, (1e-6, 0)) is None


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        (f32([1, 2]), f32([1, 3]), r"the result\[1\]: expected 2.0, got 3.0; 1 of 2 numbers"),
        (f32([[1, 2]]), f32([1, 2]), r"must have shape \(1, 2\); got shape \(2,\)"),
        (np.array([1]), f32([1]), "must be integers; got floats"),
        (f32([1]), np.array([1]), "must be floats; got integers"),
        (np.array([True]), np.array([1]), "must be bool; got integers"),
        (f32([1]), f32([NAN]), "expected 1.0, got nan"),
        (f32([1]), f32([INF]), "got inf"),
        (f32([INF]), f32([1e30]), "expected inf"),
        (f32([1]), None, "must be floats; got None"),
        (f32([1]), "text", "must be floats; got 'text'"),
        (f32([1]), {"a": 1}, "must be floats; got"),
        (f32([1, 2]), [[1.0], [2.0, 3.0]], "must be floats; got"),
        (f32([1, 2]), [1.0, None], "must be floats; got"),
        (f32([1]), [10**400], "must be floats; got"),
        ({"a": 1}, {"b": 1}, "must be a dict of a; got"),
        ({"a": 1}, [1], "must be a dict of a; got"),
        ((f32([1]), f32([2])), f32([1]), "must be 2 things in a row; got an array"),
        ((f32([1]), f32([2])), [f32([1]), f32([3])], r"the result\[1\]\[0\]: expected 2.0"),
        (None, 0, "expected None, got 0"),
        (None, f32([0]), "expected None, got an array"),
        ("a", f32([0]), "expected 'a', got an array"),
        (3, 4, "the result: expected 3, got 4"),
    ],
)
def test_wrong(expected, got, message):
    import re

    found = difference(expected, got, (1e-6, 0))
    assert found and re.search(message, found), found


def test_first_difference_and_count():
    expected, got = np.zeros((3, 4)), np.zeros((3, 4))
    got[1, 2] = got[2, 3] = 1
    assert difference(expected, got) == (
        "the result[1, 2]: expected 0.0, got 1.0; 2 of 12 numbers differ"
    )


def test_tolerance_is_relative_and_absolute():
    assert difference(100.0, 100.5, (0.01, 0)) is None
    assert difference(100.0, 102.0, (0.01, 0)) is not None
    assert difference(0.0, 1e-6, (0, 1e-5)) is None
