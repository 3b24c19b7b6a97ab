import warnings

import pytest
import torch
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_hex

from edudet import draw
from edudet.draw.models.mask_rcnn import draw_outline, outline_of, step_paste, step_rivals

LEFT = torch.tensor([[1, 1, 0, 0]] * 4).bool()


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_an_outline_lies_on_the_sides_of_pixels():
    mask = torch.zeros(4, 5, dtype=torch.bool)
    mask[1:3, 2] = True  # x from 2 to 3, y from 1 to 3
    assert sorted(map(sorted, outline_of(mask))) == [
        [(2, 1), (2, 2)], [(2, 1), (3, 1)], [(2, 2), (2, 3)], [(2, 3), (3, 3)],
        [(3, 1), (3, 2)], [(3, 2), (3, 3)],
    ]  # fmt: skip


def test_an_outline_closes_at_the_border_of_the_image():
    assert len(outline_of(torch.ones(2, 3, dtype=torch.bool))) == 10
    assert outline_of(torch.zeros(2, 3, dtype=torch.bool)) == []
    figure, axes = draw.new_figure(3, 3)
    draw_outline(axes, LEFT, "marked")
    (lines,) = axes.collections
    assert isinstance(lines, LineCollection) and len(lines.get_segments()) == 12
    assert to_hex(lines.get_colors()[0]).upper() == draw.COLOURS["marked"]
    figure.png()


def boxes_of(axes):
    """Colour -> (left, top, right, bottom) of the boxes with labels of their own."""
    found = {}
    for collection in axes.collections:
        if isinstance(collection, PatchCollection):
            (path,) = collection.get_paths()
            (x1, y1), (x2, y2) = path.vertices.min(0), path.vertices.max(0)
            found[to_hex(collection.get_edgecolors()[0]).upper()] = (x1, y1, x2, y2)
    return found


def outline_in(axes):
    return next(lines for lines in axes.collections if isinstance(lines, LineCollection))


def pasted_steps():
    whole = (-1, 1, 4, 4)
    stretched = torch.arange(15.0).reshape(3, 5) / 14
    box, grown = torch.tensor([-0.5, 1.5, 3.5, 3.5]), torch.tensor([-1.0, 1.2, 4.0, 3.8])
    pasted = torch.zeros(6, 8)
    pasted[1:4, :4] = stretched[:, 1:]
    return step_paste(box, torch.ones(2, 2), grown, whole, stretched, pasted)


def test_step_paste_puts_the_mask_where_its_pixels_are():
    steps = pasted_steps()
    assert len(steps) == 5
    assert steps.captions[2].startswith("whole pixels: columns -1 to 3, rows 1 to 3")
    left, right = steps.figure(2).axes
    assert torch.as_tensor(left.images[0].get_array()).shape == (3, 5)
    assert right.images[0].get_array().sum() == 0  # nothing is pasted yet
    left, right = steps.figure(4).axes
    assert set(torch.as_tensor(left.images[0].get_array()).flatten().tolist()) == {0, 1}
    shown = torch.as_tensor(right.images[0].get_array())
    assert torch.equal(shown[1:4, :4], (torch.arange(15.0).reshape(3, 5) / 14)[:, 1:])
    sides = [sorted(map(tuple, part.tolist())) for part in outline_in(right).get_segments()]
    assert [(0, 4), (1, 4)] in sides and [(4, 3), (4, 4)] in sides
    for i in range(5):
        steps.figure(i).png()


def test_step_paste_shows_the_boxes_in_turn():
    steps = pasted_steps()
    kept, marked, second = (draw.COLOURS[name] for name in ("kept", "marked", "second"))
    first, later = (boxes_of(steps.figure(i).axes[1]) for i in (0, 2))
    assert marked not in first and second not in first
    assert first[kept] == (-0.5, 1.5, 3.5, 3.5)
    assert later[marked] == pytest.approx((-1, 1.2, 4, 3.8))
    assert later[second] == (-1, 1, 4, 4)


def test_rivals_take_shares_from_each_other_in_a_softmax_only():
    steps = step_rivals(torch.tensor([[1.0, -2], [1, 1]]), ("ball", "ring"), 0)
    assert steps.captions[0] == "logits ball 1, ring −2: ball gets 0.73 and 0.95"
    assert steps.captions[1] == "logits ball 1, ring 1: ball gets 0.73 and 0.50"
    left, right = steps.figure(1).axes
    assert [bar.get_height() for bar in left.patches] == pytest.approx([0.7311, 0.7311], abs=1e-4)
    assert [bar.get_height() for bar in right.patches] == pytest.approx([0.5, 0.5])
    assert to_hex(left.patches[0].get_facecolor()).upper() == draw.COLOURS["kept"]
    steps.figure(0).png()
