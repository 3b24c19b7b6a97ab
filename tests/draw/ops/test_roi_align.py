import warnings

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from edudet import draw
from edudet.ops.roi_align import sample_points
from edudet.ops.roi_pool import roi_pool_bins

ROW = torch.tensor([[1.0, 5, 2, 0]])
RAMP = 10 * torch.arange(4.0)[:, None] + torch.arange(6)  # the value of cell [y, x] is 10 y + x


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def is_clipped(figure):
    picture = pixels(figure)
    return any((edge != 255).any() for edge in (picture[0], picture[-1], picture[:, -1]))


def outlines(axes):
    """Of all boxes drawn: (x, y, width, height)."""
    return [path.get_extents().bounds for group in axes.collections for path in group.get_paths()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_cells_lie_in_pixels_and_say_their_values():
    figure, axes = draw.new_figure(3, 3)
    draw.show_cells(axes, torch.tensor([[0.25, 3.0, 0.0]]), stride=16, numbers=True)
    assert axes.get_xlim() == (0, 48) and axes.get_ylim() == (16, 0)
    assert texts(axes) == ["0.25", "3", "0"]
    assert [text.get_position() for text in axes.texts] == [(8, 8), (24, 8), (40, 8)]
    pixels(figure)


def test_of_many_cells_only_those_that_are_not_zero_are_written():
    figure, axes = draw.new_figure(3, 3)
    cells = torch.zeros(20, 20)
    cells[2, 3] = 7
    draw.show_cells(axes, cells, numbers=True)
    assert texts(axes) == ["7"]
    pixels(figure)


def test_bins_that_share_a_cell_are_drawn_apart_and_inside_their_cells():
    figure, axes = draw.new_figure(3, 3)
    draw.show_cells(axes, ROW)
    snapped, _ = roi_pool_bins(torch.tensor([0.0, 0, 2, 0]), (1, 2))
    draw.draw_roi_bins(axes, snapped)
    first, second = outlines(axes)
    assert 0 < first[0] < 0.1 and 1.8 < first[0] + first[2] < 2  # cells 0 and 1
    assert 1 < second[0] < 1.2 and 2.8 < second[0] + second[2] < 3  # cells 1 and 2
    assert first[1] != second[1]
    pixels(figure)


def test_samples_lie_in_pixels_and_those_outside_are_crosses():
    figure, axes = draw.new_figure(3, 3)
    roi = torch.tensor([64.0, 0, 160, 16])  # the map ends at x = 96
    points = sample_points(roi, (1, 3), 1 / 16, 2, aligned=True)
    draw.draw_roi_samples(axes, roi, points, 16, map_size=(1, 6))
    crosses, dots = (line.get_xydata() for line in axes.lines[-2:])
    assert sorted(dots[:, 0]) == [72, 72, 88, 88, 104, 104]  # half a cell beside it: still read
    assert sorted(crosses[:, 0]) == [120, 120, 136, 136, 152, 152]
    pixels(figure)


def test_a_box_that_moves_within_a_cell_keeps_its_bins():
    boxes = torch.tensor([[20.0, 12, 60, 44], [23, 12, 63, 44], [24, 12, 64, 44]])
    steps = draw.step_roi_pool(RAMP, boxes, 2, stride=16)
    assert steps.captions == [
        "x1 = 20: left −4, top +4, right +20, bottom +20 (pixels off)",
        "x1 = 23: left −7, top +4, right +17, bottom +20 (pixels off)",
        "x1 = 24: left +8, top +4, right +16, bottom +20 (pixels off)",
    ]
    drawn = []
    for i in range(len(steps)):
        figure = steps.figure(i)
        left, right = figure.axes
        drawn.append((outlines(left)[:4], texts(right)))
        assert outlines(left)[4][0] == boxes[i, 0]  # the box asked for is where it is
        assert not is_clipped(figure)
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][1] == ["22", "24", "32", "34"]  # cells 1-4 of rows 1-3, the last of each bin


def test_the_cell_that_wins_is_marked():
    steps = draw.step_roi_pool(ROW, torch.tensor([[0.0, 0, 2, 0]]), (1, 2))
    left, _ = steps.figure(0).axes
    assert left.lines[-1].get_xydata().tolist() == [[1.5, 0.5], [1.5, 0.5]]


def test_align_shows_the_four_cells_of_every_sample():
    steps = draw.step_roi_align(RAMP, torch.tensor([2.0, 1, 10, 7]), 2, 2, 2)
    assert len(steps) == 16
    # at x = 1, y = 0.375: between rows 0 and 1 of column 1
    assert steps.captions[0] == "bin [0, 0], 1 of 4: 0.625 · 1 + 0.375 · 11 = 4.75"
    assert not is_clipped(steps.figure(15))
    left, right = steps.figure(0).axes
    assert (2, 0, 2, 2) in outlines(left)  # cell [0, 1], in pixels
    assert left.lines[-1].get_xydata().tolist() == [[3, 1.75]]
    assert texts(right) == []
    assert texts(steps.figure(3).axes[1]) == ["9"]  # the mean of the first four samples


def test_pool_beside_align():
    boxes = torch.tensor([[16.0, 16, 64, 48], [20, 16, 68, 48]])
    steps = draw.compare_rois(RAMP, boxes, 2, 16, 2)
    assert "up to 16.0 pixels" in steps.captions[0]  # the last cell counts whole
    for i in range(2):
        figure = steps.figure(i)
        assert not is_clipped(figure)
    pool, align, _, mean = steps.figure(0).axes
    assert pool.get_xlim() == align.get_xlim() and pool.get_ylim() == align.get_ylim()
    assert len(align.lines[-1].get_xydata()) == 16
    # bins of 1.5 x 1 cells from the corner (1, 1): centres 1.75 and 3.25 - 0.5, rows 1 and 2
    assert texts(mean) == ["11.25", "12.75", "21.25", "22.75"]


def test_gradients_are_counted_where_they_go():
    figure = draw.show_gradients(RAMP, torch.tensor([16.0, 16, 64, 48]), (1, 1), 16)
    pool, align = figure.axes
    assert pool.get_title() == "RoIPool: cells with a gradient: 1"
    assert texts(pool).count("1") == 1 and texts(pool).count("0") == 23
    one = next(text for text in pool.texts if text.get_text() == "1")
    assert one.get_position() == (4.5 * 16, 3.5 * 16)  # the last cell, [3, 4]
    assert align.get_title() == "RoIAlign: cells with a gradient: 6"  # 3 x 2 samples, one a cell
    assert texts(align).count("0.17") == 6
    assert not is_clipped(figure)
    assert len(draw.show_gradients(RAMP, torch.tensor([0.0, 0, 9, 9]), 2, 16, False).axes) == 1


@pytest.mark.parametrize("align", [False, True])
def test_sliding_shows_the_errors_of_both_edges(align):
    box = torch.tensor([16.0, 16, 64, 48])
    shifts = torch.arange(0, 16, 0.5)
    figure = draw.slide_roi(RAMP, box, shifts, 2, 16, align, (1, 0))
    above, below = figure.axes
    left, right = (line.get_xydata() for line in above.lines[:2])
    assert left[0].tolist() == [16, 0] and right[0].tolist() == [16, 16]
    assert (left[:, 1].min(), left[:, 1].max()) == (-7.5, 8)
    assert len(below.lines) == 1 + align
    assert not is_clipped(figure)
