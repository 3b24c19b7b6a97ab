"""A run on disk, such that a power cut at any moment leaves the old state or the new one, whole.

Files are replaced whole (`edudet.data.files`), and read with torch's `weights_only`, which runs no
code from them.

    checkpoint.pt   {"format", "step", "arguments", "machine", "seconds", "model", "optimizer",
                     "scaler", "average"}: all that a run needs to go on. No state of a random
                     generator: each step seeds them anew (loop.py).
    model.pt        {"format", "model", "categories", ..., "state_dict"}: all that a detector needs
    nan_batch.pt    {"format", "step", "images", "targets", "losses", "model", "arguments"}: the
                    step at which a run broke off; `load(path, BROKEN)`
"""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edudet.data.files import write_atomically

RUN = "edudet run 1"
WEIGHTS = "edudet weights 1"
BROKEN = "edudet broken batch 1"
CONTENTS = {"step", "arguments", "machine", "seconds", "model", "optimizer", "scaler", "average"}


def save(path: Path, contents: Mapping[str, Any], form: str = RUN) -> None:
    write_atomically(path, lambda file: torch.save({"format": form, **contents}, file))


def load(path: Path, form: str = RUN) -> dict[str, Any]:
    """Return what `save` has written, on the CPU.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is torn, damaged, or something else; the message names it.
    """
    if not path.exists():
        raise FileNotFoundError(f"load: path must be a file, got {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not look at the check sums
        if damaged:
            raise zipfile.BadZipFile(f"{damaged} in it has another check sum")
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, RuntimeError, pickle.UnpicklingError, EOFError, ValueError,
            KeyError, AttributeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, pickle.UnpicklingError):
            reason = "it holds other things than tensors and plain values"
        raise ValueError(
            f"load: path must be a whole file that edudet wrote, got {path}: {reason}"
        ) from None
    if not isinstance(contents, dict) or contents.get("format") != form:
        found = contents.get("format") if isinstance(contents, dict) else type(contents).__name__
        raise ValueError(f"load: path must hold '{form}', got {path} with {found!r}")
    if form == RUN and not contents.keys() >= CONTENTS:
        raise ValueError(f"load: {path} lacks {', '.join(sorted(CONTENTS - contents.keys()))}")
    return contents


def compare(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ValueError if the arguments of a run to resume, or what tells its data from others, are
    not those that it began with."""
    different = [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(f"train: a run must be resumed with the arguments and the data that it "
                         f"began with, got others than {path}: {'; '.join(different)}")  # fmt: skip


def fill(path: Path, model: nn.Module, state: Mapping[str, Any]) -> None:
    """Put weights into a model; ValueError names the first that does not fit."""
    own = model.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in state:
            raise ValueError(f"fill: {path} must hold the weights of this model, lacks {name}")
        if name not in own:
            raise ValueError(f"fill: {path} must hold the weights of this model, has {name}, too")
        if own[name].shape != state[name].shape:
            raise ValueError(
                f"fill: {name} in {path} must have shape {tuple(own[name].shape)}, "
                f"got {tuple(state[name].shape)}"
            )
    model.load_state_dict(state)


def save_weights(path: Path, model: nn.Module, /, **facts: Any) -> None:
    """Write `model.pt`: weights and plain facts, without which they say little.

    Floats are kept with 16 bits, in half the room: that moves a weight by 1 in 2000 at most, and an
    AP in the fourth digit. Tensors with numbers beyond float16 stay as they are.

    Args:
        facts: names and numbers (or lists of them): "model", "categories", ...
    """
    state = {
        name: _shortened(value.detach().cpu().clone())
        for name, value in model.state_dict().items()
    }
    save(path, {**facts, "state_dict": state}, WEIGHTS)


def _shortened(value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value
    short = value.half()
    return short if short.isfinite().all() else value.float()


def load_weights(path: Path, model: nn.Module) -> dict[str, Any]:
    """Put the weights of a `model.pt` into `model`; return its facts."""
    contents = load(path, WEIGHTS)
    fill(path, model, contents.pop("state_dict"))
    return contents
