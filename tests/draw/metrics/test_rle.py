import torch

from edudet.draw.metrics.rle import draw_runs


def test_runs_lie_one_after_the_other():
    figure = draw_runs(torch.tensor([[0, 1, 1], [0, 1, 0]]).bool())
    upper, lower = figure.axes
    assert [text.get_text() for text in lower.texts] == ["2", "3", "1"]
    assert [(bar.get_x(), bar.get_width()) for bar in lower.patches] == [(0, 2), (2, 3), (5, 1)]
    assert upper.images[0].get_array().tolist() == [[0, 1, 1], [0, 1, 0]]
    figure.png()


def test_a_mask_that_begins_inside():
    lower = draw_runs(torch.tensor([[1, 0]]).bool()).axes[1]
    assert [text.get_text() for text in lower.texts] == ["0", "1", "1"]
    assert lower.patches[0].get_width() == 0
