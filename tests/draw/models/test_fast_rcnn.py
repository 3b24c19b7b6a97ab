import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.models.fast_rcnn import (
    draw_drawn,
    draw_gradients,
    draw_growth,
    show_coverage,
    step_samples,
    step_shared_map,
)
from edudet.targets import roi_targets

OBJECT = torch.tensor([[0.0, 0, 10, 10]])


def drawn(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return figure.png()


def over(*heights):
    """Boxes with an IoU of height / 10 with OBJECT."""
    return torch.tensor([[0.0, 0, 10, height] for height in heights])


def test_coverage_counts_boxes_over_each_pixel():
    figure, axes = draw.new_figure(4, 3)
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 2], [-5, 2, 1, 9]])
    counts = show_coverage(axes, boxes, (3, 4), "title")
    assert counts.tolist() == [[1, 1, 0, 0], [1, 2, 1, 0], [1, 0, 0, 0]]
    assert axes.images[0].get_extent() == [0, 4, 3, 0]
    drawn(figure)


@pytest.fixture
def shared():
    """Two proposals on a map of 2 x 3 cells; the second is sure to be a cat."""
    proposals = torch.tensor([[0.0, 0, 8, 8], [8, 8, 24, 16]])
    found = {
        "boxes": proposals[1:] + 1,
        "labels": torch.tensor([2]),
        "scores": torch.tensor([0.75]),
    }
    return step_shared_map(
        torch.zeros(3, 16, 24), torch.rand(4, 2, 3), 8, proposals, 1, torch.rand(2, 4, 7, 7),
        torch.tensor([[0.75, 0.125, 0.125], [0.125, 0.125, 0.75]]), proposals + 1, found,
        ["dog", "cat"],
    )  # fmt: skip


def test_five_steps_on_one_map(shared):
    assert len(shared) == 5
    for fact, caption in zip(
        ("2 × 3 cells", "2 proposals", "7 × 7", "two heads", "leaves 1 of 1"),
        shared.captions,
        strict=True,
    ):
        assert fact in caption
    for i in range(5):
        drawn(shared.figure(i))


def test_proposals_lie_on_the_map_where_they_lie_on_the_image(shared):
    _, (row,) = draw.new_figure(7, 3, 1, 2)
    shared.draw(row[None], 1)
    assert row[1].images[0].get_extent() == [0, 24, 16, 0]
    for axes in row:
        boxes = [path.get_extents().bounds for path in axes.collections[0].get_paths()]
        assert boxes == [(0, 0, 8, 8), (8, 8, 16, 8)]
        (chosen,) = axes.collections[1].get_paths()
        assert chosen.get_extents().bounds == (8, 8, 16, 8)


def test_the_most_likely_class_is_blue(shared):
    _, (row,) = draw.new_figure(7, 3, 1, 2)
    shared.draw(row[None], 3)
    assert [bar.get_width() for bar in row[1].patches] == [0.125, 0.125, 0.75]
    from matplotlib.colors import to_hex

    colours = [to_hex(bar.get_facecolor()).upper() for bar in row[1].patches]
    assert colours == [draw.COLOURS[name] for name in ("faint", "faint", "kept")]


def test_drawn_proposals_are_marked_by_what_they_teach():
    """IoU .9, .6, .4, .2; from .3 on, the third is background and the last is left out."""
    proposals = over(9, 6, 4, 2)
    sample = roi_targets(
        proposals, OBJECT, torch.tensor([1]), 8, 0.5, background_from=0.3, append_gt=False
    )
    _, axes = draw.new_figure(4, 3)
    draw_drawn(axes, proposals, OBJECT, sample, [0.5, 0.3])
    dots = {line.get_color(): line.get_xydata().round(4).tolist() for line in axes.lines[:3]}
    assert dots[draw.COLOURS["kept"]] == [[0, 0.9], [1, 0.6]]
    assert dots[draw.COLOURS["marked"]] == [[2, 0.4]]
    assert dots[draw.COLOURS["faint"]] == [[3, 0.2]]
    assert [line.get_ydata()[0] for line in axes.lines[3:]] == [0.5, 0.3]


def test_a_sample_for_each_lowest_overlap():
    steps = step_samples(
        torch.zeros(12, 12), over(9, 6, 4, 2), OBJECT, torch.tensor([1]), [0.0, 0.3], size=16
    )
    assert [caption.split(": ")[1] for caption in steps.captions] == [
        "3 of objects, 2 of background",
        "3 of objects, 1 of background",
    ]
    for i in range(2):
        drawn(steps.figure(i))


def test_where_there_is_no_gradient_a_word_says_so():
    norms = {"one": {"first": 0.0, "last": 2.0}, "other": {"first": 0.0, "last": 0.0}}
    figure = draw_gradients(norms)
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts == [["no gradient", ""], ["no gradient", "no gradient"]]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0, 2]
    drawn(figure)


def test_growth_names_its_curves():
    figure, axes = draw.new_figure(4, 3)
    draw_growth(axes, [10, 20], {"shared": [1.0, 1.5], "each": [1.0, 2.0]})
    assert [text.get_text() for text in axes.texts] == ["shared", "each"]
    assert axes.lines[1].get_xydata().tolist() == [[10, 1], [20, 2]]
    assert axes.get_ylim()[0] == axes.get_xlim()[0] == 0
    drawn(figure)
