"""How far a long piece of work is: a bar in a terminal, a line now and then in a file.

    for image in track(images, "measuring"):
        ...
    with Progress("training step", 1000) as progress:
        progress.at(1, "loss 2.3")

The one place that knows how this is shown; whoever works only says how far it is. The bar is
rich's; without rich it is a line that is written anew.
"""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from operator import length_hint
from typing import Any, Protocol, TextIO, TypeVar

EVERY = 10.0  # seconds between two lines in a file
ANEW = 0.1  # seconds before the line in a terminal without rich is written anew

Item = TypeVar("Item")


class Progress:
    """A context that is told how far the work is.

    title   what is being done; another may follow
    total   how many there are to do; None as long as nobody knows
    done    how many were done before
    shown   without it nothing is written
    stays   the bar stays when the work is done; one that does not leaves nothing in a file either
    stream  where it is written: the output, if none is named
    """

    def __init__(
        self, title: str, total: int | None = None, done: int = 0, *, shown: bool = True,
        stays: bool = True, stream: TextIO | None = None,
    ) -> None:  # fmt: skip
        self.title, self.total, self.done, self.text = title, total, done, ""
        self.shown, self.stays, self.stream = shown, stays, stream
        self.begin, self.first = time.monotonic(), done
        self.display: Display | None = None

    def __enter__(self) -> "Progress":
        self.begin = time.monotonic()
        self.display = _display(self) if self.shown else None
        return self

    def __exit__(self, *error: Any) -> None:
        if self.display:
            self.display.close()

    def at(
        self, done: int, text: str = "", *, total: int | None = None, title: str | None = None
    ) -> None:
        """So many are done; `text` is what else there is to say now."""
        self.done, self.text = done, text
        if total is not None:
            self.total = total
        if title not in (None, self.title):  # another piece of work, with a time of its own
            self.title, self.begin, self.first = title, time.monotonic(), done
        if self.display:
            self.display.show()

    @property
    def finished(self) -> bool:
        return self.done == self.total

    def __str__(self) -> str:
        if self.total is None:
            line = f"{self.title} {self.done}"
        elif self.done == self.first:  # nothing says how long it takes
            line = f"{self.title} {self.done}/{self.total}"
        else:
            each = (time.monotonic() - self.begin) / (self.done - self.first)
            left = each * (self.total - self.done)
            line = f"{self.title} {self.done}/{self.total}, {left:.0f} s left"
        return f"{line}: {self.text}" if self.text else line


def track(
    items: Iterable[Item], title: str, total: int | None = None, *, shown: bool = True,
    stays: bool = True, stream: TextIO | None = None,
) -> Iterator[Item]:  # fmt: skip
    """The items one by one, as `Progress` shows; `total` of them, where they have no length."""
    total = total or length_hint(items) or None
    with Progress(title, total, shown=shown, stays=stays, stream=stream) as progress:
        for done, item in enumerate(items, 1):
            yield item
            progress.at(done)


class Display(Protocol):
    """A way to show how far it is."""

    def show(self) -> None: ...
    def close(self) -> None: ...


def _display(progress: Progress) -> Display | None:
    """The way that suits where it is written."""
    stream = progress.stream or sys.stdout
    try:
        from rich.console import Console
    except ImportError:
        if stream.isatty():
            return _Line(progress, stream)
    else:
        console = Console(file=progress.stream)
        if console.is_terminal:
            return _Bar(progress, console)
    return _Lines(progress, stream) if progress.stays else None


class _Bar:
    """rich's, in a terminal."""

    def __init__(self, progress: Progress, console: Any) -> None:
        from rich import progress as bars
        from rich.table import Column

        self.progress = progress
        gives_way = Column(ratio=1, no_wrap=True)  # where it is narrow, no number is cut
        text = bars.TextColumn("{task.fields[text]}", markup=False, table_column=gives_way)
        self.bar = bars.Progress(
            bars.TextColumn("{task.description}", markup=False), bars.BarColumn(20),
            bars.MofNCompleteColumn(), bars.TimeElapsedColumn(), bars.TextColumn("left:"),
            bars.TimeRemainingColumn(), text,
            console=console, transient=not progress.stays, expand=True,
        )  # fmt: skip
        self.task = self.bar.add_task(
            progress.title, total=progress.total, completed=progress.done, text=""
        )
        self.bar.start()

    def show(self) -> None:
        told = self.progress
        self.bar.update(
            self.task, completed=told.done, total=told.total, description=told.title,
            text=told.text,
        )  # fmt: skip

    def close(self) -> None:
        self.bar.stop()


class _Line:
    """A line that is written anew, in a terminal without rich."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self.progress, self.stream, self.last = progress, stream, float("-inf")

    def show(self) -> None:
        now = time.monotonic()
        if now - self.last >= ANEW or self.progress.finished:
            self.last = now
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r{str(self.progress)[:width]}\x1b[K")

    def close(self) -> None:
        self._write("\n" if self.progress.stays else "\r\x1b[K")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


class _Lines:
    """A line now and then and one at the end, in a file."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self.progress, self.stream, self.last = progress, stream, time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.last >= EVERY or self.progress.finished:
            self.last = now
            print(self.progress, file=self.stream, flush=True)

    def close(self) -> None:
        pass
