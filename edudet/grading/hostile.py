"""Submissions that try everything, and what each deserves: part of the release gate.

The files lie in tests/grading/hostile/ of a checkout; the first line of each says what is expected,
points ("none", "visible" or "full") and the statuses that may occur:

    # expect: none timeout not_run

Others are hostile by their wrapping: links, bombs and paths that lead out of a zip.
"""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edudet
from edudet.course import units
from edudet.grading import batch, bundle, results

FOLDER = Path(edudet.__file__).parent.parent / "tests" / "grading" / "hostile"
EXERCISES = {".py": "box_iou", ".cpp": "box_iou_cpp", ".cu": "box_iou_cuda"}
SECONDS = 3.0


@dataclass(frozen=True)
class Expected:
    """What a hostile submission deserves."""

    exercise: str
    points: str
    statuses: frozenset[str]


def grade(root: Path, kind: str) -> tuple[dict[str, Expected], dict[str, dict[str, Any]]]:
    """Write all hostile submissions into `root` and grade them behind walls of a kind.

    The time limit is short, since many use it up. On a busy machine it may stop one that does not:
    those are graded again with four times as much.

    Returns name -> what it deserves, and name -> its result.
    """
    expected = write_all(root / "submissions")
    made = bundle.build(root, list(EXERCISES.values()))
    found: dict[str, dict[str, Any]] = {}
    late, seconds = list(expected), SECONDS
    for folder in ("submissions", "again"):
        batch.grade(root / folder, made, root / f"{folder}_graded", 2, seconds=seconds, kind=kind)
        graded = results.read_all(root / f"{folder}_graded")
        found |= {result["submission"]: result for result in graded}
        late = [name for name in late if _was_stopped(expected[name], found.get(name))]
        if not late:
            break
        (root / "again").mkdir(exist_ok=True)
        for path in (root / "submissions").iterdir():
            if path.name.removesuffix(".zip") in late:
                path.rename(root / "again" / path.name)
        seconds = 4 * SECONDS
    return expected, found


def _was_stopped(expected: Expected, result: dict[str, Any] | None) -> bool:
    """Whether a submission met the time limit that should not have."""
    return result is not None and "timeout" not in expected.statuses and any(
        test["status"] == "timeout"
        for test in result["tests"] if test["exercise"] == expected.exercise
    )


def wrong(expected: Expected, result: dict[str, Any] | None) -> str | None:
    """What a hostile submission got that it does not deserve, or None."""
    if result is None:
        return "no result"
    tests = [test for test in result["tests"] if test["exercise"] == expected.exercise]
    visible = sum(test["max"] for test in tests if test["visibility"] == "visible")
    full = sum(test["max"] for test in tests)
    deserved = {"none": 0, "visible": visible, "full": full}[expected.points]
    if result["score"] != deserved:
        return f"{result['score']:g} points in place of {deserved:g}"
    others = {test["status"] for test in tests} - expected.statuses
    return f"ended as {', '.join(sorted(others))}" if others else None


def write_all(folder: Path) -> dict[str, Expected]:
    """Put every hostile submission into `folder`."""
    folder.mkdir(parents=True)
    expected = {}
    for path in sorted(FOLDER.glob("*.*")):
        exercise = EXERCISES[path.suffix]
        (folder / path.stem).mkdir()
        shutil.copy(path, folder / path.stem / f"{exercise}{path.suffix}")
        points, *statuses = path.read_text().splitlines()[0].split(" expect: ")[1].split()
        expected[path.stem] = Expected(exercise, points, frozenset(statuses))
    right = units.load("box_iou").alternatives["vectorized"]
    for name, points in (*_zips(folder, right), *_folders(folder, right)):
        status = "pass" if points == "full" else "not_run"
        expected[name] = Expected("box_iou", points, frozenset([status]))
    return expected


def _zips(folder: Path, right: str) -> Iterator[tuple[str, str]]:
    members: dict[str, dict[str, str | bytes]] = {
        "zip_slip": {"../../box_iou.py": right, "/tmp/edudet-was-here": "x",
                     "..\\box_iou.py": right},
        "zip_bomb": {"box_iou.py": b"#" * (1 << 30)},
        "zip_of_many": {f"{i}.txt": "" for i in range(30_000)},
    }  # fmt: skip
    for name, content in members.items():
        _zip(folder / f"{name}.zip", content)
        yield name, "none"
    _zip(folder / "zip_in_a_folder.zip",
         {"alice/box_iou.py": right, "__MACOSX/alice/._box_iou.py": "x"})  # fmt: skip
    yield "zip_in_a_folder", "full"
    (folder / "zip_that_is_none.zip").write_text("no zip")
    yield "zip_that_is_none", "none"
    with zipfile.ZipFile(folder / "zip_with_a_link.zip", "w") as archive:
        info = zipfile.ZipInfo("box_iou.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    yield "zip_with_a_link", "none"


def _zip(path: Path, members: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _folders(folder: Path, right: str) -> Iterator[tuple[str, str]]:
    def made(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name / "box_iou.py"

    (folder / "solution.txt").write_text(right)
    made("a_link").symlink_to(folder / "solution.txt")
    (folder / "a_linked_folder").symlink_to(folder / "many_files_beside")
    os.mkfifo(made("a_pipe"))
    made("a_folder_for_a_file").mkdir()
    made("a_large_file").write_bytes(b"#" * (1 << 24))
    made("not_utf8").write_bytes(b"# \xe9\n" + right.encode())
    made("an_empty_folder")
    yield from ((name, "none") for name in ("a_link", "a_linked_folder", "a_pipe",
                "a_folder_for_a_file", "a_large_file", "not_utf8", "an_empty_folder"))  # fmt: skip
    made("many_files_beside").write_text(right)
    for number in range(100_000):
        (folder / "many_files_beside" / f"{number}").touch()
    yield "many_files_beside", "full"
    made("shipped_modules").write_text(right)
    for name in ("numpy.py", "torch.py", "sitecustomize.py", "usercustomize.py", "conftest.py",
                 "given.py", "worker.py", "evil.pth", "json.py"):  # fmt: skip
        (folder / "shipped_modules" / name).write_text("import os; os._exit(0)")
    yield "shipped_modules", "full"
