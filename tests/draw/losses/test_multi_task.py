import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.losses.multi_task import draw_tradeoff, step_alpha, step_answers


def drawn(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return figure.png()


def test_alpha_mixes_the_same_two_losses():
    """S = 2 and R = 6: by hand 1/4 * 2 + 3/4 * 6 = 5 and 3/4 * 2 + 1/4 * 6 = 3."""
    steps = step_alpha(2.0, 6.0, [0.25, 0.75, 1.0])
    assert [caption.split(" = ")[-1] for caption in steps.captions] == ["5", "3", "2"]
    _, (row,) = draw.new_figure(7, 3, 1, 2)
    steps.draw(row[None], 0)
    heights = [bar.get_height() for bar in row[0].patches]
    assert heights == [2, 6, 0.5, 4.5]  # S, R, and their shares of L
    assert row[0].patches[3].get_y() == 0.5  # one upon the other
    assert row[1].lines[0].get_ydata().tolist() == [6, 2]
    assert row[1].lines[1].get_xydata().tolist() == [[0.25, 5]]
    for i in range(len(steps)):
        drawn(steps.figure(i))


def test_history_is_the_mean_of_the_last_steps():
    figure, axes = draw.new_figure(4, 3)
    draw.draw_history(axes, {"S": [4.0, 2, 0, 2], "R": [1.0, 1, 1, 1]}, smooth=2)
    assert axes.lines[0].get_xydata().tolist() == [[1, 4], [2, 3], [3, 1], [4, 1]]
    assert axes.lines[1].get_ydata().tolist() == [1, 1, 1, 1]
    assert axes.lines[0].get_color() != axes.lines[1].get_color()
    drawn(figure)


def test_the_rings_are_the_least_loss_and_the_best_network():
    alphas = [0.1, 0.5, 0.9]
    losses = {"S": [3.0, 1.0, 0.5], "R": [0.1, 0.2, 2.0], "L": [0.39, 0.6, 0.65]}
    shares = {"class right": [0.3, 0.8, 0.9], "both": [0.2, 0.7, 0.1]}
    figure = draw_tradeoff(alphas, losses, shares)
    rings = [
        [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1]
        for axes in figure.axes
    ]
    assert rings == [[[[0.1, 0.39]]], [[[0.5, 0.7]]]]
    drawn(figure)


@pytest.mark.parametrize("said", ["ball", "star"])
def test_a_wrong_class_has_another_colour(said):
    _, (row,) = draw.new_figure(4, 2, 1, 2)
    images = torch.zeros(2, 3, 10, 10)
    gt_boxes = torch.tensor([[1.0, 1, 5, 5], [2, 2, 8, 8]])
    steps = step_answers(
        images, gt_boxes, [(gt_boxes + 1, [said, "star"])], ["ball", "star"], ["at the end"]
    )
    steps.draw(row[None], 0)
    assert [axes.get_title() for axes in row] == [said, "star"]
    colour = draw.COLOURS["kept" if said == "ball" else "dropped"]
    assert row[0].title.get_color() == colour and row[1].title.get_color() == draw.COLOURS["kept"]
    truth, answer = (part.get_paths()[0].get_extents().bounds for part in row[0].collections)
    assert truth == (1, 1, 4, 4) and answer == (2, 2, 4, 4)
    drawn(steps.figure(0))
