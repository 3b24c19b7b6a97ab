"""How far a run is, and what its losses are."""

from typing import Any

from edudet.progress import Progress

INERTIA = 0.95  # of the losses shown: those of single steps jump


class Report:
    """A context in which `step` is told of every step done."""

    def __init__(self, done: int, iterations: int, shown: bool) -> None:
        self.progress = Progress("training step", iterations, done, shown=shown)
        self.losses: dict[str, float] = {}

    def __enter__(self) -> "Report":
        self.progress.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.__exit__(*error)

    def step(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            before = self.losses.get(name, value)
            self.losses[name] = INERTIA * before + (1 - INERTIA) * value
        self.progress.at(self.progress.done + 1, self.text())

    def text(self) -> str:
        parts = [f"{name.removeprefix('loss_')} {value:.3g}" for name, value in self.losses.items()]
        return f"loss {sum(self.losses.values()):.3g} = " + " + ".join(parts)
