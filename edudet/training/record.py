"""What a run leaves behind as it goes on: losses.csv, losses.png, checkpoints, a progress bar."""

import time
from pathlib import Path
from typing import Any

from edudet.training.curves import History, Log
from edudet.training.report import Report
from edudet.training.state import State

DRAW_EVERY = 30.0  # seconds between two drawings of the curves: one takes a third of a second


class Record:
    """Written by the process of rank 0; in the others it does nothing."""

    def __init__(
        self, state: State, out: Path, writes: bool, seconds: float, steps: int | None,
        progress: bool,
    ) -> None:
        """A checkpoint is due after so many seconds, or (if not None) steps; and at the end."""
        self.state, self.out, self.seconds, self.steps = state, out, seconds, steps
        self.iterations = state.arguments["iterations"]
        self.log = Log(out, state.step) if writes else None
        self.report = Report(state.step, self.iterations, progress and writes)
        self.saved = self.drawn = time.monotonic()

    def __enter__(self) -> "Record":
        self.report.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.report.__exit__()
        if self.log:
            self.log.file.close()

    @property
    def history(self) -> History:
        return self.log.history if self.log else {}

    def step(self, learning_rate: float, losses: dict[str, float]) -> None:
        """Note the step that the state has just done."""
        if self.log is None:
            return
        self.log.add(self.state.step - 1, self.state.elapsed(), learning_rate, losses)
        self.report.step(losses)
        done = self.state.step
        by_steps = self.steps is not None and done % self.steps == 0
        late = time.monotonic() - self.saved >= self.seconds
        if late or by_steps or done == self.iterations:
            self.log.flush()  # first, since whoever resumes counts on these lines
            self.state.save(self.out / "checkpoint.pt")
            self.saved = time.monotonic()
        if done == self.iterations or time.monotonic() - self.drawn >= DRAW_EVERY:
            self.log.draw()
            self.drawn = time.monotonic()
