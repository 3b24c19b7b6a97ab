from itertools import pairwise

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from edudet import draw
from edudet.draw.ops.soft_nms import draw_decay, draw_rescored
from edudet.ops import matrix_nms, nms, soft_nms

CROWD = torch.tensor([[0, 0, 8, 8], [0, 2, 8, 10], [20, 0, 28, 8]]).float()
SCORES = torch.tensor([0.875, 0.75, 0.5])
STACK = torch.tensor([[0, 0, 8, 8], [0, 2, 8, 10], [0, 4, 8, 12]]).float()
STACK_SCORES = torch.tensor([0.75, 0.5, 0.25])


def hard(boxes, scores):
    keep = nms(boxes, scores, 0.5)
    return keep, scores[keep]


METHODS = {"NMS": hard, "soft": soft_nms, "matrix": matrix_nms}


def is_clipped(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3]
    edges = picture[0], picture[-1], picture[:, 0], picture[:, -1]
    return any((edge != 255).any() for edge in edges)


def test_decay_over_iou():
    figure = draw_decay(METHODS, points=11)
    (axes,) = figure.axes
    curves = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert list(curves) == ["NMS", "soft", "matrix"]
    ious = np.linspace(0, 1, 11)
    for curve in curves.values():
        np.testing.assert_allclose(curve[:, 0], ious, atol=1e-6)
    # An IoU of 0.5 is on the threshold of NMS, and stays.
    assert curves["NMS"][:, 1].tolist() == [1] * 6 + [0] * 5
    np.testing.assert_allclose(curves["soft"][4:, 1], 1 - ious[4:], atol=2e-3)
    assert curves["soft"][:3, 1].tolist() == [1, 1, 1]
    np.testing.assert_allclose(curves["matrix"][:, 1], np.exp(-(ious**2) / 0.5), atol=1e-6)
    assert not is_clipped(figure)


def test_bars_before_and_after():
    figure = draw_rescored(CROWD, SCORES, METHODS, threshold=0.4)
    (axes,) = figure.axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights[0] == SCORES.tolist()
    assert heights[1] == [0.875, 0, 0.5]
    np.testing.assert_allclose(heights[2], [0.875, 0.3, 0.5], atol=1e-6)  # 0.75 (1 - 48 / 80)
    bars = [bar for group in axes.containers for bar in group]
    places = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(end < start for (_, end), (start, _) in pairwise(places))
    assert axes.lines[0].get_ydata()[0] == 0.4
    assert not is_clipped(figure)


def test_soft_suppression_lowers_scores():
    steps = draw.step_soft_nms(STACK, STACK_SCORES, iou_threshold=0.5)
    assert "1: 0.50 → 0.20" in steps.captions[1]  # IoU 48 / 80
    shadows_and_bars = steps.figure(1).axes[1].patches
    assert sorted(round(bar.get_width(), 2) for bar in shadows_and_bars) == [
        0.2, 0.25, 0.25, 0.5, 0.75, 0.75,
    ]  # fmt: skip
