"""What is kept of every submission: `result.json`, schema `edudet.result/1`.

{
  "schema": "edudet.result/1",
  "submission": name,             "digest": hash of the files that were graded,
  "bundle": hash of the tests,    "seed": id of the seed of the inputs, not the seed,
  "sandbox": kind of the walls,   "versions": {"edudet", "torch", "numpy", "python"},
  "score": sum of points,         "max_score": of all tests,
  "tests": [{
      "exercise", "id", "points", "max",
      "visibility": "visible" | "hidden" | "after_due_date" | "after_published",
      "status": "pass" | "fail" | "error" | "timeout" | "oom" | "crash" | "bad_reply" | "not_run",
      "message": for the student, "staff_message": for nobody else, "seconds"}],
  "hints": {exercise: the known mistake that gives the same answers}
}
"""

import json
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
import torch

import edudet

SCHEMA = "edudet.result/1"


def versions() -> dict[str, str]:
    """Of everything that could move a verdict."""
    return {
        "edudet": edudet.__version__, "torch": torch.__version__, "numpy": numpy.__version__,
        "python": platform.python_version(),
    }  # fmt: skip


def write(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, even if we are killed meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", errors="replace") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Keep a result as `<folder>/<submission>/result.json`."""
    place = folder / result["submission"] / "result.json"
    write(place, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def read_result(path: Path) -> dict[str, Any] | None:
    """A result that was kept, or None where there is none that can be read."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("schema") == SCHEMA else None


def read_all(folder: Path) -> Iterator[dict[str, Any]]:
    """All results in a folder, by the submissions' names."""
    for path in sorted(folder.glob("*/result.json")):
        result = read_result(path)
        if result is not None:
            yield result


def points_by_exercise(result: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Exercise -> (points, maximum)."""
    sums: dict[str, tuple[float, float]] = {}
    for test in result["tests"]:
        points, most = sums.get(test["exercise"], (0.0, 0.0))
        sums[test["exercise"]] = (points + test["points"], most + test["max"])
    return sums


def total(tests: Iterable[dict[str, Any]], word: str) -> float:
    return round(sum(test[word] for test in tests), 6)
