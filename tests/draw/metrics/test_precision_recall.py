import warnings

import pytest
import torch

from edudet import draw
from edudet.cases.metrics.average_precision import CASES
from edudet.draw.metrics.precision_recall import (
    KINDS,
    draw_answers,
    draw_average_precision,
    draw_levels,
)
from edudet.metrics import average_precision, precision_recall_curve

SIX = torch.tensor([0.9, 0.5, 0.1, -0.1, -0.4, -0.6])
CARS = torch.tensor([0, 1, 0, 1, 0, 0])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def told(axes):
    return {text.get_text() for text in axes.texts}


def test_the_quarters_count():
    figure, axes = draw.new_figure(4, 3)
    draw_answers(axes, CARS, SIX, 0.0)
    assert told(axes) == {"TP 1", "FP 2", "FN 1", "TN 2"}
    figure.png()


@pytest.mark.parametrize("many", [6, 60])
def test_answers_stand_in_their_column_and_colour(many):
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.rand(many, generator=generator), torch.arange(many) % 3 == 0
    _, axes = draw.new_figure(4, 3)
    draw_answers(axes, labels, scores, 0.5)
    dots = [line for line in axes.lines if line.get_marker() in ("o", ".")]
    assert len(dots) == many
    for dot, score, label in zip(dots, scores.tolist(), labels.tolist(), strict=True):
        ((x, y),) = dot.get_xydata()
        kind = ("TP" if label else "FP") if score >= 0.5 else ("FN" if label else "TN")
        assert (x < 0.5) == label and y == score
        assert dot.get_color() == draw.COLOURS[KINDS[kind]]


def test_a_step_below_each_score():
    steps = draw.step_threshold(CARS, SIX)
    assert len(steps) == 6
    assert steps.captions[2] == (
        "threshold 0.00: 1 right, 2 wrong, precision 1/3 = 0.33; 1 missed, recall 1/2 = 0.50"
    )
    assert steps.captions[3] == (
        "threshold -0.25: 2 right, 2 wrong, precision 1/2 = 0.50; 0 missed, recall 1"
    )
    for i in range(len(steps)):
        ((x, y),) = steps.figure(i).axes[1].lines[-1].get_xydata()
        assert (x, y) == pytest.approx(
            [(0, 0), (0.5, 0.5), (0.5, 1 / 3), (1, 0.5), (1, 0.4), (1, 1 / 3)][i]
        )


def test_equal_scores_make_one_step_and_thresholds_can_be_given():
    assert len(draw.step_threshold(torch.tensor([1, 0, 1]), torch.tensor([0.5, 0.5, 0.25]))) == 2
    steps = draw.step_threshold(CARS, SIX, [2.0, 0.0])
    assert steps.captions[0].startswith("threshold 2.00: 0 right, 0 wrong, precision 0/0: 1;")
    steps.figure(0).png()


def test_the_curve_is_a_saw_and_the_smoothed_one_stairs():
    _, axes = draw.new_figure(4, 3)
    draw.draw_curve(axes, precision_recall_curve(torch.tensor([1, 0, 0, 1, 0, 0]), SIX))
    (stairs,) = axes.patches
    assert stairs.get_data().values.tolist() == pytest.approx([1, 0.5, 0.5, 0.5, 0.4, 1 / 3])
    assert stairs.get_data().edges.tolist() == [0, 0.5, 0.5, 0.5, 1, 1, 1]
    assert axes.lines[-1].get_ydata().tolist() == pytest.approx(
        [1, 1 / 2, 1 / 3, 1 / 2, 0.4, 1 / 3]
    )


def test_part_of_a_curve_is_smoothed_by_itself():
    _, axes = draw.new_figure(4, 3)
    draw.draw_curve(axes, precision_recall_curve(CARS, SIX), points=1)
    assert axes.patches[0].get_data().values.tolist() == [0]  # the later 1/2 is not known yet
    draw.draw_curve(axes, precision_recall_curve(CARS[:0], SIX[:0], 2))


@pytest.mark.parametrize("case", [c for c in CASES if c.args[2] != "all"], ids=lambda c: c.name)
def test_the_bars_have_the_area_of_the_average_precision(case):
    recall, precision = (torch.tensor(part, dtype=torch.float64) for part in case.args[:2])
    _, axes = draw.new_figure(4, 3)
    draw_levels(axes, recall, precision, case.args[2])
    area = sum(bar.get_width() * bar.get_height() for bar in axes.patches)
    assert area == pytest.approx(case.expected)
    assert len(axes.patches) == case.args[2]


def test_three_areas():
    recall, precision = torch.tensor([0.5, 0.5, 1.0]), torch.tensor([1.0, 0.5, 2 / 3])
    figure = draw_average_precision(recall, precision)
    for axes, points in zip(figure.axes, ("all", 11, 101), strict=True):
        assert f"AP {average_precision(recall, precision, points):.4f}" in axes.get_title()
    figure.png()
