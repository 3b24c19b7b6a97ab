import pytest
import torch

from edudet.draw.models.faster_rcnn import draw_training, draw_two_stages, draw_two_way

pytestmark = pytest.mark.filterwarnings("error")



def test_each_loss_stands_at_its_stage():
    losses = {"loss_objectness": 0.5, "loss_rpn_box_reg": 0.25, "loss_classifier": 2.0,
              "loss_box_reg": 1.0}  # fmt: skip
    figure = draw_two_stages(losses)
    (axes,) = figure.axes
    places = {text.get_text(): text.get_position() for text in axes.texts}
    first = places["loss_objectness 0.500\nloss_rpn_box_reg 0.250"]
    second = places["loss_classifier 2.000\nloss_box_reg 1.000"]
    assert first[0] == places["RPN"][0] and first[1] > places["RPN"][1]
    assert second[0] == places["heads"][0] and second[1] < places["heads"][1]
    figure.png()
    draw_two_stages().png()


def test_a_training_has_axes_for_each_loss():
    figure = draw_training({"a": [3, 2, 1], "b": [0.1, 0.4, 0.2]})
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    assert [ax.lines[0].get_ydata().tolist() for ax in figure.axes] == [[3, 2, 1], [0.1, 0.4, 0.2]]
    assert all(ax.get_ylim()[0] == 0 for ax in figure.axes)
    draw_training({"alone": [1.0]}).png()


def test_two_logits_lie_on_the_line_of_one():
    pairs = torch.tensor([[0.0, 3.0], [2, 2], [1, -1]])
    figure = draw_two_way(pairs)
    line, dots = figure.axes[0].lines
    assert dots.get_xdata().tolist() == [3, 0, -2]
    heights = torch.as_tensor(dots.get_ydata())
    assert torch.allclose(heights, torch.tensor([3.0, 0, -2]).sigmoid())
    assert line.get_xdata()[0] == -3 and line.get_xdata()[-1] == 3
