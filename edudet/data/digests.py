"""What a dataset is made of, in a few short texts: where they are the same, so are the data.

A run that is resumed must go on with the images that it began with, and a path says little: the
file of annotations may have been written anew under its old name. So a run keeps digests, of each
thing one, so that an error can name what has changed.

They are cheap. Annotations are read; of a picture, only the name and the size of its file: one that
was painted over, and takes as many bytes as before, is not noticed.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from edudet.data.coco import CocoFolder
from edudet.data.digits import Digits
from edudet.data.scenes import Scenes
from edudet.data.voc import VocFolder


def digests_of(dataset: Any) -> dict[str, Any]:
    """Plain values by name; of a dataset that is made of another one (its `dataset`), that one's,
    and which `indices` were chosen. Empty for a dataset of a kind that is not known here."""
    if isinstance(dataset, CocoFolder):
        return _of_pictures(dataset) | {
            "digest of the annotations": _digest(_chunks(dataset.file.path)),
            "objects": sum(map(len, dataset.file.annotations)),  # crowds may be left out
        }
    if isinstance(dataset, VocFolder):
        given = [path.read_bytes() if path else b"" for path in dataset.annotations]
        return _of_pictures(dataset) | {
            "digest of the annotations": _digest(given),
            "digest of the masks' sizes": _digest_of_sizes(chain(*dataset.masks)),
            "zero-based": not dataset.one_based, "difficult objects": dataset.keep_difficult,
        }
    if isinstance(dataset, Scenes):
        return {
            "digest of the level": _digest([repr(dataset.level)]), "split": dataset.split,
            "seed of the scenes": dataset.seed, "scenes": len(dataset),
            "size of the scenes": tuple(dataset.size),
        }
    if isinstance(dataset, Digits):
        arrays = (dataset.scans[: len(dataset)], dataset.digits[: len(dataset)])
        return {"digest of the scans": _digest(array.tobytes() for array in arrays)}
    if not hasattr(dataset, "dataset"):
        return {}
    found = digests_of(dataset.dataset)
    if found and hasattr(dataset, "indices"):
        found["digest of the choice"] = _digest(str(int(i)) for i in dataset.indices)
    return found


def names_of(dataset: Any) -> list[str]:
    """The names of all images, whatever folder they lie in; of what is no file, its number."""
    if isinstance(dataset, CocoFolder):
        return [Path(image["file_name"]).as_posix() for image in dataset.file.images]
    if isinstance(dataset, VocFolder):
        room = dataset.folder / "JPEGImages"
        return [path.relative_to(room).as_posix() for path in dataset.pictures]
    return [str(i) for i in range(len(dataset))]


def files_of(dataset: Any) -> list[Path]:
    """The files of all images; none if they are no files."""
    if isinstance(dataset, CocoFolder):
        return [dataset.folder / image["file_name"] for image in dataset.file.images]
    if isinstance(dataset, VocFolder):
        return dataset.pictures
    files = files_of(dataset.dataset) if hasattr(dataset, "dataset") else []
    return [files[i] for i in dataset.indices] if files and hasattr(dataset, "indices") else files


def shared_files(dataset: Any, other: Any) -> list[Path]:
    """The images of a dataset that are images of another one, by whatever path or link."""
    there = {_identity(path) for path in files_of(other)}
    return [path for path in files_of(dataset) if _identity(path) in there] if there else []


def _of_pictures(dataset: CocoFolder | VocFolder) -> dict[str, Any]:
    return {
        "digest of the images' names": _digest(names_of(dataset)),
        "digest of the images' sizes": _digest_of_sizes(files_of(dataset)),
        "classes": dataset.categories,
    }


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _digest_of_sizes(paths: Iterable[Path]) -> str:
    return _digest(str(os.stat(path).st_size) for path in paths)


def _chunks(path: Path) -> Iterator[bytes]:
    """A file, which may be large, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(2**20):
            yield piece


def _digest(parts: Iterable[str | bytes]) -> str:
    """16 hexadecimal digits; of each part also where it ends."""
    found = hashlib.sha256()
    for part in parts:
        encoded = part if isinstance(part, bytes) else part.encode(errors="surrogateescape")
        found.update(len(encoded).to_bytes(8, "big") + encoded)
    return found.hexdigest()[:16]
