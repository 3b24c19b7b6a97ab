import pytest
import torch

from edudet import draw
from edudet.targets import mask_targets
from pictures import texts

pytestmark = pytest.mark.filterwarnings("error")

LEFT = torch.tensor([[1, 1, 0, 0]] * 4).bool()


def test_step_mask_targets_tells_each_bin():
    roi = torch.tensor([0.5, 0.0, 3.5, 4.0])
    steps = draw.step_mask_targets(LEFT, roi, 4)
    assert len(steps) == 16
    assert steps.captions[4] == "bin (1, 0), read at x = 0.875, y = 1.5: 1 of it is object"
    assert steps.captions[5] == "bin (1, 1), read at x = 1.625, y = 1.5: 0.375 of it is object"
    left, right = steps.figure(5).axes
    assert texts(left) == [".1875", ".3125", ".1875", ".3125"]
    assert texts(right) == ["1", ".375", "0", "0", "1", ".375"]
    assert left.lines[-1].get_xydata().tolist() == [[2.125, 2.0]]  # drawn from pixels' corners
    for i in (0, 15):
        steps.figure(i).png()


def test_the_last_step_shows_the_whole_target():
    roi = torch.tensor([0.0, 0.0, 4.0, 4.0])
    steps = draw.step_mask_targets(LEFT, roi, 2)
    assert steps.captions[0] == "bin (0, 0), the mean of 4 points: 0.75 of it is object"
    left, right = steps.figure(3).axes
    wanted = mask_targets(LEFT[None], roi[None], torch.tensor([0]), 2)[0]
    assert torch.equal(torch.as_tensor(right.images[0].get_array()), wanted)
    assert len(left.lines[-1].get_xydata()) == 4
    steps.figure(0).png()
