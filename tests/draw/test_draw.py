import subprocess
import sys

import numpy as np
import pytest
import torch

from edudet import draw


def pixels(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def near(picture, colour):
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return (abs(picture - wanted).sum(-1) < 60).sum()


@pytest.mark.parametrize("shape", [(20, 30), (1, 20, 30), (3, 20, 30)])
def test_boxes_lie_where_they_are(shape):
    figure, axes = draw.new_figure(3, 2)
    draw.show_image(axes, torch.zeros(shape), "title")
    draw.draw_boxes(axes, torch.tensor([[3.0, 4, 12, 15]]), "kept", ["0.9"])
    picture = pixels(figure)
    assert near(picture, draw.COLOURS["kept"]) > 50
    assert axes.get_xlim() == (0, 30) and axes.get_ylim() == (20, 0)
    (outline,) = axes.collections[0].get_paths()
    assert outline.get_extents().bounds == (3, 4, 9, 11)


def test_a_box_beyond_the_border_does_not_move_the_image():
    figure, axes = draw.new_figure(3, 2)
    draw.show_image(axes, torch.zeros(20, 30))
    draw.draw_boxes(axes, torch.tensor([[-50.0, -50, 80, 90]]), "truth", dashed=True)
    pixels(figure)
    assert axes.get_xlim() == (0, 30)


def test_no_boxes():
    figure, axes = draw.new_figure(3, 2)
    draw.show_image(axes, torch.zeros(20, 30))
    draw.draw_boxes(axes, torch.zeros(0, 4))
    assert near(pixels(figure), draw.COLOURS["kept"]) == 0


def test_matrix_writes_its_numbers():
    figure, axes = draw.new_figure(3, 3)
    draw.show_matrix(axes, torch.tensor([[1.0, 0.25], [0.0, 1.0]]))
    assert [text.get_text() for text in axes.texts] == ["1.00", ".25", "1.00"]
    pixels(figure)


def test_a_large_matrix_has_no_room_for_numbers():
    figure, axes = draw.new_figure(3, 3)
    draw.show_matrix(axes, torch.eye(40))
    assert not axes.texts and pixels(figure).std() > 20


def test_scores_and_samples():
    from edudet.ops.roi_align import sample_points

    figure, axes = draw.new_figure(5, 3, 1, 2)
    draw.show_scores(axes[0][0], torch.randn(4, 5), limit=2)
    roi = torch.tensor([2.0, 2, 10, 8])
    points = sample_points(roi, (3, 4), sampling_ratio=2, aligned=True)
    draw.draw_roi_samples(axes[0][1], roi, points)
    drawn = axes[0][1].lines[-1].get_xydata()
    assert len(drawn) == 3 * 4 * 4
    assert (drawn > [2, 2]).all() and (drawn < [10, 8]).all()  # in the house's coordinates
    assert near(pixels(figure), draw.COLOURS["marked"]) > 10


def test_colours_are_far_apart_even_in_gray():
    """Kept and dropped boxes differ in lightness too, for a black and white print."""

    def gray(colour):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.3 * red + 0.59 * green + 0.11 * blue

    assert abs(gray(draw.COLOURS["kept"]) - gray(draw.COLOURS["marked"])) > 60


def test_no_label_is_clipped():
    figure, axes = draw.new_figure(3, 2)
    axes.set(title="a title", xlabel="what is across", ylabel="what is upwards")
    picture = pixels(figure)
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == 255).all()


@pytest.mark.parametrize("module", ["edudet.draw", "edudet.draw.models.rcnn"])
def test_without_matplotlib_it_says_what_to_install(module):
    code = f"import sys; sys.modules['matplotlib'] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'edudet[demo]'" in done.stderr
