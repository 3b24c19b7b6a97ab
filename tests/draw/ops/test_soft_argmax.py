import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.ops.soft_argmax import draw_bias, draw_tracks, step_balance, step_beta
from edudet.ops import soft_argmax2d


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def two_peaks():
    heatmap = torch.zeros(6, 8)
    heatmap[1, 1], heatmap[4, 6] = 1.0, 0.8
    return heatmap


def marks_of(axes):
    """The large dots: colour -> place."""
    return {
        line.get_color(): tuple(line.get_xydata()[-1])
        for line in axes.lines
        if line.get_marker() == "o"
    }


def test_peak_is_the_centre_of_the_largest_cell():
    assert draw.peak_of(two_peaks()).tolist() == [1.5, 1.5]
    assert draw.peak_of(two_peaks().flip(1)).tolist() == [6.5, 1.5]


def test_step_beta_goes_from_the_middle_to_the_peak():
    steps = step_beta(two_peaks(), [0, 5, 1000])
    assert steps.captions[0] == "β = 0: (4.00, 3.00)"
    assert steps.captions[2] == "β = 1000: (1.50, 1.50)"
    left, right = steps.figure(1).axes
    expected = tuple(soft_argmax2d(two_peaks()[None, None], 5.0)[0, 0].tolist())
    assert marks_of(left)[draw.COLOURS["kept"]] == pytest.approx(expected)
    assert marks_of(right)[draw.COLOURS["truth"]] == (1.5, 1.5)
    assert left.get_xlim() == (0, 8) and left.get_ylim() == (6, 0)
    for i in range(3):
        steps.figure(i).png()


def test_flat_weights_are_all_of_the_darkest_colour():
    _, right = step_beta(two_peaks(), [0]).figure(0).axes
    low, high = right.images[0].get_clim()
    assert low == 0 and high == pytest.approx(1 / 48, rel=1e-3)


def test_a_heatmap_over_a_photo_is_transparent_where_it_is_not_above_0():
    figure, axes = draw.new_figure(3, 3)
    heatmap = two_peaks() - 0.5
    draw.show_heatmap(axes, heatmap, "title", torch.rand(3, 6, 8), {"kept": (2.0, 3.0)})
    strength = axes.images[1].get_alpha()
    assert strength[0, 0] == 0 and strength[1, 1] == 1
    assert marks_of(axes) == {draw.COLOURS["kept"]: (2.0, 3.0)}
    figure.png()


def test_a_large_heatmap():
    figure, axes = draw.new_figure(3, 3)
    draw.show_heatmap(axes, torch.rand(50, 60))
    assert axes.images[0].get_extent() == [0, 60, 50, 0]
    figure.png()


def test_the_beam_is_supported_at_the_soft_argmax():
    steps = step_balance(torch.tensor([1.0, 3, 2]), [0, 1])
    assert steps.captions[1] == "β = 1: the beam balances at 1.6547"
    _, right = steps.figure(1).axes
    support = right.lines[-1].get_xydata()[0]
    assert support[0] == pytest.approx(1.654698, abs=1e-5)
    heights = [bar.get_height() for bar in right.patches]
    assert sum(heights) == pytest.approx(1) and heights[1] == max(heights)
    steps.figure(0).png()


def test_bias_grows_with_the_row_and_falls_with_beta():
    figure = draw_bias([1, 10], [1, 10, 100])
    (axes,) = figure.axes
    low, high = (line.get_ydata() for line in axes.lines)
    assert low[0] == high[0] == 0
    assert list(low) == sorted(low) and low[2] == pytest.approx(48.66, abs=0.01)
    assert high[2] == pytest.approx(0.22, abs=0.01)
    figure.png()


def test_slopes_are_drawn_around_0():
    figure, axes = draw.new_figure(3, 3)
    draw.draw_slopes(axes, torch.tensor([[-1.0, 0.5]]), "title", {"kept": (1.0, 0.5)})
    assert axes.images[0].get_clim() == (-1, 1)
    assert marks_of(axes) == {draw.COLOURS["kept"]: (1.0, 0.5)}
    draw.draw_slopes(axes, torch.zeros(2, 2))
    figure.png()


def test_tracks_against_the_line_of_truth():
    figure, axes = draw.new_figure(3, 3)
    truth = torch.tensor([1.0, 2, 3])
    draw_tracks(axes, truth, {"argmax": (truth.round() + 0.5, "dropped")})
    line, dots = axes.lines
    assert line.get_xydata().tolist() == [[1, 1], [3, 3]]
    assert dots.get_ydata().tolist() == [1.5, 2.5, 3.5]
    figure.png()
