import pytest

from edudet import draw
from edudet.draw.lines import spread


def test_names_stand_in_the_order_of_the_ends_of_their_lines():
    lines = {"a": ([0, 1], [0, 1]), "b": ([0, 1], [0, 1.01]), "c": (range(30), [5] * 30)}
    figure = draw.draw_lines(lines, "x", "y", "", 6, 3)
    (axes,) = figure.axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert heights["a"] < heights["b"] < heights["c"]
    assert heights["b"] - heights["a"] == pytest.approx(0.25 / 3)
    assert [line.get_marker() for line in axes.lines] == ["o", "o", "None"]
    logs = draw.draw_lines({"a": ([1, 10], [1, 100])}, "x", "y", "xy")
    assert 0.9 < logs.axes[0].texts[0].get_position()[1] < 1
    assert logs.axes[0].get_xscale() == logs.axes[0].get_yscale() == "log"
    assert figure.png() and logs.png()


def test_spread_moves_only_what_is_too_close():
    assert spread([0.0, 1.0, 5.0], 0.5) == [0, 1, 5]
    assert spread([1.0, 1.0], 0.5) == [0.75, 1.25]
    assert spread([3.0, 1.0, 1.1], 1.0) == pytest.approx([3.0, 0.55, 1.55])
    assert spread([0.0, 1.0, 1.0], 1.0) == pytest.approx([-1 / 3, 2 / 3, 5 / 3])
    assert spread([], 1.0) == []
