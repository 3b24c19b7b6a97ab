"""Which files of a VOC folder belong to an image.

VOC's own are 000005.jpg, 000005.xml and 000005.png. Other tools keep what they were given: b.PNG,
"my image.jpeg", street/0001.jpg; and some name the picture in the XML file alone. A list of images
has what the files have in common, their path without the extension.
"""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from edudet.data.images import is_picture
from edudet.data.voc_files import read_file_name


class Room:
    """A folder of a VOC folder, such as JPEGImages. Each folder in it is looked through once."""

    def __init__(self, path: Path, belongs: Callable[[str], bool]):
        self.path, self.belongs = path, belongs
        self._names: dict[str, dict[str, list[str]]] = {}

    def find(self, name: str) -> list[Path]:
        """The files of an image; VOC's own extension first."""
        below, stem = os.path.split(name)
        if below not in self._names:
            self._names[below] = self._listed(below)
        return [self.path / below / file for file in self._names[below].get(stem, [])]

    def _listed(self, below: str) -> dict[str, list[str]]:
        listed: dict[str, list[str]] = {}
        folder = self.path / below
        for file in sorted(os.listdir(folder)) if folder.is_dir() else []:
            if self.belongs(file):
                listed.setdefault(os.path.splitext(file)[0], []).append(file)
        for files in listed.values():
            files.sort(key=lambda file: not file.endswith(".jpg"))  # stable
        return listed


def first(found: list[Path]) -> Path | None:
    return found[0] if found else None


def with_extension(extension: str) -> Callable[[str], bool]:
    """Files of one extension, in small or large letters."""
    return lambda file: os.path.splitext(file)[1].lower() == extension


def find_picture(room: Room, name: str, annotation: Path | None) -> Path | None:
    """The picture of an image.

    The <filename> of its XML file decides where there are two of the name, and where there is none;
    else the name does: files are renamed more often than what is written in them.
    """
    found = room.find(name)
    if len(found) == 1:
        return found[0]
    stated = read_file_name(annotation) if annotation else ""
    file = PurePosixPath(stated.replace("\\", "/"))
    below = PurePosixPath(name).parent
    for path in found:
        if path.name == file.name:
            return path
    if found:
        return found[0]
    for one in (below / file, file, below / file.name):  # of a whole path, only its end counts
        inside = not one.is_absolute() and ".." not in one.parts
        if stated and inside and is_picture(one.name) and (room.path / one).is_file():
            return room.path / one
    return None
