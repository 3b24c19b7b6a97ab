import pytest
import torch
from matplotlib.colors import to_hex

from edudet import draw
from edudet.targets import roi_targets, rpn_targets

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


def outlines(axes):
    """Colour -> the boxes drawn in it."""
    found = {}
    for part in axes.collections:
        for path in part.get_paths():
            colour = to_hex(part.get_edgecolor()[0]).upper()
            x1, y1, x2, y2 = path.get_extents().extents.tolist()
            found.setdefault(colour, []).append([x1, y1, x2, y2])
    return found


def test_anchors_are_matched_drawn_encoded():
    steps = draw.step_rpn_targets(ANCHORS, OBJECTS, rpn_example(), (0.5, 0.25))
    assert steps.captions == [
        "5 anchors, 2 objects",
        "match: 2 positive (blue, pink), 1 ignored (orange), 2 negative (grey dot)",
        "sample: 1 positive, 2 negative (vermilion)",
        "encode: how each drawn positive anchor must move",
    ]
    (axes,) = steps.figure(1).axes
    assert outlines(axes)[draw.COLOURS["kept"]] == ANCHORS[[0, 3]].tolist()
    assert outlines(axes)[draw.COLOURS["marked"]] == ANCHORS[[1]].tolist()
    (axes,) = steps.figure(2).axes
    assert outlines(axes)[draw.COLOURS["dropped"]] == ANCHORS[[2, 4]].tolist()
    (axes,) = steps.figure(3).axes
    (moved,) = outlines(axes)[draw.COLOURS["kept"]]
    assert torch.allclose(torch.tensor(moved), OBJECTS[1], atol=1e-4)
    steps.figure(0).png()


def test_on_an_image_only_the_drawn_ones_are_boxes():
    steps = draw.step_rpn_targets(
        ANCHORS.repeat(3, 1), OBJECTS,
        rpn_targets(ANCHORS.repeat(3, 1), OBJECTS, 0.5, 0.25, 256), (0.5, 0.25),
        torch.rand(3, 40, 70),
    )  # fmt: skip
    (axes,) = steps.figure(1).axes
    assert draw.COLOURS["marked"] not in outlines(axes)
    (axes,) = steps.figure(3).axes
    assert draw.COLOURS["dropped"] not in outlines(axes)
    steps.figure(2).png()


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
    assert outlines(axes)[draw.COLOURS["dropped"]] == proposals[[1]].tolist()
    (axes,) = steps.figure(3).axes
    moved = torch.tensor(outlines(axes)[draw.COLOURS["kept"]])
    assert torch.allclose(moved, OBJECTS[[0, 1, 0, 1]], atol=1e-3)  # through the weights and back
    for i in (0, 1):
        steps.figure(i).png()


def test_no_objects_no_error():
    none = torch.zeros(0, 4)
    targets = roi_targets(ANCHORS, none, torch.zeros(0, dtype=torch.int64), 4)
    steps = draw.step_roi_targets(ANCHORS, none, targets.labels[:0], targets, [])
    assert steps.captions[1] == "label: 0 with IoU ≥ 0.5 (blue), 5 with less"
    for i in range(4):
        steps.figure(i).png()


def test_each_loss_stands_at_its_stage():
    losses = {"loss_objectness": 0.5, "loss_rpn_box_reg": 0.25, "loss_classifier": 2.0,
              "loss_box_reg": 1.0}  # fmt: skip
    figure = draw.draw_two_stages(losses)
    (axes,) = figure.axes
    places = {text.get_text(): text.get_position() for text in axes.texts}
    first = places["loss_objectness 0.500\nloss_rpn_box_reg 0.250"]
    second = places["loss_classifier 2.000\nloss_box_reg 1.000"]
    assert first[0] == places["RPN"][0] and first[1] > places["RPN"][1]
    assert second[0] == places["heads"][0] and second[1] < places["heads"][1]
    figure.png()
    draw.draw_two_stages().png()


def test_a_training_has_axes_for_each_loss():
    figure = draw.draw_training({"a": [3, 2, 1], "b": [0.1, 0.4, 0.2]})
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    assert [ax.lines[0].get_ydata().tolist() for ax in figure.axes] == [[3, 2, 1], [0.1, 0.4, 0.2]]
    assert all(ax.get_ylim()[0] == 0 for ax in figure.axes)
    draw.draw_training({"alone": [1.0]}).png()


def test_two_logits_lie_on_the_line_of_one():
    pairs = torch.tensor([[0.0, 3.0], [2, 2], [1, -1]])
    figure = draw.draw_two_way(pairs)
    line, dots = figure.axes[0].lines
    assert dots.get_xdata().tolist() == [3, 0, -2]
    heights = torch.as_tensor(dots.get_ydata())
    assert torch.allclose(heights, torch.tensor([3.0, 0, -2]).sigmoid())
    assert line.get_xdata()[0] == -3 and line.get_xdata()[-1] == 3
