import math
import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.ops.affine_grid import draw_arrows, draw_reading, show_holes
from edudet.draw.ops.grid_sample import (
    draw_descent,
    draw_kernel,
    kernel_curve,
    overlay,
    show_kernel,
    step_sampling,
)
from edudet.draw.rulers import draw_rulers
from edudet.ops import affine_grid, grid_sample, rigid_theta

X = torch.tensor([[1.0, 0, 0, 2], [6, 3, 2, 1], [0, 1, 0, 3], [1, 3, 1, 2]])
UP = torch.tensor([[1, 0, 0], [0, 1, 0.5]])  # one pixel, align_corners=False


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def grid_of(theta, size=(4, 4), align_corners=False):
    return affine_grid(theta[None].float(), (1, 1, *size), align_corners)[0]


def texts_of(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_grid_that_changes_nothing_reads_the_centres(align_corners):
    grid = grid_of(torch.eye(2, 3), (3, 5), align_corners)
    pixels = draw.in_pixels(grid, (3, 5), align_corners)
    torch.testing.assert_close(pixels[2, 4], torch.tensor([4.5, 2.5]))
    torch.testing.assert_close(pixels[0, 0], torch.tensor([0.5, 0.5]))


def test_arrows_go_from_the_output_to_where_it_reads():
    figure, axes = draw.new_figure(3, 3)
    draw_reading(axes, grid_of(UP), (4, 4))
    figure.png()
    dots = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "."]
    assert [0.5, 0.5] in dots and len(dots) == 16
    outside = [patch for patch in axes.patches if patch.get_edgecolor()[0] > 0.5]
    assert len(axes.patches) == 16 and len(outside) == 4  # the last row reads below the image
    low, high = axes.get_ylim()[1], axes.get_ylim()[0]
    assert low < 0 and high > 4.5  # the arrowheads are in view


def test_an_arrow_without_length_is_a_dot():
    _, axes = draw.new_figure(3, 3)
    draw_arrows(axes, torch.tensor([[1.0, 1], [2, 2]]), torch.tensor([[1.0, 1], [3, 2]]))
    assert len(axes.lines) == 2 and len(axes.patches) == 1


def test_step_warps_writes_what_is_read():
    steps = draw.step_warps(X, {"nothing": torch.eye(2, 3), "up": UP}, mark=(-0.5, -0.5))
    assert steps.captions == ["nothing", "up"]
    before, arrows, after = steps.figure(1).axes
    assert texts_of(before)[:5] == ["1", "0", "0", "2", "6"]
    assert texts_of(after)[:4] == ["6", "3", "2", "1"] and texts_of(after)[-4:] == ["0"] * 4
    assert [line.get_xydata().tolist() for line in arrows.lines][-1] == [[-0.5, -0.5]]
    steps.figure(0).png()


def test_step_warps_of_a_photo_marks_the_corner_that_is_read_first():
    photo = torch.rand(3, 20, 30)
    mirror = torch.tensor([[-1.0, 0, 0], [0, 1, 0]])
    figure = draw.step_warps(photo, {"mirror": mirror}, output_size=(10, 15)).figure(0)
    before, after = figure.axes
    ((x, y),) = before.lines[-1].get_xydata()
    assert x == pytest.approx(29) and y == pytest.approx(1)
    torch.testing.assert_close(
        torch.tensor(after.images[0].get_array().shape), torch.tensor([10, 15, 3])
    )
    assert before.get_xlim()[1] >= 29


def test_rulers_name_a_point_in_every_way_to_count():
    (axes,) = draw_rulers(4, at=1.0).axes
    texts = texts_of(axes)
    for name in ("1", "1.5", "−0.5", "−0.667"):
        assert name in texts
    units = [text for text in texts if text.startswith("1 pixel")]
    assert units == [f"1 pixel = {unit}" for unit in ("1", "1", "1/2", "2/3")]


def test_holes_are_counted_and_framed():
    figure = show_holes(torch.tensor([[0.6, 0, 0], [0, 0.6, 0]]), (5, 5))
    left, right = figure.axes
    assert "16 of 25" in left.get_title()
    assert len(left.collections) == 16 and not right.collections
    figure.png()


def test_no_holes_where_nothing_moves():
    left, _ = show_holes(torch.eye(2, 3), (3, 4)).axes
    assert "0 of 12" in left.get_title() and not left.collections


def test_step_sampling_says_the_sum():
    half = grid_of(torch.tensor([[1, 0, 0], [0, 1, 0.25]]))
    steps = step_sampling(X, half)
    assert len(steps) == 16
    assert steps.captions[0] == "output (0, 0) = 0.5 · 1 + 0.5 · 6 = 3.5"
    assert steps.captions[15] == "output (3, 3) = 0.5 · 2 = 1"
    before, kappa, after = steps.figure(0).axes
    assert texts_of(kappa)[0] == "0.5" and texts_of(kappa)[4] == "0.5"
    assert texts_of(after) == ["3.5"]  # the others are still to come
    square = before.patches[-1]
    assert (square.get_x(), square.get_y()) == pytest.approx((0.0, 0.5))
    assert before.get_ylim() == kappa.get_ylim() == after.get_ylim()
    for i in range(16):
        steps.figure(i).png()


def test_step_sampling_of_a_turn_reads_as_the_library():
    theta = rigid_theta(torch.tensor([[math.pi / 2, 0.0, 5]]), (4, 4))[0]
    steps = step_sampling(X, grid_of(theta), [(0, 2)], "nearest", "border")
    assert steps.captions == ["output (0, 2) = 1 · 6 = 6"]


def test_far_outside_nothing_is_summed():
    grid = torch.full((1, 1, 2), 9.0)
    assert step_sampling(X, grid).captions == ["output (0, 0) = nothing inside = 0"]


def test_kernel_is_drawn_where_the_point_is():
    figure = show_kernel((1.0, 2.9), (4, 4))
    _, above, beside, cells = figure.axes
    assert [text.strip() for text in texts_of(above)] == ["0.5", "0.5"]
    assert [text.strip() for text in texts_of(beside)] == ["0.6", "0.4"]
    assert texts_of(cells)[8:10] == ["0.3", "0.3"] and texts_of(cells)[12:14] == ["0.2", "0.2"]
    curve = above.lines[0].get_xydata()
    assert curve[curve[:, 1].argmax(), 0] == pytest.approx(1.0, abs=0.01)
    figure.png()


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_curves_are_even_and_one_in_the_middle(mode):
    distances, weights = kernel_curve(mode)
    at_zero = distances.abs().argmin()
    assert weights[at_zero] == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(weights, weights.flip(0), atol=0.02, rtol=0)
    figure, axes = draw.new_figure(3, 3)
    draw_kernel(axes, mode)
    figure.png()


def test_overlay_is_grey_only_where_the_images_agree():
    both = overlay(torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([[0.5, 0.0, 1.0]]))[:, 0]
    assert both[:, 0].max() - both[:, 0].min() < 0.01
    assert both[0, 1] > both[2, 1] and both[2, 2] > both[0, 2]  # orange, blue


def test_the_arrow_of_a_descent_points_against_the_slope():
    figure, axes = draw.new_figure(3, 3)
    losses = torch.linspace(-1, 1, 9)[:, None] ** 2 + torch.linspace(-1, 1, 9) ** 2
    path = torch.tensor([[0.0, 0], [2.0, 1]])
    draw_descent(axes, losses, 4, path, torch.tensor([1.0, 0]))
    (arrow,) = axes.patches
    (tail, head) = arrow._posA_posB
    assert tuple(tail) == (2, 1) and head[0] < 2 and head[1] == pytest.approx(1)
    assert axes.get_ylim() == (4, -4)
    figure.png()


def test_the_lectures_images_come_from_the_library():
    read = grid_sample(X[None, None], grid_of(UP)[None])[0, 0]
    after = draw.step_warps(X, {"up": UP}).figure(0).axes[2]
    assert [float(text) for text in texts_of(after)] == read.flatten().tolist()
