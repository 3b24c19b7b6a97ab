"""What an instructor builds: a folder for students, and the sealed tests that mark their answers.

    OUT/student/   what students get: tasks, stubs; visible tests are in their edudet
    OUT/bundle/    the bundle of edudet/grading/bundle.py: keep it to yourself
"""

from collections.abc import Sequence
from pathlib import Path

from edudet.grading.bundle import Bundle, build
from edudet.grading.results import write
from edudet.student import loop


def build_course(out: Path, chosen: Sequence[str] = ()) -> list[str]:
    """Write OUT/student and OUT/bundle; says what lies where."""
    bundle = build(out, chosen)
    student_folder = out / "student"
    for name in bundle.exercises:
        loop.start(name, student_folder / name)
    write(student_folder / "README.md", _welcome(bundle))
    points = sum(exercise.points for exercise in bundle.exercises.values())
    return [
        f"{student_folder}: {len(bundle.exercises)} exercises, for students",
        f"{bundle.folder}: the tests of {points:g} points, for you alone ({bundle.hash[:12]})",
    ]


def _welcome(bundle: Bundle) -> str:
    rows = [f"| `{e.id}` | {e.title} | {e.points:g} |" for e in bundle.exercises.values()]
    return "\n".join([
        "# Exercises", "",
        "Each folder holds a task (`.md`) and a file to write your solution in.", "",
        "    edudet exercise check nms --folder nms", "",
        "| exercise | | points |", "|---|---|---|", *rows, "",
        "`edudet submit` makes the file to hand in.", "",
    ])  # fmt: skip
