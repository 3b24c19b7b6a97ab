"""The exercises of the course: tasks, tests, known mistakes and right solutions."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edudet.exercises.student import Check


def check(exercise: str, folder: str | Path = ".") -> "Check":
    """Run the visible tests of an exercise on your file in `folder`; a notebook shows a table.

    Raises ValueError if there is no such exercise, or no file to check.
    """
    from edudet.exercises import student  # the grader's imports are not for every `import edudet`

    return student.check(exercise, Path(folder))
