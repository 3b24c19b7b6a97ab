import io

import pytest
from rich.console import Console

from edudet.training import report
from edudet.training.report import Report


def run(steps, shown=True, done=0, **console):
    text = io.StringIO()
    with Report(done, steps, shown, Console(file=text, **console)) as told:
        for step in range(done, steps):
            told.step({"loss_class": 1.5, "loss_box": 1.0 * step})
    return text.getvalue()


def test_in_a_file_one_line_now_and_then(monkeypatch):
    assert run(3) == "step 3/3, 0 s left: loss 1.65 = class 1.5 + box 0.148\n"
    monkeypatch.setattr(report, "EVERY", 0.0)
    assert run(3).count("\n") == 3
    assert run(5, done=3).startswith("step 4/5, ")


def test_in_a_terminal_a_bar():
    text = run(3, force_terminal=True, width=150)
    assert "training" in text and "3/3" in text and "left:" in text and "class 1.5" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_silent(terminal):
    assert run(3, shown=False, force_terminal=terminal) == ""
