import pytest
import torch

from edudet import draw
from edudet.draw.ops.roi_align import compare_rois
from edudet.ops.roi_align import sample_points
from pictures import is_clipped, outlines, pixels, texts

RAMP = 10 * torch.arange(4.0)[:, None] + torch.arange(6)  # the value of cell [y, x] is 10 y + x


def test_samples_lie_in_pixels_and_those_outside_are_crosses():
    figure, axes = draw.new_figure(3, 3)
    roi = torch.tensor([64.0, 0, 160, 16])  # the map ends at x = 96
    points = sample_points(roi, (1, 3), 1 / 16, 2, aligned=True)
    draw.draw_roi_samples(axes, roi, points, 16, map_size=(1, 6))
    crosses, dots = (line.get_xydata() for line in axes.lines[-2:])
    assert sorted(dots[:, 0]) == [72, 72, 88, 88, 104, 104]  # half a cell beside it: still read
    assert sorted(crosses[:, 0]) == [120, 120, 136, 136, 152, 152]
    pixels(figure)


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
    steps = compare_rois(RAMP, boxes, 2, 16, 2)
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
