import pytest
import torch

from edudet.draw.models.cascade_rcnn import draw_refined


def test_what_got_better_lies_above_the_diagonal():
    before = torch.tensor([0.31, 0.33, 0.35, 0.37, 0.39, 0.9])
    after = torch.tensor([0.5, 0.5, 0.5, 0.6, 0.6, 0.8])
    one = draw_refined({"once": (before, after)})
    (axes,) = one.axes
    assert axes.get_title() == f"once: {float((after - before).mean()):+.2f}"
    means = axes.lines[-1].get_xydata()
    assert means.shape == (1, 2)  # five boxes from .3 to .4; a single one has no mean
    assert means[0].tolist() == pytest.approx([0.35, 0.54])
    worse = draw_refined({"once": (before, after), "again": (after, before)})
    assert worse.axes[1].get_title().startswith("again: −")
    assert one.png() and worse.png()
