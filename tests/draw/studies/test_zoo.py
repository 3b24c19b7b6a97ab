import pytest
import torch

pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")

from edudet.draw.studies.zoo import draw_examples, draw_losses
from edudet.tasks.detection import BOX

FALLING = {"loss": [8.0, 6.0, 4.0, 2.0]}
RISING = {"loss": [1.0, 2.0, 3.0, 4.0]}


def test_a_panel_for_each_model_and_a_line_for_each_seed():
    figure = draw_losses({"a": [FALLING, RISING], "b": [RISING, RISING]}, (0, 7))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["a", "b"]
    first, second = figure.axes[0].lines
    assert first.get_ydata().tolist() == FALLING["loss"]
    assert second.get_ydata().tolist() == RISING["loss"] and second.get_label() == "seed 7"
    assert figure.png()[:4] == b"\x89PNG"


def test_long_runs_are_means_of_whole_groups():
    """80 steps, in groups of two; of 85 the last is dropped."""
    for steps in (80, 81):
        figure = draw_losses({"a": [{"loss": [float(i) for i in range(steps)]}]}, (0,))
        (line,) = figure.axes[0].lines
        assert line.get_ydata().tolist() == [2 * i + 0.5 for i in range(40)]
        assert line.get_xdata().tolist() == [2 * i + 1.0 for i in range(40)]


def test_five_models_take_two_rows_and_leave_no_empty_frames():
    figure = draw_losses({str(i): [FALLING] for i in range(5)}, (0,))
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == 5 and figure.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_image_is_drawn_with_what_was_found(count):
    output = {
        "boxes": torch.tensor([[2.0, 3.0, 9.0, 12.0]]), "labels": torch.tensor([2]),
        "scores": torch.tensor([0.75]),
    }  # fmt: skip
    nothing = {key: value[:0] for key, value in output.items()}
    found = [(torch.rand(3, 16, 16), output)] + [(torch.rand(3, 16, 16), nothing)] * (count - 1)

    def show(axes, image, output):
        BOX.show(axes, image, output, {"categories": ["ring", "disc"]})

    figure = draw_examples(found, show)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == count
    assert [text.get_text() for text in shown[0].texts] == ["disc 0.75"]
    assert not any(axes.texts for axes in shown[1:])
    assert figure.png()[:4] == b"\x89PNG"
