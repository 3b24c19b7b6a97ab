import pytest
import torch

from edudet.draw.proposals.template_matching import step_match


@pytest.mark.filterwarnings("error")
def test_every_place_draws():
    image = torch.rand(4, 5, generator=torch.Generator().manual_seed(0))
    steps = step_match(image, image[:3, :3])
    assert len(steps) == 2 * 3
    for i in range(len(steps)):
        steps.figure(i).png()


def test_what_is_not_yet_known_is_empty():
    image = torch.tensor([[0.0, 1, 0, 0], [0, 0, 1, 2]])
    steps = step_match(image, torch.tensor([[1.0, 0]]))
    assert len(steps) == 6 and steps.captions[1] == "row 0, column 1: score 1.00"
    pixels, points, scores = steps.figure(1).axes
    shown = scores.images[0].get_array()
    assert shown.mask.tolist() == [[False, False, True], [True] * 3]
    assert shown[0, :2].tolist() == [-1, 1]
    assert points.lines[0].get_xydata().tolist() == [[1, 1], [0, 0]]  # template, window
    assert pixels.texts[-1].get_text() == "2" and pixels.texts[-1].get_position() == (3.5, 1.5)
