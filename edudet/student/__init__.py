"""What a student does with an exercise: start it, check it, look at the usual mistakes."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edudet.draw import Steps
    from edudet.student.loop import Check


def start(exercise: str, folder: str | Path = ".") -> None:
    """Write the task and the stub of an exercise into `folder`, but over no work of yours.

    Prints what it did. Raises ValueError if there is no such exercise.
    """
    from edudet.student import loop

    print(*loop.start(exercise, Path(folder)), sep="\n")


def show_mistakes(exercise: str, function: str = "") -> "Steps":
    """The known mistakes of an exercise in pictures: what is right beside what each would give."""
    from edudet.student import picture

    return picture.mistakes(exercise, function)


def check(exercise: str, folder: str | Path = ".") -> "Check":
    """Run the visible tests of an exercise on your file in `folder`; a notebook shows a table.

    Raises ValueError if there is no such exercise, or no file to check.
    """
    from edudet.student import loop  # the grader's imports are not for every `import edudet`

    return loop.check(exercise, Path(folder))
