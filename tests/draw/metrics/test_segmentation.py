import warnings

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from edudet import draw
from edudet.draw.metrics.segmentation import (
    draw_dice_of_iou,
    scores_of,
    show_confusion,
    show_labels,
    step_classes,
    step_masks,
)

TRUTH = torch.zeros(4, 6, dtype=torch.bool)
TRUTH[1:3, 1:4] = True  # 6 of 24
SHIFTED = TRUTH.roll(1, 1)
COUNTS = torch.tensor([[3, 1], [2, 4]])


def png(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.png()
    return figure


def colours_of(axes):
    """(H, W) names of the colours of the last picture in the axes."""
    picture = np.asarray(axes.images[-1].get_array())[..., None, :3]
    known = np.array([to_rgba(colour)[:3] for colour in draw.COLOURS.values()])
    nearest = abs(picture - known).sum(-1).argmin(-1)
    return [[list(draw.COLOURS)[i] for i in row] for row in nearest]


def test_labels_lie_where_they_are():
    figure, axes = draw.new_figure(3, 2)
    show_labels(axes, torch.tensor([[0, 1, 2], [3, 0, 0]]), "title")
    png(figure)
    assert colours_of(axes) == [["faint", "kept", "truth"], ["marked", "faint", "faint"]]
    assert axes.images[-1].get_extent() == [0, 3, 2, 0]


def test_over_an_image_the_first_class_is_not_seen():
    figure, axes = draw.new_figure(3, 2)
    show_labels(axes, torch.tensor([[0, 1]]), image=torch.rand(1, 1, 2))
    alphas = np.asarray(axes.images[-1].get_array())[..., 3]
    assert alphas[0, 0] == 0 and 0 < alphas[0, 1] < 1
    assert len(png(figure).axes[0].images) == 2


def test_more_classes_than_colours():
    figure, axes = draw.new_figure(3, 2)
    show_labels(axes, torch.arange(12).reshape(2, 6))
    png(figure)
    first, second = colours_of(axes)
    assert first == second and len(set(first)) == 6


def test_outcomes():
    figure, axes = draw.new_figure(3, 2)
    draw.show_outcome(axes, TRUTH, SHIFTED)
    png(figure)
    row = ["faint", "truth", "kept", "kept", "dropped", "faint"]
    assert colours_of(axes) == [["faint"] * 6, row, row, ["faint"] * 6]
    assert [text.get_text()[2:4] for text in axes.texts] == ["TP", "FP", "FN"]


def test_rows_of_the_table_are_the_truth():
    figure, axes = draw.new_figure(4, 3)
    show_confusion(axes, COUNTS, chosen=1)
    png(figure)
    shades = {patch.get_xy(): patch.get_facecolor()[:3] for patch in axes.patches}
    of = {name: tuple(int(c[i : i + 2], 16) / 255 for i in (1, 3, 5))
          for name, c in draw.COLOURS.items()}  # fmt: skip
    assert shades[1, 1] == pytest.approx(of["kept"])
    assert shades[0, 1] == pytest.approx(of["truth"])  # row 1, column 0: missed
    assert shades[1, 0] == pytest.approx(of["dropped"])
    assert shades[0, 0] == (1, 1, 1)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[0.5, 1.5] == "2" and written[1.5, 0.5] == "1"


def test_the_lecture_s_table_class_by_class():
    steps = step_classes(COUNTS)
    assert len(steps) == 2
    assert (
        "3/(3 + 1 + 2) = 0.500" in steps.captions[0]
        and "Dice 6/(6 + 1 + 2) = 0.667" in steps.captions[0]
    )
    assert (
        "4/(4 + 2 + 1) = 0.571" in steps.captions[1]
        and "Dice 8/(8 + 2 + 1) = 0.727" in steps.captions[1]
    )
    for i in range(2):
        png(steps.figure(i))


def test_scores_of_two_masks():
    scores = scores_of(TRUTH, SHIFTED)  # TP 4, FP 2, FN 2, TN 16
    assert scores["pixel accuracy"] == pytest.approx(20 / 24)
    assert scores["precision"] == scores["recall"] == scores["Dice = F1"] == pytest.approx(2 / 3)
    assert scores["IoU"] == 0.5 and scores["mean IoU"] == pytest.approx((0.5 + 0.8) / 2)


def test_masks_step_by_step():
    answers = torch.stack([TRUTH, SHIFTED, torch.zeros_like(TRUTH)])
    steps = step_masks(TRUTH, answers, ["same", "shifted", "nothing"], torch.rand(1, 4, 6))
    assert len(steps) == 3
    lengths = []
    for i in range(3):
        left, right = png(steps.figure(i)).axes
        assert len(left.images) == 2
        names = [label.get_text() for label in right.get_yticklabels()]
        lengths.append(dict(zip(names, (bar.get_width() for bar in right.patches), strict=True)))
    assert set(lengths[0].values()) == {1.0}
    assert lengths[1]["IoU"] == 0.5
    assert lengths[2]["recall"] == lengths[2]["precision"] == 0
    assert "0/0" in [text.get_text() for text in right.texts]  # nothing called: no precision
    assert lengths[2]["pixel accuracy"] == 0.75


def test_every_step_may_have_a_truth_of_its_own():
    truths = torch.stack([TRUTH, SHIFTED])
    steps = step_masks(truths, truths, ["a", "b"])
    for i in range(2):
        left, right = png(steps.figure(i)).axes
        assert {bar.get_width() for bar in right.patches} == {1.0}
        assert colours_of(left)[1].index("kept") == 1 + i


def test_dice_lies_on_the_line():
    figure, axes = draw.new_figure(3, 3)
    draw_dice_of_iou(axes, [0.5], [2 / 3])
    png(figure)
    _, line, dots = axes.lines
    x, y = line.get_data()
    assert np.interp(dots.get_xdata()[0], x, y) == pytest.approx(dots.get_ydata()[0], abs=1e-6)
