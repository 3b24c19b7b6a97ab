import torch

from edudet import draw

STACK = torch.tensor([[0, 0, 8, 8], [0, 2, 8, 10], [0, 4, 8, 12]]).float()
SCORES = torch.tensor([0.75, 0.5, 0.25])


def test_suppression_box_by_box():
    steps = draw.step_nms(STACK, SCORES, 0.5)
    assert steps.captions[1] == "keep 0 (score 0.75), drop 1: IoU > 0.5; 1 left"
    assert steps.captions[-1] == "2 of 3 boxes are kept"
    for i in range(len(steps)):
        bars = steps.figure(i).axes[1].patches
        assert [round(bar.get_width(), 2) for bar in bars] == [0.75, 0.5, 0.25]
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert len(draw.step_nms(STACK, SCORES, 0.5, image).figure(1).axes[0].images) == 1
