import pytest

pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")

from edudet.draw.studies.ladder import (
    draw_falls,
    draw_ladder,
    draw_ladder_stages,
    draw_ladder_times,
    speedup,
    step_rungs,
    told,
)

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


def test_each_half_alone():
    left = draw_ladder_times(ROWS, "a machine").axes[0]
    assert [text.get_text() for text in left.texts] == ["2 hours", "274 days", "40 ms", "49 s"]
    right = draw_ladder_stages(ROWS, STAGES).axes[0]
    assert [label.get_text() for label in right.get_yticklabels()] == ["window,\nall", "R-CNN"]
    assert [text.get_text() for text in right.texts][-1] == "AP"
    assert left.figure.png() and right.figure.png()


def test_where_no_precision_is_known_none_is_spoken_of():
    right = draw_ladder_stages(ROWS[:1], STAGES).axes[0]
    assert [text.get_text() for text in right.texts if text.get_text()] == ["2 hours"]


def test_a_fall_is_the_ratio_to_the_one_before():
    figure = draw_falls({"slow": 23_679_052.8, "fast": 49.0, "faster": 0.2})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == [
        "274 days", "49 s", "÷ 483,000", "200 ms", "÷ 245",
    ]  # fmt: skip
    assert [bar.get_width() for bar in axes.patches] == [23_679_052.8, 49, 0.2]
    at = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert at["÷ 245"] == 1.5  # between the bars 1 and 2
    assert figure.png()


def test_a_stage_that_takes_no_time_leaves_the_others():
    fast = row("Fast", 2.0, 0.32, 2.3)
    assert speedup(fast, "proposals") == pytest.approx(7.25)  # 2.32 / 0.32
    assert speedup(fast, "heads") == pytest.approx(1.16)  # 2.32 / 2
    assert speedup(fast, "proposals", 2) == pytest.approx(2.32 / 1.32)
    assert speedup(row("one", 1.0, 0.0, 1.0), "proposals", 10) == 10


def test_rung_after_rung():
    rows = [row("A", 0.002, 0.030, 1), row("B", 0.003, 0.001, 1)]
    steps = step_rungs(rows, STAGES)
    assert steps.captions == [
        "A: 32 ms, 30 ms of them for heads", "B: 4 ms, 3 ms of them for proposals",
    ]  # fmt: skip
    for i in range(2):
        figure = steps.figure(i)
        assert figure.png()
        left, right = figure.axes
        assert len(left.patches) == 2 * (i + 1)
        assert [bar.get_width() for bar in right.patches] == [
            pytest.approx(speedup(rows[i], stage)) for stage in STAGES
        ]
    left, right = steps.figure(1).axes
    assert [bar.get_x() for bar in left.patches] == pytest.approx([0, 2, 0, 3])  # milliseconds
    assert [text.get_text() for text in right.texts] == ["4×", "1.33×"]
