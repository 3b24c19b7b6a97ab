"""The losses of a run: losses.csv, a line for each step, and losses.png, the same drawn.

A line is written when its step is done. Of a run that was killed the file may have lines beyond the
checkpoint, and half a line: `cut` takes them off when the run is resumed.
"""

import csv
import os
from pathlib import Path

import numpy as np

from edudet.data.files import write_atomically

FIRST = ("step", "seconds", "learning_rate", "loss")  # then the losses by name; `loss` is their sum
History = dict[str, list[float]]


def read(path: Path, steps: int | None = None) -> History:
    """Return the columns of a losses.csv, of its first `steps` steps alone if given.

    Raises:
        ValueError: the file is not one, or it lacks one of the steps.
    """
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if tuple(header[: len(FIRST)]) != FIRST:
        raise ValueError(f"read: path must be a losses.csv, got {path} that begins with {header}")
    whole = lines if steps is None else lines[:steps]
    if steps is not None and [line[0] for line in whole] != [str(i) for i in range(steps)]:
        raise ValueError(f"read: {path} must have a line for each of {steps} steps")
    try:
        return {name: [float(line[i]) for line in whole] for i, name in enumerate(header)}
    except (ValueError, IndexError):
        raise ValueError(f"read: {path} must hold a number in every field") from None


class Log:
    """Writes losses.csv as the run goes on, and holds the columns."""

    def __init__(self, folder: Path, steps: int) -> None:
        """Go on after `steps` steps; what the file has beyond them is cut off."""
        self.path = folder / "losses.csv"
        self.history = read(self.path, steps) if steps else {}
        text = "".join(
            ",".join(fields) + "\n" for fields in [list(self.history), *self._lines()]
        ) if steps else ""
        write_atomically(self.path, lambda file: file.write(text.encode()))
        self.file = self.path.open("a")

    def _lines(self) -> list[list[str]]:
        columns = [[_text(name, v) for v in values] for name, values in self.history.items()]
        return [list(line) for line in zip(*columns, strict=True)]

    def add(
        self, step: int, seconds: float, learning_rate: float, losses: dict[str, float]
    ) -> None:
        """Write the line of one step."""
        values = (step, seconds, learning_rate, sum(losses.values()), *losses.values())
        line = dict(zip((*FIRST, *losses), values, strict=True))
        if not self.history:
            self.history = {name: [] for name in line}
            self.file.write(",".join(line) + "\n")
        if line.keys() != self.history.keys():
            raise ValueError(
                f"train: model must give the same losses at every step, "
                f"got {', '.join(losses)} at step {step}"
            )
        for name, value in line.items():
            self.history[name].append(value)
        self.file.write(",".join(_text(name, value) for name, value in line.items()) + "\n")

    def flush(self) -> None:
        """Force all lines to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def draw(self) -> None:
        """Write losses.png, if matplotlib is there and there is something to draw."""
        if len(self.history.get("step", [])) > 1:
            draw(self.history, self.path.with_suffix(".png"))


def _text(name: str, value: float) -> str:
    if name == "step":
        return str(int(value))
    return f"{value:.3f}" if name == "seconds" else repr(float(value))


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of the last `width` values up to each, (N,); of fewer at the beginning."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - width, 0)
    return (sums[ends] - sums[begins]) / (ends - begins)


def draw(history: History, path: Path) -> bool:
    """Draw the losses over the steps as a PNG; False if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 4.5), layout="constrained", facecolor="white")
    axes = figure.subplots()
    steps, names = np.array(history["step"]), [name for name in history if name not in FIRST]
    width = max(len(steps) // 50, 1)
    # Okabe and Ito's colours: told apart with any kind of colour vision.
    colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888"]
    shown = {"loss": "black"} if len(names) > 1 else {}
    shown |= {name: colours[i % len(colours)] for i, name in enumerate(names)}
    for name, colour in shown.items():
        values = np.array(history[name])
        axes.plot(steps, values, color=colour, alpha=0.15, linewidth=0.6)
        label = "sum" if name == "loss" else name.removeprefix("loss_").replace("_", " ")
        axes.plot(steps, smooth(values, width), color=colour, linewidth=1.6, label=label)
    positive = all(min(history[name]) > 0 for name in shown)
    axes.set_yscale("log" if positive else "linear")
    axes.set_xlabel("step")
    axes.set_ylabel("loss" if width == 1 else f"loss, mean of {width} steps")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=100))
    return True
