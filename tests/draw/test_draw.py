import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from edudet import draw
from edudet.ops import box_iou
from edudet.ops.roi_align import sample_points

IMAGE = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(0))
BOXES = torch.tensor([[5.0, 5, 20, 20], [30, 10, 60, 40]])


@pytest.fixture
def picture():
    return draw.new_figure(4, 3)


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=80)
    width, height = (figure.get_size_inches() * 80).astype(int)
    return np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, width, 4)


@pytest.mark.parametrize("image", [IMAGE, IMAGE[:1], IMAGE[0]], ids=["colour", "one", "plain"])
def test_image_has_the_coordinates_of_its_boxes(picture, image):
    figure, axes = picture
    draw.show_image(axes, image, "title")
    assert axes.get_xlim() == (0, 60) and axes.get_ylim() == (40, 0)
    assert axes.images[0].get_extent() == [0, 60, 40, 0]
    assert pixels(figure)[..., :3].std() > 5


@pytest.mark.parametrize("colour", draw.COLOURS)
def test_boxes_are_where_they_say_in_the_colour_of_their_meaning(picture, colour):
    _, axes = picture
    draw.draw_boxes(axes, BOXES, colour, ["a", "b"])
    outlines = axes.collections[0]
    for path, box in zip(outlines.get_paths(), BOXES, strict=True):
        assert path.get_extents().extents.tolist() == box.tolist()
    assert tuple(outlines.get_edgecolor()[0]) == to_rgba(draw.COLOURS[colour])
    assert [text.get_text() for text in axes.texts] == ["a", "b"]


def test_no_boxes(picture):
    figure, axes = picture
    draw.show_image(axes, IMAGE)
    draw.draw_boxes(axes, torch.zeros(0, 4))
    pixels(figure)


def test_matrix_writes_its_numbers(picture):
    _, axes = picture
    draw.show_matrix(axes, box_iou(BOXES, BOXES))
    assert [text.get_text() for text in axes.texts] == ["1.00", "1.00"]
    many = BOXES.repeat(40, 1)
    figure, axes = draw.new_figure(4, 3)
    draw.show_matrix(axes, box_iou(many, many))
    assert not axes.texts and pixels(figure)[..., :3].std() > 5


def test_samples_are_drawn_in_the_box(picture):
    _, axes = picture
    points = sample_points(BOXES[0], 3, sampling_ratio=2, aligned=True)
    draw.draw_roi_samples(axes, BOXES[0], points)
    x, y = axes.lines[-1].get_data()
    assert len(x) == 36
    # The house's coordinates: the first of six samples along 15 pixels lies at 5 + 15 / 12.
    assert (min(x), min(y), max(x), max(y)) == pytest.approx((6.25, 6.25, 18.75, 18.75))


def test_scores_around_zero(picture):
    figure, axes = picture
    shown = draw.show_scores(axes, torch.tensor([[-1.0, 0], [0, 1]]), limit=1)
    assert shown.get_clim() == (-1, 1) and pixels(figure)[..., :3].std() > 5


def test_no_label_is_clipped():
    figure, axes = draw.new_figure(3, 2)
    axes.set(title="a title", xlabel="what is across", ylabel="what is upwards")
    shown = pixels(figure)[..., :3]
    for edge in (shown[0], shown[-1], shown[:, 0], shown[:, -1]):
        assert (edge == 255).all()


def test_without_matplotlib_it_says_what_to_install():
    code = "import sys; sys.modules['matplotlib'] = None; import edudet.draw"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'edudet[demo]'" in done.stderr
