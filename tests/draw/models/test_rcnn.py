import warnings

import torch

from edudet import draw
from edudet.draw.models.rcnn import (
    draw_crops,
    draw_gain,
    draw_margin_counts,
    draw_margins,
    draw_warps,
    show_montage,
    step_mining,
    step_rcnn,
)

NAMES = ["dog", "cat"]


def drawn(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return figure.png()


def test_a_montage_has_its_crops_in_rows():
    _, axes = draw.new_figure(3, 3)
    crops = torch.stack([torch.full((3, 4, 4), value) for value in (0.25, 0.5, 0.75)])
    show_montage(axes, crops, columns=2)
    sheet = axes.images[0].get_array()[..., 0]
    assert sheet.shape == (12, 12)
    assert sheet[1, 1] == 0.25 and sheet[1, 7] == 0.5 and sheet[7, 1] == 0.75
    assert sheet[7, 7] == 1 and sheet[0, 0] == 1  # no crop; between crops


def test_rows_of_crops_may_have_different_lengths():
    rows = {"right": (torch.zeros(3, 3, 8, 8), "kept"), "wrong": (torch.ones(1, 3, 8, 8), "faint")}
    figure = draw_crops(rows)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 4
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["right", "wrong"]
    drawn(figure)


def test_what_is_cut_out_keeps_its_scale_and_what_is_warped_its_size():
    """A box of 20 x 10 and one of 10 x 10; with 2 of 16 pixels around, the box fills 12."""
    boxes = torch.tensor([[4.0, 4, 24, 14], [0, 0, 10, 10]])
    figure = draw_warps(torch.zeros(3, 30, 30), boxes, torch.ones(2, 3, 16, 16), 2.0)
    above, below = figure.axes[:2], figure.axes[2:]
    assert [axes.get_title() for axes in above] == ["20 × 10", "10 × 10"]
    assert [axes.get_xlim()[1] - axes.get_xlim()[0] for axes in above] == [20, 20]
    assert above[0].images[0].get_extent() == [4, 24, 14, 4]
    for axes in below:
        assert axes.images[0].get_extent() == [0, 16, 16, 0]
        assert axes.collections[0].get_paths()[0].get_extents().bounds == (2, 2, 12, 12)
    drawn(figure)


def test_margins_above_0_are_blue():
    from matplotlib.colors import to_hex

    figure, axes = draw.new_figure(3, 3)
    draw_margins(axes, torch.tensor([-1.5, 0.5]), NAMES)
    assert [bar.get_width() for bar in axes.patches] == [-1.5, 0.5]
    colours = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
    assert colours == [draw.COLOURS["faint"], draw.COLOURS["kept"]]
    assert [line.get_xdata()[0] for line in axes.lines] == [-1, 0, 1]
    drawn(figure)


def test_margins_are_counted():
    figure, axes = draw.new_figure(4, 3)
    draw_margin_counts(axes, torch.tensor([0.5, 1.5]), torch.tensor([-2.0, -1.0, -1.0, 0.25]))
    others, objects = axes.containers
    assert sum(bar.get_height() for bar in others) == 4
    assert sum(bar.get_height() for bar in objects) == 2
    assert min(bar.get_x() for bar in objects if bar.get_height()) > 0.2
    drawn(figure)


def test_hard_negatives_are_ringed_until_they_are_used():
    """m = x - 1: the negatives have margins -3, -0.5 and 0; the first is easy, the last used."""
    features = torch.tensor([[3.0, 0], [-2, 0], [0.5, 1], [1, -1]])
    positive = torch.tensor([True, False, False, False])
    used = torch.tensor([True, False, False, True])
    rounds = [(torch.tensor([1.0, 0.001]), torch.tensor(-1.0), used)]
    steps = step_mining(features, positive, rounds)
    assert steps.captions == ["training 1: 1 of 3 negatives; 1 others are wrong or too near"]
    _, axes = draw.new_figure(4, 4)
    steps.draw(axes, 0)
    dots = [line.get_xydata().tolist() for line in axes.lines[:4]]
    assert dots == [[[-2, 0], [0.5, 1]], [[1, -1]], [[3, 0]], [[0.5, 1]]]
    drawn(steps.figure(0))


def test_gain_is_told_by_colour():
    figure, axes = draw.new_figure(3, 3)
    draw_gain(axes, torch.tensor([0.5, 0.75]), torch.tensor([0.625, 0.5]))
    assert axes.lines[0].get_xydata().tolist() == [[0.5, 0.625]]
    assert axes.lines[1].get_xydata().tolist() == [[0.75, 0.5]]
    assert axes.lines[0].get_color() == draw.COLOURS["kept"]
    drawn(figure)


def test_rcnn_in_four_steps():
    proposals = torch.tensor([[0.0, 0, 8, 8], [8, 8, 24, 16], [0, 0, 4, 4]])
    found = {"boxes": proposals[1:2], "labels": torch.tensor([2]), "scores": torch.tensor([0.75])}
    margins = torch.tensor([[-1.0, -2], [-1, 1.5], [0.5, -1]])
    steps = step_rcnn(
        torch.zeros(3, 16, 24), proposals, torch.rand(3, 3, 8, 8), margins, 1, found, NAMES
    )
    assert "3 proposals" in steps.captions[0] and "8 × 8" in steps.captions[1]
    assert steps.captions[3].startswith("4  2 proposals") and "NMS 1" in steps.captions[3]
    _, (row,) = draw.new_figure(7, 4, 1, 2)
    steps.draw(row[None], 2)
    assert [bar.get_width() for bar in row[1].patches] == [-1, 1.5]
    for i in range(4):
        drawn(steps.figure(i))
