"""How far a run is: a bar in a terminal, a line now and then in a file."""

import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

EVERY = 10.0  # seconds between two lines, where there is no terminal
INERTIA = 0.95  # of the losses shown: those of single steps jump


class Report:
    """A context in which `step` is told of every step done."""

    def __init__(self, done: int, iterations: int, shown: bool, console: Console | None = None):
        self.console = console or Console()
        self.done, self.iterations, self.shown = done, iterations, shown
        self.losses: dict[str, float] = {}
        self.begin, self.first, self.last = time.monotonic(), done, time.monotonic()
        self.bar: Progress | None = None

    def __enter__(self) -> "Report":
        if self.shown and self.console.is_terminal:
            self.bar = Progress(
                TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TextColumn("left:"), TimeRemainingColumn(), TextColumn("{task.description}"),
                console=self.console,
            )  # fmt: skip
            self.task = self.bar.add_task("", total=self.iterations, completed=self.done)
            self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.bar:
            self.bar.stop()

    def step(self, losses: dict[str, float]) -> None:
        self.done += 1
        for name, value in losses.items():
            before = self.losses.get(name, value)
            self.losses[name] = INERTIA * before + (1 - INERTIA) * value
        if self.bar:
            self.bar.update(self.task, completed=self.done, description=self.text())
        now = time.monotonic()
        due = now - self.last >= EVERY or self.done == self.iterations
        if self.shown and not self.bar and due:
            self.last = now
            left = (now - self.begin) / (self.done - self.first) * (self.iterations - self.done)
            self.console.print(
                f"step {self.done}/{self.iterations}, {left:.0f} s left: {self.text()}",
                highlight=False, soft_wrap=True,
            )

    def text(self) -> str:
        parts = [f"{name.removeprefix('loss_')} {value:.3g}" for name, value in self.losses.items()]
        return f"loss {sum(self.losses.values()):.3g} = " + " + ".join(parts)
