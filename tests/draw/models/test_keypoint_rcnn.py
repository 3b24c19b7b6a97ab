import math
import warnings

import pytest
import torch
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_hex

from edudet import draw
from edudet.cases.targets.keypoint_targets import BOX
from edudet.draw.models.keypoint_rcnn import (
    draw_by_joint,
    draw_circles,
    draw_pose,
    show_joint_maps,
    step_joints,
)

BONES = ((0, 1), (1, 2))
NAMES = ("right wrist", "left wrist", "neck")


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def step_through():
    joints = torch.tensor([[3.0, 1, 2], [8, 2, 1], [9, 1, 2], [5, 3, 0]])
    return step_joints(joints, torch.tensor(BOX).float(), 4, ("a", "b", "c", "d"))


def test_step_joints_says_why():
    assert step_through().captions == [
        "a: column ⌊1.5⌋, row ⌊1⌋: cell 5",
        "b: hidden (v = 1), column ⌊4⌋ → 3, row ⌊2⌋: cell 11",
        "c: outside the RoI, no cell",
        "d: not labelled (v = 0), no cell",
    ]


def frames_of(axes):
    """(left, top, right, bottom) of what has been framed in blue."""
    found = []
    for collection in axes.collections:
        if isinstance(collection, PatchCollection) and _colour(collection) == "kept":
            (path,) = collection.get_paths()
            found.append((*path.vertices.min(0), *path.vertices.max(0)))
    return found


def _colour(collection):
    shown = to_hex(collection.get_edgecolors()[0]).upper()
    return next(name for name, value in draw.COLOURS.items() if value.upper() == shown)


def test_step_joints_frames_the_cell_in_pixels_and_marks_it_in_the_map():
    steps = step_through()
    left, right = steps.figure(0).axes
    assert frames_of(left) == [(2, 1, 4, 2)]  # cells of 2 x 1 pixels
    shown = torch.as_tensor(right.images[0].get_array())
    assert shown.sum() == 1 and shown[1, 1] == 1
    left, right = steps.figure(2).axes
    assert frames_of(left) == [] and right.images[0].get_array().sum() == 0
    for i in range(4):
        steps.figure(i).png()


def test_a_pose_has_bones_and_sides_and_rings():
    figure, axes = draw.new_figure(3, 3)
    joints = torch.tensor([[1.0, 2], [3, 4], [5, 1]])
    hidden = torch.tensor([False, True, False])
    draw_pose(axes, joints, BONES, "truth", NAMES, hidden)
    (bones,) = axes.collections
    assert isinstance(bones, LineCollection)
    assert [part.tolist() for part in bones.get_segments()] == [[[1, 2], [3, 4]], [[3, 4], [5, 1]]]
    assert [line.get_xydata()[0].tolist() for line in axes.lines] == joints.tolist()
    right, left, neck = axes.lines
    assert right.get_markerfacecolor() == draw.COLOURS["marked"]
    assert left.get_markerfacecolor() == "none"
    assert left.get_markeredgecolor() == draw.COLOURS["second"]
    assert neck.get_markerfacecolor() == draw.COLOURS["truth"]
    figure.png()


def test_a_joint_that_was_not_found_is_not_drawn():
    figure, axes = draw.new_figure(3, 3)
    draw_pose(axes, torch.tensor([[1.0, 2, 1], [math.nan, 4, 1], [5, 1, 1]]), BONES)
    assert len(axes.lines) == 2 and not axes.collections[0].get_segments()
    figure.png()


def test_circles_have_their_radii_in_pixels():
    figure, axes = draw.new_figure(3, 3)
    draw_circles(axes, torch.tensor([[1.0, 2], [10, 10]]), [1, 4])
    small, large = (path.get_extents() for path in axes.collections[0].get_paths())
    assert small.bounds == pytest.approx((0, 1, 2, 2), abs=0.01)
    assert large.bounds == pytest.approx((6, 6, 8, 8), abs=0.01)
    figure.png()


def test_joint_maps_lie_over_the_box():
    maps = torch.zeros(9, 4, 4)
    maps[0, 1, 2] = 0.5
    roi = torch.tensor([2.0, 3, 10, 11])
    points = {"kept": torch.arange(18.0).reshape(9, 2)}
    figure = show_joint_maps(torch.rand(3, 16, 16), roi, maps, list("abcdefghi"), points)
    assert len(figure.axes) == 14 and [ax.get_title() for ax in figure.axes[:9]] == list(
        "abcdefghi"
    )
    photo, heat = figure.axes[0].images
    assert photo.get_extent() == [0, 16, 16, 0] and heat.get_extent() == [2, 10, 11, 3]
    strength = torch.as_tensor(heat.get_alpha())
    assert strength[1, 2] == 1 and strength.sum() == 1  # the largest cell is of the full colour
    assert figure.axes[1].images[1].get_alpha().sum() == 0
    assert figure.axes[1].lines[0].get_xydata().tolist() == [[2, 3]]
    assert len(figure.axes[9].images) == 0
    figure.png()


def test_shares_by_joint_leave_out_what_does_not_count():
    shares = torch.tensor([0.5, math.nan, 1.0])
    figure = draw_by_joint(NAMES, {"seen": (shares, "kept")}, "title")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    (dots,) = axes.lines
    assert dots.get_xydata()[[0, 2]].tolist() == [[0.5, 0], [1, 2]]
    assert math.isnan(dots.get_xydata()[1, 0])
    assert axes.yaxis_inverted()
    figure.png()
