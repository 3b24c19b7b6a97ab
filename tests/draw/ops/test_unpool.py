import pytest
import torch

from edudet.cases.ops.max_pool import DECK
from edudet.draw.ops.unpool import step_pooling, step_unpooling
from pictures import drawn, numbers, shaded

DECK_MAP = torch.tensor(DECK).float()
UP = torch.tensor([[1.0, 2], [3, 4]])
PLACES = torch.tensor([[5, 2], [12, 15]])


def test_pooling_finds_the_lecture_s_positions():
    steps = step_pooling(DECK_MAP, 2)
    assert len(steps) == 4
    assert "5, in row 1, column 1: index 1 · 4 + 1 = 5" in steps.captions[0]
    assert "index 3 · 4 + 0 = 12" in steps.captions[2]
    image, maxima, indices = drawn(steps, 2)
    assert shaded(image, "kept") == [(0, 3)]  # the 7: x first
    assert shaded(image, "marked") == [(0, 2), (1, 2), (1, 3)]
    assert numbers(maxima) == [["5", "6"], ["7", ""]]
    assert numbers(indices) == [["5", "2"], ["12", ""]]


def test_windows_move_by_the_stride():
    steps = step_pooling(DECK_MAP, 3, 1)
    image, *_ = drawn(steps, 3)
    assert len(steps) == 4
    assert min(shaded(image, "marked")) == (1, 1)


@pytest.mark.parametrize("i", range(4))
def test_every_way_gets_the_number(i):
    steps = step_unpooling(UP, 2, PLACES)
    small, nearest, nails, remembered = drawn(steps, i)
    y, x = divmod(i, 2)
    assert shaded(small, "marked") == [(x, y)]
    assert len(shaded(nearest, "marked")) == 4
    assert shaded(nails, "marked") == [(2 * x, 2 * y)]
    row, column = divmod(int(PLACES.flatten()[i]), 4)
    assert shaded(remembered, "marked") == [(column, row)]


def test_the_last_step_is_the_lecture_s():
    _, nearest, nails, remembered = drawn(step_unpooling(UP, 2, PLACES), -1)
    assert numbers(nearest) == [list("1122")] * 2 + [list("3344")] * 2
    assert numbers(nails) == [list("1020"), list("0000"), list("3040"), list("0000")]
    assert numbers(remembered) == [list("0020"), list("0100"), list("0000"), list("3004")]


def test_a_zero_is_written_too():
    steps = step_unpooling(torch.zeros(1, 1), 2, torch.tensor([[3]]))
    assert shaded(drawn(steps, 0)[3], "marked") == [(1, 1)]
