"""What is dear to compute is kept on disk, a file for each image, under the name of its inputs.

A name is a digest of all that the result depends on: pixels, parameters, weights. So a file is
never stale, work that was broken off goes on where it was, and several processes may share a
folder. Files appear whole or not at all.
"""

import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edudet.data.files import write_atomically

MARGIN = 2**20  # bytes that are left free on a disk


def digest(*parts: Tensor | str) -> str:
    """Return a name for tensors (with their shapes and dtypes) and texts: 32 hexadecimal digits."""
    total = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Tensor):
            array = part.detach().cpu().contiguous()
            total.update(f"tensor {array.dtype} {tuple(array.shape)};".encode())
            total.update(array.reshape(-1).view(torch.uint8).numpy().data)
        else:
            total.update(f"text {len(part)};{part};".encode())
    return total.hexdigest()


class Shards:
    """A folder of such files.

    Args:
        folder: made if need be.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"Shards: folder must be a folder, got the file {folder}")
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def __contains__(self, name: str) -> bool:
        return self.path(name).is_file()

    def read(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of a file, by name.

        Raises:
            OSError: the file is not there or cannot be read.
            ValueError: it is damaged; the message names it.
        """
        path = self.path(name)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"Shards.read: {path} must be a file that edudet wrote, got {error}: delete it, "
                "and it is computed again"
            ) from None

    def write(self, name: str, **tensors: Tensor) -> int:
        """Keep tensors, by name; return how many bytes they take.

        Raises:
            RuntimeError: the disk has no room for them.
        """
        data = io.BytesIO()
        arrays: dict[str, Any] = {key: one.detach().cpu().numpy() for key, one in tensors.items()}
        np.savez(data, **arrays)
        size = data.getbuffer().nbytes
        self.check_room(size)
        write_atomically(self.path(name), lambda file: file.write(data.getbuffer()))
        return size

    def check_room(self, size: int) -> None:
        """Raise RuntimeError unless the disk has room for so many bytes more."""
        free = shutil.disk_usage(self.folder).free
        if size + MARGIN > free:
            raise RuntimeError(
                f"Shards: {self.folder} must have room for {_size(size)} more, got {_size(free)} "
                "free on its disk: choose a folder on another one, or fewer images"
            )


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
