import pytest
import torch
from matplotlib.colors import to_hex

from edudet import draw
from edudet.draw.models.spp_net import step_pyramid_pool
from edudet.ops import roi_pool
from pictures import outlines

RAMP = 10 * torch.arange(4.0)[:, None] + torch.arange(6)


def test_every_box_gives_as_many_numbers():
    boxes = torch.tensor([[0.0, 0, 32, 32], [16, 0, 90, 60]])
    steps = step_pyramid_pool(RAMP, boxes, (2, 1), stride=16)
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
