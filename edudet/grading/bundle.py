"""The sealed test bundle of a course: the exercises with their hidden tests, and the course's key.

    OUT/bundle/    manifest.json, key, exercises/: keep it to yourself

The manifest names every file with its hash, and the hash of the library that is the reference. A
bundle that was changed, or is used with another library than it was built with, is refused.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import edudet
from edudet.course import units
from edudet.course.exercise import Exercise
from edudet.grading.results import write

SCHEMA = "edudet.bundle/1"
REFERENCE_GROUPS = (
    "boxes", "ops", "proposals", "targets", "losses", "metrics", "cases", "course", "exercises",
)  # fmt: skip


class BadBundle(ValueError):
    """No bundle, a changed one, or one of another version."""


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: the exercises in course order, the key, the hash that results are stamped
    with."""

    hash: str
    key: bytes
    exercises: dict[str, Exercise]
    folder: Path

    def limited_to(self, seconds: float) -> "Bundle":
        """The same with another time limit for every test."""
        limited = {name: replace(e, seconds=seconds) for name, e in self.exercises.items()}
        return replace(self, exercises=limited)

    @property
    def given(self) -> dict[str, dict[str, str]]:
        """Exercise -> name -> source of what it builds on."""
        return {name: units.given(exercise) for name, exercise in self.exercises.items()}


def build(out: Path, chosen: Sequence[str] | None = None) -> Bundle:
    """Write OUT/bundle. An existing key is kept, so that a rebuilt bundle gives the same inputs."""
    names = list(chosen or units.ids())
    exercises = [units.load(name) for name in names]
    folder = out / "bundle"
    key = folder / "key"
    secret = key.read_text() if key.exists() else secrets.token_hex(32)
    shutil.rmtree(folder, ignore_errors=True)
    needed = dict.fromkeys(names + [name for e in exercises for name, _ in e.given_functions])
    for name in needed:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(units.FOLDER / name, folder / "exercises" / name, ignore=ignored)
    write(key, secret)
    key.chmod(0o600)
    manifest = {
        "schema": SCHEMA, "edudet": edudet.__version__, "reference": reference_hash(),
        "exercises": names, "points": {e.id: e.points for e in exercises},
        "files": dict(_hashes(folder / "exercises")),
    }  # fmt: skip
    write(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    return load(folder)


def load(folder: Path) -> Bundle:
    """Read a bundle; raises BadBundle, with what to do, if it cannot be trusted."""
    try:
        text = (folder / "manifest.json").read_text()
        manifest, key = json.loads(text), bytes.fromhex((folder / "key").read_text())
    except (OSError, ValueError) as error:
        raise BadBundle(f"grade: {folder} is no bundle ({error}); `edudet course build` "
                        "makes one") from None  # fmt: skip
    if manifest.get("schema") != SCHEMA:
        raise BadBundle(f"grade: {folder} has the format {manifest.get('schema')!r}, not {SCHEMA}")
    if manifest["files"] != dict(_hashes(folder / "exercises")):
        raise BadBundle(f"grade: the files of {folder} are not those of its manifest; build it "
                        "again with `edudet course build`")  # fmt: skip
    if manifest["reference"] != reference_hash():
        raise BadBundle(f"grade: {folder} was built with another state of edudet "
                        f"({manifest['edudet']}); build it again, or install that one")  # fmt: skip
    exercises = {name: units.load(name, folder / "exercises") for name in manifest["exercises"]}
    return Bundle(hashlib.sha256(text.encode()).hexdigest(), key, exercises, folder)


def reference_hash() -> str:
    """A hash of the library's sources that the expected results come from."""
    root = Path(edudet.__file__).parent
    whole = hashlib.sha256()
    for group in REFERENCE_GROUPS:
        for name, part in _hashes(root / group):
            whole.update(f"{group}/{name} {part}\n".encode())
    return whole.hexdigest()


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()
