import warnings

import numpy as np
import pytest
import torch

from edudet import draw
from edudet.draw.metrics.panoptic import draw_quality, show_segments, step_segments

IDS = torch.tensor([[1, 1, 2, 0], [1, 1, 2, 0]])
SEGMENTS = [{"id": 1, "category_id": "person"}, {"id": 2, "category_id": "road"}]
FOUND = torch.tensor([[7, 7, 8, 8], [7, 8, 8, 8]])
FOUND_SEGMENTS = [{"id": 7, "category_id": "person"}, {"id": 8, "category_id": "road"}]
COLOURS = {"person": "marked", "road": "second"}


def png(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.png()
    return figure


def drawn(steps, i):
    return png(steps.figure(i)).axes


def test_segments_and_the_lines_between_them():
    figure, axes = draw.new_figure(3, 2)
    show_segments(axes, IDS, SEGMENTS, COLOURS, "title")
    png(figure)
    picture = np.asarray(axes.images[0].get_array())
    assert (picture[..., 3] == (IDS > 0).numpy()).all()  # void is seen through
    assert (picture[:, :2] == picture[0, 0]).all() and (picture[0, 2] != picture[0, 0]).any()
    lines = {tuple(map(tuple, line.tolist())) for line in axes.collections[0].get_segments()}
    assert lines == {((2, y), (2, y + 1)) for y in (0, 1)} | {((3, y), (3, y + 1)) for y in (0, 1)}
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(places) == {"1", "2"}
    assert IDS[int(places["2"][1]), int(places["2"][0])] == 2


def test_the_hatching_covers_no_segment():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, axes = draw.new_figure(3, 2)
    show_segments(axes, IDS, SEGMENTS, COLOURS, numbers=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    shade = (np.asarray(axes.images[0].get_array())[0, 0, :3] * 255).round()
    covered = (abs(pixels - shade).sum(-1) < 8).mean()
    assert covered > 0.25  # person 1 has half of the map, which has most of the figure


def test_numbers_stand_inside_their_segment():
    ring = torch.ones(5, 5, dtype=torch.int64)
    ring[1:4, 1:4] = 2
    figure, axes = draw.new_figure(3, 3)
    show_segments(axes, ring, SEGMENTS, COLOURS)
    png(figure)
    for text in axes.texts:
        x, y = text.get_position()
        assert str(int(ring[int(y), int(x)])) == text.get_text()


def test_an_active_segment_is_stronger_than_the_others():
    pairs = [(1, 7, "1 and 7"), (2, 0, "2: missed")]
    steps = step_segments((IDS, SEGMENTS), (FOUND, FOUND_SEGMENTS), pairs, COLOURS)
    assert steps.captions == ["1 and 7", "2: missed"]
    left, right = drawn(steps, 0)
    before, found = (np.asarray(axes.images[0].get_array()) for axes in (left, right))
    left, right = drawn(steps, 1)
    after, nobody = (np.asarray(axes.images[0].get_array()) for axes in (left, right))
    assert (before[0, 0, :3] < after[0, 0, :3]).any()  # person 1 has grown pale,
    assert (before[0, 2, :3] > after[0, 2, :3]).any()  # road 2 strong
    assert (found[0, 0, :3] <= nobody[0, 0, :3]).all() and (nobody[..., :3].min(-1) > 0.7).all()


def test_quality_is_an_area():
    figure, axes = draw.new_figure(3, 3)
    draw_quality(axes, 5 / 6, 0.8, "marked", "person")
    png(figure)
    area = axes.patches[0]
    assert area.get_width() * area.get_height() == pytest.approx(2 / 3)
    assert axes.texts[0].get_text() == "PQ 0.667"
    assert area.get_width() == 0.8


def test_no_quality():
    figure, axes = draw.new_figure(3, 3)
    draw_quality(axes, 0.0, 0.0, "marked")
    png(figure)
    assert axes.texts[0].get_text() == "PQ 0.000"
