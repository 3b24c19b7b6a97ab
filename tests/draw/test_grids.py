import torch

from edudet import draw
from pictures import pixels, texts


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
