"""Files that appear whole or not at all, whenever the power fails."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_atomically(path: str | Path, write: Callable[[Any], Any]) -> None:
    """Replace the file at `path` by what `write(file)` writes into a binary file.

    It is written beside the old one, forced to the disk, and renamed over it: renaming either has
    happened or has not. A process that is killed meanwhile leaves its unfinished one behind, a
    hidden file that ends in ".part".
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")  # of two writers, each its own
    try:
        with unfinished.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too, is on the disk
        finally:
            os.close(folder)
