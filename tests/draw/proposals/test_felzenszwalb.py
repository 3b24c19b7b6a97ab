import warnings

import pytest
import torch
from matplotlib.collections import LineCollection

from edudet import draw
from edudet.cases.proposals.felzenszwalb import CASES
from edudet.draw.proposals.felzenszwalb import outline
from edudet.proposals.felzenszwalb import felzenszwalb_loop

TINY = torch.tensor([[10, 12, 11, 80], [11, 14, 70, 82], [40, 13, 75, 79]])


def drawn(steps):
    """Every step, drawn without a warning: a list of figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = [steps.figure(i) for i in range(len(steps))]
        for figure in figures:
            figure.png()
    return figures


def lines_of(axes):
    lines = next(c for c in axes.collections if isinstance(c, LineCollection))
    return {tuple(sorted(map(tuple, ends.tolist()))) for ends in lines.get_segments()}


def test_a_border_lies_between_the_pixels_that_differ():
    _, axes = draw.new_figure(3, 2)
    draw.draw_regions(axes, torch.tensor([[0, 0, 1], [0, 0, 1]]))
    assert lines_of(axes) == {((2, 0), (2, 1)), ((2, 1), (2, 2))}


def test_a_border_below():
    _, axes = draw.new_figure(3, 2)
    draw.draw_regions(axes, torch.tensor([[4, 4], [7, 7]]))
    assert lines_of(axes) == {((0, 1), (1, 1)), ((1, 1), (2, 1))}


def test_an_outline_goes_all_round_at_the_border_of_the_image_too():
    _, axes = draw.new_figure(3, 2)
    outline(axes, torch.tensor([[True, False]]), "marked")
    assert lines_of(axes) == {
        ((0, 0), (1, 0)), ((0, 1), (1, 1)), ((0, 0), (0, 1)), ((1, 0), (1, 1)),
    }  # fmt: skip


@pytest.mark.parametrize("unit", [1, 255])
def test_a_region_is_painted_in_its_mean_colour(unit):
    image = torch.tensor([[[0.0, 1, 0.5]], [[1, 1, 0]], [[0, 0, 0]]])
    image = image if unit == 1 else (image * 255).round().byte()
    _, axes = draw.new_figure(3, 2)
    draw.draw_regions(axes, torch.tensor([[0, 0, 1]]), image)
    shown = torch.as_tensor(axes.images[0].get_array().data)
    expected = torch.tensor([[0.5, 1, 0], [0.5, 1, 0], [0.5, 0, 0]], dtype=shown.dtype)
    torch.testing.assert_close(shown[0], expected, atol=0.01, rtol=0)


def test_a_colour_stays_while_others_join():
    def colour(labels):
        _, axes = draw.new_figure(3, 2)
        draw.draw_regions(axes, torch.tensor([labels]))
        return [tuple(c) for c in axes.images[0].get_array()[0]]

    before, after = colour([0, 0, 1, 2, 2, 3]), colour([0, 0, 1, 1, 1, 2])
    assert before[:2] == after[:2] and before[2] == (1, 1, 1)
    assert before[0] != before[3] and len(set(after[2:5])) == 1


def test_steps_of_the_hand_worked_step():
    steps = draw.step_felzenszwalb(torch.tensor([[0, 0, 10, 10]]), 5)
    assert steps.captions == [
        "4 pixels, each a region of its own; 3 edges wait",
        "edge 1: 0 ≤ 0 + 5/1: join",
        "edge 2: 0 ≤ 0 + 5/1: join",
        "edge 3: 10 > 0 + 5/2: a border",
        "no edge is left; regions: 2",
    ]
    figures = drawn(steps)
    right = figures[3].axes[1]
    widths = [bar.get_width() for bar in right.patches]
    assert widths == [10, 0, 2.5, 0, 2.5]  # the weight; Int and k/|C| of A, of B


def test_both_regions_must_agree():
    steps = draw.step_felzenszwalb(torch.tensor([[0, 0, 0, 10]]), 15)
    assert steps.captions[-2] == "edge 3: 10 > 0 + 15/3: a border"


def test_edges_within_a_region_are_passed_over():
    steps = draw.step_felzenszwalb(TINY, 30)
    assert "29 edges" in steps.captions[0]
    assert not any(caption.startswith("edge 5:") for caption in steps.captions)
    assert "edge 19: 26 > 2 + 30/6: a border" in steps.captions
    assert sum("join" in caption for caption in steps.captions) == 12 - 3


def test_edges_join_the_centres_of_pixels():
    left = drawn(draw.step_felzenszwalb(torch.tensor([[0, 9], [0, 0]]), 3))[-1].axes[0]
    _, waiting, borders, joined = left.collections  # the first: the borders of regions
    centres = {tuple(end.tolist()) for ends in waiting.get_segments() for end in ends}
    assert centres == {(0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (1.5, 1.5)}
    assert len(waiting.get_segments()) == 6
    assert [len(lines.get_segments()) for lines in (borders, joined)] == [3, 2]


GRAY = [case for case in CASES if case.args[2:] == (0, 1) and isinstance(case.args[0][0][0], int)]


@pytest.mark.parametrize("case", GRAY, ids=lambda case: case.name)
def test_the_last_step_shows_what_the_library_finds(case):
    image, scale, *_ = case.args
    steps = draw.step_felzenszwalb(torch.tensor(image), scale)
    assert steps.captions[-1].endswith(f": {max(map(max, case.expected)) + 1}")


def test_the_borders_drawn_are_those_of_the_library():
    generator = torch.Generator().manual_seed(0)
    for scale in (3, 30, 100):
        image = torch.randint(0, 60, (4, 5), generator=generator)
        labels = felzenszwalb_loop(image.byte(), scale, 0, 0)
        steps = draw.step_felzenszwalb(image, scale)
        _, axes = draw.new_figure(3, 2)
        draw.draw_regions(axes, labels)
        assert lines_of(steps.figure(-1).axes[0]) == lines_of(axes)
