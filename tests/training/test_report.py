import pytest

from edudet import progress
from edudet.training.report import Report


def run(steps, shown=True, done=0):
    with Report(done, steps, shown) as told:
        for step in range(done, steps):
            told.step({"loss_class": 1.5, "loss_box": 1.0 * step})


def test_in_a_file_one_line_now_and_then(monkeypatch, capsys):
    run(3)
    assert capsys.readouterr() == (
        "training step 3/3, 0 s left: loss 1.65 = class 1.5 + box 0.148\n", ""
    )
    monkeypatch.setattr(progress, "EVERY", 0.0)
    run(3)
    assert capsys.readouterr().out.count("\n") == 3
    run(5, done=3)
    assert capsys.readouterr().out.startswith("training step 4/5, ")


def test_in_a_terminal_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes any stream for a terminal
    monkeypatch.setenv("COLUMNS", "150")
    run(3)
    text = capsys.readouterr().out
    assert "training step" in text and "3/3" in text and "left:" in text and "class 1.5" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_silent(monkeypatch, capsys, terminal):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    run(3, shown=False)
    assert capsys.readouterr() == ("", "")
