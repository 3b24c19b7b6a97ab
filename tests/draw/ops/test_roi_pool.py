import torch

from edudet import draw
from edudet.draw.ops.roi_pool import draw_roi_bins
from edudet.ops.roi_pool import roi_pool_bins
from pictures import is_clipped, outlines, pixels, texts

ROW = torch.tensor([[1.0, 5, 2, 0]])
RAMP = 10 * torch.arange(4.0)[:, None] + torch.arange(6)  # the value of cell [y, x] is 10 y + x


def test_bins_that_share_a_cell_are_drawn_apart_and_inside_their_cells():
    figure, axes = draw.new_figure(3, 3)
    draw.show_cells(axes, ROW)
    snapped, _ = roi_pool_bins(torch.tensor([0.0, 0, 2, 0]), (1, 2))
    draw_roi_bins(axes, snapped)
    first, second = outlines(axes)
    assert 0 < first[0] < 0.1 and 1.8 < first[0] + first[2] < 2  # cells 0 and 1
    assert 1 < second[0] < 1.2 and 2.8 < second[0] + second[2] < 3  # cells 1 and 2
    assert first[1] != second[1]
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
