import pytest
import torch

from edudet import draw
from edudet.targets import rpn_targets
from pictures import outlines_by_colour

pytestmark = pytest.mark.filterwarnings("error")

# The example of the exercise rpn_targets: anchors 0 and 3 are positive, 1 is ignored.
ANCHORS = torch.tensor([
    [2.0, 2, 22, 22], [8, 6, 20, 34], [34, 2, 48, 16], [30, 20, 50, 36], [52, 22, 66, 36],
])  # fmt: skip
OBJECTS = torch.tensor([[4.0, 4, 26, 22], [30, 22, 48, 36]])


def rpn_example():
    generator = torch.Generator().manual_seed(1)
    targets = rpn_targets(ANCHORS, OBJECTS, 0.5, 0.25, 3, 0.5, generator=generator)
    assert targets.labels.tolist() == [-1, -1, 0, 1, 0]
    return targets


def test_anchors_are_matched_drawn_encoded():
    steps = draw.step_rpn_targets(ANCHORS, OBJECTS, rpn_example(), (0.5, 0.25))
    assert steps.captions == [
        "5 anchors, 2 objects",
        "match: 2 positive (blue, pink), 1 ignored (orange), 2 negative (grey dot)",
        "sample: 1 positive, 2 negative (vermilion)",
        "encode: how each drawn positive anchor must move",
    ]
    (axes,) = steps.figure(1).axes
    assert outlines_by_colour(axes)[draw.COLOURS["kept"]] == ANCHORS[[0, 3]].tolist()
    assert outlines_by_colour(axes)[draw.COLOURS["marked"]] == ANCHORS[[1]].tolist()
    (axes,) = steps.figure(2).axes
    assert outlines_by_colour(axes)[draw.COLOURS["dropped"]] == ANCHORS[[2, 4]].tolist()
    (axes,) = steps.figure(3).axes
    (moved,) = outlines_by_colour(axes)[draw.COLOURS["kept"]]
    assert torch.allclose(torch.tensor(moved), OBJECTS[1], atol=1e-4)
    steps.figure(0).png()


def test_on_an_image_only_the_drawn_ones_are_boxes():
    steps = draw.step_rpn_targets(
        ANCHORS.repeat(3, 1), OBJECTS,
        rpn_targets(ANCHORS.repeat(3, 1), OBJECTS, 0.5, 0.25, 256), (0.5, 0.25),
        torch.rand(3, 40, 70),
    )  # fmt: skip
    (axes,) = steps.figure(1).axes
    assert draw.COLOURS["marked"] not in outlines_by_colour(axes)
    (axes,) = steps.figure(3).axes
    assert draw.COLOURS["dropped"] not in outlines_by_colour(axes)
    steps.figure(2).png()
