import pytest
import torch
from matplotlib.colors import to_hex

from edudet import draw
from edudet.draw.progress import spread
from edudet.ops import roi_pool

RAMP = 10 * torch.arange(4.0)[:, None] + torch.arange(6)


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def outlines(axes):
    return [path.get_extents().bounds for group in axes.collections for path in group.get_paths()]


def test_only_what_differs_from_the_predecessor_stands_out():
    rows = {"A": ("", ["x", "y"]), "B": ("A", ["x", "z"]), "C": ("A", ["w", "y"])}
    axes = draw.draw_changes(["first", "second"], rows).axes[0]
    colours = [to_hex(patch.get_facecolor()).upper() for patch in axes.patches]
    blue, white = draw.COLOURS["kept"], "#FFFFFF"
    assert colours == [white, white, white, blue, blue, white]
    assert texts(axes) == ["first", "second", "A", "x", "y", "B", "x", "z", "C", "from A", "w", "y"]
    z = next(text for text in axes.texts if text.get_text() == "z")
    changed = axes.patches[3]
    assert changed.get_x() < z.get_position()[0] < changed.get_x() + changed.get_width()
    assert changed.get_y() < z.get_position()[1] < changed.get_y() + changed.get_height()
    assert axes.figure.png()[:4] == b"\x89PNG"


def test_every_box_gives_as_many_numbers():
    boxes = torch.tensor([[0.0, 0, 32, 32], [16, 0, 90, 60]])
    steps = draw.step_pyramid_pool(RAMP, boxes, (2, 1), stride=16)
    assert steps.captions == [
        "32 × 32 pixels, 2 × 2 bins: 4 numbers so far",
        "32 × 32 pixels, 1 × 1 bins: 5 numbers so far",
        "74 × 60 pixels, 2 × 2 bins: 4 numbers so far",
        "74 × 60 pixels, 1 × 1 bins: 5 numbers so far",
    ]
    for i, count in enumerate((4, 5, 4, 5)):
        figure = steps.figure(i)
        assert figure.png()
        left, right = figure.axes
        rois = [boxes[i // 2][None]]
        pooled = [roi_pool(RAMP[None, None], rois, k, 1 / 16).flatten() for k in (2, 1)]
        heights = [bar.get_height() for bar in right.patches]
        assert heights == pytest.approx(torch.cat(pooled)[:count].tolist())
        assert outlines(left)[-1] == tuple(
            (boxes[i // 2] - torch.cat([torch.zeros(2), boxes[i // 2][:2]])).tolist()
        )
    now = [to_hex(bar.get_facecolor()).upper() for bar in steps.figure(1).axes[1].patches]
    assert now == [draw.COLOURS["faint"]] * 4 + [draw.COLOURS["kept"]]


def test_boxes_lie_on_their_level():
    boxes = torch.tensor([[0.0, 0, 10, 10], [8, 8, 40, 40]])
    figure = draw.draw_roi_levels(torch.zeros(3, 48, 64), boxes, torch.tensor([2, 3]),
                                  {2: "P2", 3: "P3"})  # fmt: skip
    fine, coarse = figure.axes
    assert fine.get_title() == "P2, stride 4: 1 boxes"
    assert outlines(fine)[-1] == (0, 0, 10, 10) and outlines(coarse)[-1] == (8, 8, 32, 32)
    lines = [group for group in coarse.collections if hasattr(group, "get_segments")]
    assert [len(group.get_segments()) for group in lines] == [9, 7]  # every 8 pixels
    assert figure.png()


def test_what_got_better_lies_above_the_diagonal():
    before = torch.tensor([0.31, 0.33, 0.35, 0.37, 0.39, 0.9])
    after = torch.tensor([0.5, 0.5, 0.5, 0.6, 0.6, 0.8])
    one = draw.draw_refined({"once": (before, after)})
    (axes,) = one.axes
    assert axes.get_title() == f"once: {float((after - before).mean()):+.2f}"
    means = axes.lines[-1].get_xydata()
    assert means.shape == (1, 2)  # five boxes from .3 to .4; a single one has no mean
    assert means[0].tolist() == pytest.approx([0.35, 0.54])
    worse = draw.draw_refined({"once": (before, after), "again": (after, before)})
    assert worse.axes[1].get_title().startswith("again: −")
    assert one.png() and worse.png()


def test_names_stand_in_the_order_of_the_ends_of_their_lines():
    lines = {"a": ([0, 1], [0, 1]), "b": ([0, 1], [0, 1.01]), "c": (range(30), [5] * 30)}
    figure = draw.draw_lines(lines, "x", "y", "", 6, 3)
    (axes,) = figure.axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert heights["a"] < heights["b"] < heights["c"]
    assert heights["b"] - heights["a"] == pytest.approx(0.25 / 3)
    assert [line.get_marker() for line in axes.lines] == ["o", "o", "None"]
    logs = draw.draw_lines({"a": ([1, 10], [1, 100])}, "x", "y", "xy")
    assert 0.9 < logs.axes[0].texts[0].get_position()[1] < 1
    assert logs.axes[0].get_xscale() == logs.axes[0].get_yscale() == "log"
    assert figure.png() and logs.png()


def test_spread_moves_only_what_is_too_close():
    assert spread([0.0, 1.0, 5.0], 0.5) == [0, 1, 5]
    assert spread([1.0, 1.0], 0.5) == [0.75, 1.25]
    assert spread([3.0, 1.0, 1.1], 1.0) == pytest.approx([3.0, 0.55, 1.55])
    assert spread([0.0, 1.0, 1.0], 1.0) == pytest.approx([-1 / 3, 2 / 3, 5 / 3])
    assert spread([], 1.0) == []
