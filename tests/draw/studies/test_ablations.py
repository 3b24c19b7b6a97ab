import pytest

pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")

from edudet.draw.studies.ablations import draw_ablation

ROWS = [
    {"variant": name, "value": value, "seed": seed, "AP": ap, "AP50": ap + 0.25, "n": 1200 + seed}
    for name, value, seed, ap in (
        ("all", 0.1, 0, 0.5), ("less", 0.3, 0, 0.25), ("all", 0.1, 1, 0.25), ("less", 0.3, 1, -1)
    )
]  # fmt: skip


def test_bars_are_means_and_seeds_are_dots():
    figure = draw_ablation(ROWS, [("AP", {"AP": "AP", "AP50": "AP50"})], title="What if?")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0.375, 0.625, 0, 0])
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[0.5, 0.25], [0.75, 0.5]]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:2] == ["0.38", "0.62"] and "none" in texts
    assert [label.get_text() for label in axes.get_xticklabels()] == ["AP", "AP50"]
    assert [text.get_text() for text in figure.legends[0].texts] == ["all", "less"]


def test_curves_over_the_number_that_is_varied():
    figure = draw_ablation(ROWS, [("AP", {"AP50": "AP50"}), ("counted", {"n": "n"})], "alpha")
    left, right = figure.axes
    line = left.lines[0]
    assert list(line.get_xdata()) == [0.1, 0.3] and list(line.get_ydata()) == [0.625, -0.125]
    assert list(right.lines[0].get_ydata()) == [1200.5, 1200.5]
    assert left.get_xlabel() == right.get_xlabel() == "alpha" and left.get_ylim()[0] == 0
    assert figure.png()[:4] == b"\x89PNG"
