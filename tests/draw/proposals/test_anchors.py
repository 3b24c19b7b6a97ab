import math

import pytest
import torch

from edudet import draw
from edudet.boxes import decode_deltas
from edudet.draw.proposals.anchors import draw_cells, draw_shapes, step_deltas

PROPOSAL = torch.tensor([[0.0, 0, 100, 50]])


def arrows(axes):
    return [(text.xyann, text.xy) for text in axes.texts if text.arrow_patch is not None]


def outlines(axes):
    """The corners x, y, width, height of each collection's boxes."""
    return [
        [path.get_extents().bounds for path in part.get_paths()]
        for part in axes.collections
        if len(part.get_paths())
    ]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [([0.25, 0, 0, 0], [((50, 25), (75, 25))]), ([0, 0, -0.125, 0], []), ([0.0, 0, 0, 0], [])],
)
def test_arrows_go_from_the_anchors_centre_to_the_boxs(deltas, expected):
    _, axes = draw.new_figure(3, 2)
    draw.draw_moves(axes, PROPOSAL, decode_deltas(torch.tensor([deltas]), PROPOSAL))
    assert arrows(axes) == expected
    assert outlines(axes)[0] == [(0, 0, 100, 50)]
    assert outlines(axes)[1][0][2] == pytest.approx(100 * math.exp(deltas[2]))
    assert axes.lines[0].get_xydata().tolist() == [[50, 25]]


def test_deltas_one_after_the_other():
    """Anchor (0, 0, 10, 20), box (10, 40, 30, 50): dx 15/10, dy 35/20, twice as wide, half as high.

    After dx alone the centre is (20, 10); after dy (20, 45); then sizes grow around it.
    """
    steps = step_deltas(torch.tensor([0.0, 0, 10, 20]), torch.tensor([10.0, 40, 30, 50]))
    assert len(steps) == 5
    assert steps.captions[1] == "dx = +1.500: right by 1.5 of the anchor's width"
    assert steps.captions[2] == "dy = +1.750: down by 1.75 of the anchor's height"
    assert steps.captions[3].endswith("width times exp(0.693) = 2")
    assert steps.captions[4].endswith("height times exp(-0.693) = 0.5")
    corners = [
        (0, 0, 10, 20),
        (15, 0, 10, 20),
        (15, 35, 10, 20),
        (10, 35, 20, 20),
        (10, 40, 20, 10),
    ]
    for i, expected in enumerate(corners):
        left, right = steps.figure(i).axes
        assert outlines(left)[-1][0] == pytest.approx(expected, abs=1e-4)
        lengths = [bar.get_width() for bar in right.patches]
        assert sum(length != 0 for length in lengths) == i


def test_a_delta_of_nothing_and_moves_to_the_left():
    steps = step_deltas(torch.tensor([20.0, 20, 40, 40]), torch.tensor([10.0, 15, 30, 35]))
    assert steps.captions[1].endswith("left by 0.5 of the anchor's width")
    assert steps.captions[2].endswith("up by 0.25 of the anchor's height")
    assert steps.captions[3] == "dw = 0: nothing to do"
    assert len(steps.figure(-1).axes) == 2


def test_shapes_are_height_over_width():
    figure = draw_shapes((16, 32), (0.25, 1.0))
    wide, even = figure.axes
    assert wide.get_title() == "height / width = 0.25"
    assert outlines(wide) == [[(-16, -4, 32, 8), (-32, -8, 64, 16)]]
    assert outlines(even) == [[(-8, -8, 16, 16), (-16, -16, 32, 32)]]
    assert "32 × 8, 64 × 16" in wide.get_xlabel()
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1  # the same scale: areas may be compared
    figure.png()


@pytest.mark.parametrize(("offset", "first"), [(0.0, [0, 0]), (0.5, [8, 4])])
def test_cells_and_where_anchors_stand(offset, first):
    _, axes = draw.new_figure(3, 2)
    draw_cells(axes, (2, 3), (8, 16), offset)
    (dots,) = axes.lines
    assert len(dots.get_xydata()) == 6
    assert dots.get_xydata()[0].tolist() == first
    assert dots.get_xydata()[1].tolist() == [first[0] + 16, first[1]]
    down, across = axes.collections
    assert [segment[0].tolist() for segment in down.get_segments()] == [
        [x, 0] for x in (0, 16, 32, 48)
    ]
    assert across.get_segments()[-1].tolist() == [[0, 16], [48, 16]]


def test_anchors_walk_row_by_row():
    base = torch.tensor([[-4.0, -4, 4, 4], [-8, -2, 8, 2]])
    steps = draw.step_anchors(base, (2, 3), 16, 0.5, torch.zeros(32, 48))
    assert len(steps) == 6
    assert steps.captions[4] == "row 1, column 1: anchors 8 to 9"
    for i in range(6):
        now = outlines(steps.figure(i).axes[0])[-1]
        centre = 16 * (i % 3) + 8, 16 * (i // 3) + 8
        assert now == [(centre[0] - 4, centre[1] - 4, 8, 8), (centre[0] - 8, centre[1] - 2, 16, 4)]
    assert len(draw.step_anchors(base, (1, 2), 16).figure(1).axes) == 1
