"""Read what was handed in, without trusting it: a folder or a zip with `<exercise id>.py` files.

Only files with the asked names are opened, never through links, never more than a few hundred kB of
them; nothing is unpacked to the disk.
"""

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOST_BYTES = 1 << 18
MOST_ENTRIES = 20_000
ENDINGS = (".py", ".cpp", ".cu")


@dataclass(frozen=True)
class Submission:
    """A folder or zip; its name, without `.zip`, is the submission's."""

    name: str
    path: Path


@dataclass(frozen=True)
class Source:
    """One submitted file: its text, or why there is none."""

    text: str | None
    problem: str = ""


class BadSubmissions(ValueError):
    """There is nothing to grade, or one name twice."""


def find(path: Path) -> list[Submission]:
    """The submissions in a folder of them; or the one that `path` itself is."""
    if not path.exists():
        raise BadSubmissions(f"grade: SUBMISSIONS must exist, got {path}")
    if path.suffix == ".zip" or (path.is_dir() and _holds_sources(path)):
        return [_named(path.resolve())]
    found = [
        _named(entry) for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and (entry.suffix == ".zip" or entry.is_dir())
    ]  # fmt: skip
    if not found:
        raise BadSubmissions(f"grade: {path} holds no folders and no zip files")
    names = [submission.name for submission in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadSubmissions(f"grade: handed in twice, as folder and as zip: {', '.join(twice)}")
    return found


def _named(path: Path) -> Submission:
    return Submission(path.name.removesuffix(".zip"), path)


def _holds_sources(folder: Path) -> bool:
    return any(entry.suffix in ENDINGS for entry in folder.iterdir() if entry.is_file())


def read(submission: Submission, files: Iterable[str]) -> dict[str, Source]:
    """The asked files of a submission, by name; those that are missing say so."""
    names = list(files)
    try:
        if submission.path.is_symlink():
            raise OSError("it is a link")
        if submission.path.is_dir():
            return {name: _from_folder(submission.path, name) for name in names}
        return _from_zip(submission.path, names)
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zlib.error,
            zipfile.BadZipFile, zipfile.LargeZipFile, OverflowError, MemoryError) as error:
        problem = f"the submission could not be read: {type(error).__name__}: {error}"
        return dict.fromkeys(names, Source(None, problem))


def digest(sources: dict[str, Source]) -> str:
    """A hash of all that is graded."""
    whole = hashlib.sha256()
    for name in sorted(sources):
        text = sources[name].text
        part = b"-" if text is None else hashlib.sha256(text.encode(errors="replace")).digest()
        whole.update(name.encode() + b"\0" + part)
    return whole.hexdigest()


def _from_folder(folder: Path, name: str) -> Source:
    """A file at the top of the folder, or in the one folder that lies in it."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        source = _open_at(place, name)
        if source is None:
            inner = _only_folder(place)
            source = None if inner is None else _open_at(place, f"{inner}/{name}")
    finally:
        os.close(place)
    return source or _missing(name)


def _only_folder(place: int) -> str | None:
    folders = []
    with os.scandir(place) as entries:
        for number, entry in enumerate(entries):
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith((".", "__")):
                folders.append(entry.name)
            if number > MOST_ENTRIES:
                return None
    return folders[0] if len(folders) == 1 else None


def _open_at(place: int, name: str) -> Source | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=place)
    except FileNotFoundError:
        return None
    except OSError:
        return Source(None, f"{name} is a link or cannot be opened")
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return Source(None, f"{name} is no ordinary file")
        return _text(name, stream.read(MOST_BYTES + 1))


def _from_zip(path: Path, names: list[str]) -> dict[str, Source]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_ENTRIES:
            raise ValueError(f"it holds {len(members)} files")
        found: dict[str, Source] = {}
        # The flattest member of a name wins; parents, roots and drives never match.
        for member in sorted(members, key=lambda member: len(PurePosixPath(member.filename).parts)):
            parts = PurePosixPath(member.filename).parts
            if not parts or parts[-1] not in names or parts[-1] in found or len(parts) > 2:
                continue
            if ".." in parts or "/" in parts or parts[0].startswith("__"):
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                found[parts[-1]] = Source(None, f"{parts[-1]} is a link")
                continue
            with archive.open(member) as stream:
                found[parts[-1]] = _text(parts[-1], stream.read(MOST_BYTES + 1))
    return {name: found.get(name) or _missing(name) for name in names}


def _missing(name: str) -> Source:
    return Source(None, f"no file {name} was handed in")


def _text(name: str, data: bytes) -> Source:
    if len(data) > MOST_BYTES:
        return Source(None, f"{name} is larger than {MOST_BYTES // 1024} kB")
    try:
        return Source(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Source(None, f"{name} is not UTF-8 text")
