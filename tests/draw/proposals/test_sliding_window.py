import pytest
import torch

from edudet.draw.proposals.sliding_window import duration, step_costs, step_pyramid, step_windows
from edudet.proposals import image_pyramid, match_template, window_count


def test_the_windows_of_the_worked_example():
    steps = step_windows((5, 9), (3, 4), stride=2)
    assert len(steps) == window_count((5, 9), (3, 4), 2) == 6
    assert steps.captions[4] == "window 5 of 6: (2, 2, 6, 5)"
    image, map_ = steps.figure(4).axes
    (window,) = image.patches
    assert window.get_bbox().get_points().tolist() == [[2, 2], [6, 5]]
    assert [text.get_text() for text in map_.texts] == ["1", "2", "3", "4", "5"]
    assert map_.texts[-1].get_position() == (1.5, 1.5)  # row 1, column 1


@pytest.mark.filterwarnings("error")
def test_every_step_draws():
    image = torch.rand(1, 20, 30, generator=torch.Generator().manual_seed(0))
    template = image[:, :6, :8]
    levels = image_pyramid(image, [1, 0.5])
    maps = [match_template(level, template) for level, _ in levels]
    for steps in (
        step_windows((3, 3), (2, 2), (1, 1)),
        step_pyramid(levels, maps, (6, 8)),
        step_costs({"one": 1.0, "many": 1e6}),
    ):
        for i in range(len(steps)):
            steps.figure(i).png()


def test_the_counter_runs_over_all_levels():
    image = torch.arange(96.0).reshape(1, 8, 12)
    levels = image_pyramid(image, [1, 0.5])
    maps = [torch.zeros(5, 9), torch.zeros(1, 3)]  # 45 + 3 windows of 4 x 4
    steps = step_pyramid(levels, maps, (4, 4), milliseconds=1000, parts=1)
    assert steps.captions == [
        "level 0, 100% of the size: 45 windows so far, 45 seconds",
        "level 1, 50% of the size: 48 windows so far, 48 seconds",
    ]
    left, right = steps.figure(1).axes
    assert left.collections[0].get_paths()[0].get_extents().bounds == (2, 0, 4, 4)  # the last one
    assert left.get_xlim() == right.get_xlim()  # the level is drawn smaller, not the window larger


def test_costs_come_one_by_one():
    steps = step_costs({"30 shapes": 9216.0, "all": 23_679_052.8})
    assert steps.captions == ["30 shapes: 2.56 hours", "all: 274 days"]
    assert [len(steps.figure(i).axes[0].patches) for i in (0, 1)] == [1, 2]
    assert steps.figure(1).axes[0].patches[1].get_width() == 23_679_052.8


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.5 seconds"),
        (1, "1 second"),
        (1380.729, "23 minutes"),
        (60_000, "16.7 hours"),
        (2_592_000, "30 days"),
        (63_115_200, "2 years"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
