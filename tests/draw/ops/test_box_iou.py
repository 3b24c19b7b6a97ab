import pytest
import torch

from edudet import draw
from edudet.draw.ops.box_iou import (
    MEASURES,
    climb,
    compare_measures,
    draw_format,
    draw_pair,
    draw_pulls,
    pull,
    step_climb,
)
from edudet.ops import box_iou

SQUARE = torch.tensor([0.0, 0, 4, 4])
PLACES = torch.tensor([[-4.0, 0, 0, 4], [2, 0, 6, 4], [0, 0, 4, 4]])


def corners(patch):
    (x1, y1), (x2, y2) = patch.get_bbox().get_points().tolist()
    return [x1, y1, x2, y2]


def test_areas_are_written_as_one_would_by_hand():
    steps = draw.step_overlap(PLACES, SQUARE)
    assert steps.captions == [
        "shared 0, union 16 + 16 − 0 = 32: IoU = 0/32 = 0.00",
        "shared 8, union 16 + 16 − 8 = 24: IoU = 8/24 = 0.33",
        "shared 16, union 16 + 16 − 16 = 16: IoU = 16/16 = 1.00",
    ]


@pytest.mark.filterwarnings("error")
def test_every_step_draws():
    steps = draw.step_overlap(PLACES, SQUARE)
    for i in range(len(steps)):
        steps.figure(i).png()
    steps = step_climb(torch.tensor([8.0, 8, 10, 10]), SQUARE, moves=4, every=2)
    assert steps.captions == ["after 0 moves", "after 2 moves", "after 4 moves"]
    for i in range(len(steps)):
        steps.figure(i).png()
    compare_measures(PLACES, SQUARE, torch.arange(3), "place").png()


def test_the_shared_part_is_shaded_where_it_is():
    _, axes = draw.new_figure(3, 3)
    draw_pair(axes, torch.tensor([2.0, 1, 6, 9]), SQUARE, enclosing=True)
    drawn = [corners(patch) for patch in axes.patches]
    assert drawn[0] == [0, 0, 6, 9] and axes.patches[0].get_hatch()
    assert drawn[-1] == [2, 1, 4, 4]


@pytest.mark.parametrize("apart", [[4.0, 0, 8, 4], [5, 5, 6, 6]])
def test_nothing_is_shaded_where_nothing_is_shared(apart):
    _, axes = draw.new_figure(3, 3)
    draw_pair(axes, torch.tensor(apart), SQUARE)
    assert {tuple(corners(patch)) for patch in axes.patches} == {tuple(apart), (0, 0, 4, 4)}


def test_all_but_iou_pull_a_distant_box_closer():
    boxes = torch.tensor([[20.0, 20, 2, 2]])  # centre and size
    for name, measure in MEASURES.items():
        change = pull(boxes, SQUARE, measure)
        if name == "IoU":
            assert (change == 0).all()
        else:
            assert (change[0, :2] < 0).all() and change.norm() == pytest.approx(1)


def test_pulls_are_arrows_and_crosses():
    _, axes = draw.new_figure(3, 3)
    boxes = torch.tensor([[20.0, 0, 22, 2], [1, 3, 5, 7]])
    draw_pulls(axes, boxes, SQUARE, box_iou)
    assert axes.lines[0].get_xydata().tolist() == [[21, 1]]
    arrows = axes.collections[-1]
    assert arrows.XY.tolist() == [[3, 5]]
    assert arrows.U[0] < 0 and arrows.V[0] < 0  # y is downwards: up to the square


def test_the_climb_arrives():
    start = torch.tensor([9.0, 7, 12, 9])
    for name, measure in MEASURES.items():
        path = climb(start, SQUARE, measure, moves=140, length=0.3)
        assert path.shape == (141, 4) and path[0].tolist() == start.tolist()
        end = box_iou(path[-1:], SQUARE[None]).item()
        assert end == 0 if name == "IoU" else end > 0.9


@pytest.mark.parametrize(
    ("fmt", "point", "texts"),
    [
        ("xyxy", [(1, 2), (5, 10)], ["(1, 2)", "(5, 10)"]),
        ("xywh", [(1, 2)], ["(1, 2)", "w = 4", "h = 8"]),
        ("cxcywh", [(3, 6)], ["(3, 6)", "w = 4", "h = 8"]),
    ],
)
def test_a_format_shows_its_numbers(fmt, point, texts):
    _, axes = draw.new_figure(3, 3)
    draw_format(axes, torch.tensor([1.0, 2, 5, 10]), fmt)
    assert [tuple(line.get_xydata()[0]) for line in axes.lines] == point
    assert [text.get_text() for text in axes.texts if text.get_text()] == texts
