"""The exercises of the course: tasks, tests, known mistakes and right solutions."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edudet.draw import Steps
    from edudet.exercises.student import Check


def start(exercise: str, folder: str | Path = ".") -> None:
    """Write the task and the stub of an exercise into `folder`, but over no work of yours.

    Prints what it did. Raises ValueError if there is no such exercise.
    """
    from edudet.exercises import student

    print(*student.start(exercise, Path(folder)), sep="\n")


def show_mistakes(exercise: str, function: str = "") -> "Steps":
    """The known mistakes of an exercise in pictures: what is right beside what each would give."""
    from edudet.exercises import picture

    return picture.mistakes(exercise, function)


def check(exercise: str, folder: str | Path = ".") -> "Check":
    """Run the visible tests of an exercise on your file in `folder`; a notebook shows a table.

    Raises ValueError if there is no such exercise, or no file to check.
    """
    from edudet.exercises import student  # the grader's imports are not for every `import edudet`

    return student.check(exercise, Path(folder))
