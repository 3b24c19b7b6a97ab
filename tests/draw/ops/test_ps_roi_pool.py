import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.ops.ps_roi_pool import bin_of, read_parts, show_parts, step_votes

NUMBERS = torch.tensor([
    [[0, 0, 0, 0, 0], [0, 8, 6, 0, 0], [0, 6, 4, 0, 0], [0, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 0, 0, 9, 3], [0, 0, 0, 5, 7], [0, 0, 0, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 8, 8, 0, 0]],
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 6, 0], [0, 0, 0, 6, 4]],
]).float()  # fmt: skip
BOX = torch.tensor([1.0, 0, 5, 4])


def outlines(axes):
    """Of all boxes drawn: (x, y, width, height)."""
    found = [path.get_extents().bounds for group in axes.collections for path in group.get_paths()]
    return [tuple(round(float(value), 4) for value in one) for one in found]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def drawn(steps, i):
    figure = steps.figure(i)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.png()
    return figure.axes


def test_a_bin_reads_its_own_map_alone_the_last_column_too():
    parts, read = read_parts(NUMBERS, BOX, (2, 2))
    assert parts.tolist() == [[3.5, 3], [5, 4]]
    cells = [read[k].nonzero().tolist() for k in range(4)]
    assert cells[0] == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert cells[3] == [[2, 3], [2, 4], [3, 3], [3, 4]]


def test_a_part_of_a_box():
    box = torch.tensor([10.0, 0, 40, 20])
    assert bin_of(box, (2, 3), 5).tolist() == [30, 10, 40, 20]
    assert bin_of(box, (2, 3), 1).tolist() == [20, 0, 30, 10]


def test_maps_stand_in_the_places_of_their_bins():
    _, axes = draw.new_figure(4, 4)
    places = show_parts(axes, NUMBERS, (2, 2), BOX, stride=10)
    extents = [tuple(image.get_extent()) for image in axes.images]
    assert extents == [(0, 50, 40, 0), (55, 105, 40, 0), (0, 50, 85, 45), (55, 105, 85, 45)]
    assert places[3].tolist() == [56, 45, 60, 49]  # the box, from the corner (55, 45) of its map
    assert outlines(axes)[1] == (56, 0, 4, 4)
    assert len(axes.texts) == 80 and texts(axes)[6] == "8"
    assert axes.texts[6].get_position() == (15, 15)  # cell [1, 1], in pixels


def test_bin_by_bin_to_the_vote():
    steps = draw.step_ps_roi_pool(NUMBERS, BOX, (2, 2))
    assert steps.captions == [
        "bin [0, 0] asks map 0 alone: (0 + 0 + 8 + 6) / 4 = 3.5",
        "bin [0, 1] asks map 1 alone: (0 + 0 + 9 + 3) / 4 = 3",
        "bin [1, 0] asks map 2 alone: (4 + 0 + 8 + 8) / 4 = 5",
        "bin [1, 1] asks map 3 alone: (6 + 0 + 6 + 4) / 4 = 4",
        "the vote: (3.5 + 3 + 5 + 4) / 4 = 3.875",
    ]
    for i in range(5):
        left, right = drawn(steps, i)
        assert texts(right) == ["3.5", "3", "5", "4"][: min(i + 1, 4)]
        assert len(outlines(left)) == 4 + (1 if i < 4 else 4)  # the dashed boxes, and the bins
    left, right = drawn(steps, 1)
    assert outlines(left)[4] == (8.5, 0, 2, 2)  # map 1 begins at 5.5; its bin is at x 3 to 5
    assert right.texts[1].get_position() == (1.5, 0.5)


def test_a_bin_without_cells_is_called_empty():
    steps = draw.step_ps_roi_pool(NUMBERS, torch.tensor([3.0, 0, 7, 4]), (2, 2))
    assert steps.captions[1] == "bin [0, 1] asks map 1 alone: empty"
    drawn(steps, 1)


@pytest.fixture
def votes():
    maps = torch.zeros(4, 6, 8)
    for k, (y, x) in enumerate([(1, 1), (1, 3), (3, 1), (3, 3)]):
        maps[k, y : y + 2, x : x + 2] = 1
    return step_votes(maps, torch.tensor([[1.0, 1, 5, 5], [3, 1, 7, 5], [1, 1, 3, 3]]), (2, 2))


def test_parts_in_the_wrong_bins_do_not_vote(votes):
    assert votes.captions == [
        "4 × 4 from (1, 1): 4 maps vote 1, one map says 1",
        "4 × 4 from (3, 1): 4 maps vote 0, one map says 0.5",
        "2 × 2 from (1, 1): 4 maps vote 0.25, one map says 1",
    ]
    for i, expected in enumerate((["1"] * 4, ["0"] * 4, ["1", "0", "0", "0"])):
        left, right = drawn(votes, i)
        assert texts(left)[-4:] == expected
        assert texts(right)[-1] == ("mean 1", "mean 0.5", "mean 1")[i]


def test_the_single_map_has_the_box_where_it_is(votes):
    _, right = drawn(votes, 1)
    assert outlines(right)[0] == (3, 1, 4, 4)
    assert right.images[0].get_array().sum() == 16
