import pytest
import torch

from edudet import draw
from edudet.targets import roi_targets
from pictures import outlines_by_colour

pytestmark = pytest.mark.filterwarnings("error")

OBJECTS = torch.tensor([[4.0, 4, 26, 22], [30, 22, 48, 36]])


def test_proposals_are_joined_labelled_drawn_encoded():
    proposals = torch.tensor([[2.0, 2, 20, 22], [34, 2, 48, 16], [28, 20, 46, 36]])
    targets = roi_targets(proposals, OBJECTS, torch.tensor([1, 2]), 16, 0.5)
    steps = draw.step_roi_targets(proposals, OBJECTS, torch.tensor([1, 2]), targets, ["dog", "cat"])
    assert steps.captions[:3] == [
        "3 proposals, and 2 objects that join them: 5",
        "label: 4 with IoU ≥ 0.5 (blue), 1 with less",
        "sample: 4 with a class, 1 of background (vermilion)",
    ]
    (axes,) = steps.figure(2).axes
    assert [t.get_text() for t in axes.texts] == ["dog", "cat", "dog", "cat"]
    assert outlines_by_colour(axes)[draw.COLOURS["dropped"]] == proposals[[1]].tolist()
    (axes,) = steps.figure(3).axes
    moved = torch.tensor(outlines_by_colour(axes)[draw.COLOURS["kept"]])
    assert torch.allclose(moved, OBJECTS[[0, 1, 0, 1]], atol=1e-3)  # through the weights and back
    for i in (0, 1):
        steps.figure(i).png()


def test_no_objects_no_error():
    none, proposals = torch.zeros(0, 4), torch.rand(5, 4).cumsum(1)
    targets = roi_targets(proposals, none, torch.zeros(0, dtype=torch.int64), 4)
    steps = draw.step_roi_targets(proposals, none, targets.labels[:0], targets, [])
    assert steps.captions[1] == "label: 0 with IoU ≥ 0.5 (blue), 5 with less"
    for i in range(4):
        steps.figure(i).png()
