"""Which images are held out: by their names alone."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edudet.data import Scenes
from edudet.data.part import Part, held_out


def test_those_with_the_smallest_digests_are_held_out():
    names = [f"{i:06d}.jpg" for i in range(40)]
    by_digest = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    left, held = held_out(names, 0.1)
    assert {names[i] for i in held} == {*by_digest[:4]}
    assert left == [i for i in range(40) if i not in held]


@given(
    st.lists(st.text(max_size=3), min_size=1, max_size=30),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
    st.randoms(use_true_random=False),
)
def test_parts_are_parts(names, fraction, chance):
    if len(set(names)) < 2:
        with pytest.raises(ValueError, match="must be of two images at least, got 1"):
            held_out(names, fraction)
        return
    left, held = held_out(names, fraction)
    assert sorted(left + held) == list(range(len(names))) and left and held
    there, apart = {names[i] for i in left}, {names[i] for i in held}
    assert not there & apart  # an image that is listed twice lies in one part
    number = fraction * len(there | apart)
    assert abs(len(apart) - number) <= 0.5 or len(apart) == 1 or len(there) == 1
    mixed = chance.sample(names, len(names))
    assert {mixed[i] for i in held_out(mixed, fraction)[1]} == apart  # in whatever order


def test_a_new_image_leaves_the_others_almost_where_they_are():
    names = [str(i) for i in range(200)]
    random.Random(0).shuffle(names)
    before, after = ({some[i] for i in held_out(some, 0.2)[1]} for some in (names, [*names, "new"]))
    assert len(before ^ after) <= 2  # it may be held out itself, in place of another


def test_names_that_are_no_text_of_utf8():
    assert len(held_out(["a\udcff.jpg", "b.jpg"], 0.5)[1]) == 1


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_bad_fractions(fraction):
    with pytest.raises(ValueError, match="held_out: fraction must lie between 0 and 1, got"):
        held_out(["a", "b"], fraction)


def test_no_images():
    with pytest.raises(ValueError, match="held_out: names must be of two images at least, got 0"):
        held_out([], 0.5)


def test_a_part_says_what_the_whole_says():
    scenes = Scenes("easy", length=6)
    part = Part(scenes, [4, 1])
    assert len(part) == 2 and [part[i][1]["image_id"] for i in range(2)] == [4, 1]
    assert part.categories == scenes.categories and part.joints == scenes.joints
