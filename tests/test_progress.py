"""How far work is: in a terminal, in a file, with rich and without it."""

import io
import re
import sys

import pytest

from edudet import progress
from edudet.progress import Progress, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=["rich", "no rich"])
def rich(request, monkeypatch):
    """Whether rich is there."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "no rich":
        for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, "rich", None)
        monkeypatch.setitem(sys.modules, "rich.console", None)
    return request.param == "rich"


def screen(text):
    """What stands in a terminal in the end, line by line."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9?;]*[A-Za-z]|.|\n|\r", text):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif part == "\r":
            column = 0
        elif part.endswith("A") and len(part) > 1:
            row -= int(part[2:-1])
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif len(part) == 1:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def test_all_items_come_in_order(rich):
    for stream in (Terminal(), io.StringIO()):
        for shown in (True, False):
            assert list(track("abc", "letters", shown=shown, stream=stream)) == ["a", "b", "c"]
            assert list(track(iter("ab"), "letters", 2, shown=shown, stream=stream)) == ["a", "b"]
            assert list(track([], "letters", shown=shown, stream=stream)) == []


def test_a_terminal_shows_title_count_and_text(rich):
    out = Terminal()
    with Progress("measuring", 3, stream=out) as told:
        told.at(1, "a [b] c")
        told.at(3, "the last [one]")
    line, end = screen(out.getvalue())
    assert line.startswith("measuring ") and "3/3" in line and line.endswith("the last [one]")
    assert "left" in line and end == ""


def test_what_does_not_stay_is_gone_in_the_end(rich):
    out, file = Terminal(), io.StringIO()
    for stream in (out, file):
        for _ in track(range(3), "measuring", stays=False, stream=stream):
            pass
    assert "measuring" in out.getvalue() and set(screen(out.getvalue())) == {""}
    assert file.getvalue() == ""


def test_a_file_gets_a_line_now_and_then_and_one_at_the_end(rich, monkeypatch):
    clock = iter([0.0, 0.0, *range(4, 400, 4)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock, 400.0))
    out = io.StringIO()
    list(track(range(7), "measuring", stream=out))
    lines = out.getvalue().splitlines()
    assert 2 <= len(lines) < 7 and "\x1b" not in out.getvalue()
    assert lines[-1].startswith("measuring 7/7, ") and "s left" in lines[0]


def test_nothing_is_shown_unless_asked_for(rich):
    for stream in (Terminal(), io.StringIO()):
        list(track(range(3), "measuring", shown=False, stream=stream))
        assert stream.getvalue() == ""


def test_the_time_that_is_left(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("training step", 10, 4, shown=False) as told:
        assert str(told) == "training step 4/10"  # nothing says how long it takes
        now[0] += 6
        told.at(6, "loss 2")
        assert str(told) == "training step 6/10, 12 s left: loss 2"  # 3 s each, 4 steps
        told.at(6, title="drawing")
        assert str(told) == "drawing 6/10"
        told.at(7, total=8)
        assert str(told) == "drawing 7/8, 0 s left"
    with Progress("grading", shown=False) as told:
        told.at(3)
        assert str(told) == "grading 3"


def test_an_error_ends_the_bar_and_passes(rich):
    out = Terminal()
    with pytest.raises(ZeroDivisionError), Progress("dividing", 2, stream=out) as told:
        told.at(1)
        told.at(1 // 0)
    line, end = screen(out.getvalue() + "Traceback")
    assert line.startswith("dividing ") and "1/2" in line and end == "Traceback"


def test_the_output_unless_another_stream_is_named(rich, capsys):
    list(track(range(2), "to the output"))
    list(track(range(2), "to the errors", stream=sys.stderr))
    out, err = capsys.readouterr()
    assert out.startswith("to the output 2/2") and err.startswith("to the errors 2/2")


@pytest.mark.parametrize("columns", ["60", "80"])
def test_in_a_narrow_terminal_the_text_gives_way(rich, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    out = Terminal()
    with Progress("training step", 1000, stream=out) as told:
        told.at(700, "loss 1.65 = class 1.5 + box 0.148")
    line, end = screen(out.getvalue())
    assert len(line) <= int(columns) and "700/1000" in line and end == ""
    assert "box 0.148" not in line or not rich
