import pytest

pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")

from edudet.draw.ladder import draw_ladder, told

STAGES = ("proposals", "heads")


def row(rung, proposals, heads, decks, sampled=0, ap=""):
    return {"rung": rung, "proposals": proposals, "heads": heads, "seconds": proposals + heads,
            "decks_seconds": decks, "sampled": sampled, "AP": ap}  # fmt: skip


ROWS = [row("window, all", 0.0, 7200.0, 23_679_052.8, 20), row("R-CNN", 0.03, 0.01, 49.0, 0, 0.5)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (23_679_052.8, "274 days"), (9216, "2.56 hours"), (49, "49 s"), (0.2, "200 ms")],
)
def test_durations(seconds, text):
    assert told(seconds) == text


def test_times_and_shares():
    figure = draw_ladder(ROWS, STAGES, "a machine")
    left, right = figure.axes
    texts = [text.get_text() for text in left.texts]
    assert texts == ["2 hours", "274 days", "40 ms", "49 s"]
    points = [line for line in left.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in points] == [7200, 0.04]
    assert points[0].get_markerfacecolor() == "white" != points[1].get_markerfacecolor()
    widths = [bar.get_width() for bar in right.patches]
    assert widths == pytest.approx([0, 1, 0.75, 0.25])  # 30 of 40 ms are proposals
    assert [text.get_text() for text in right.texts] == ["2 hours", "–", "30 ms", "10 ms", "0.50",
                                                         "AP"]  # fmt: skip
    assert figure.png()[:4] == b"\x89PNG"
