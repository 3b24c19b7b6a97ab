"""Pictures of exercises: the worked example of a task, and the first difference of an answer."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from edudet.course import units
from edudet.course.exercise import Exercise
from edudet.course.material import number_text, show_numbers
from edudet.draw import Steps, new_figure
from edudet.grading import broker
from edudet.grading.worker import runner

LETTERS_OF_TITLE = 36  # in a line
MOST_IN_TITLE = 8  # numbers


def draw_task(exercise: Exercise, path: Path) -> None:
    """Draw the exercise's example with its right result."""
    assert exercise.example is not None, f"{exercise.id} has no example"
    function = exercise.functions[0]
    case = exercise.example
    args = runner.tensors(runner.plain_tuple(exercise.prepared(function.__name__, case)))
    figure, axes = new_figure(5, 3.6)
    _draw(exercise.drawing(function.__name__), axes, case, runner.plain(function(*args)))
    figure.savefig(path, dpi=110)


def draw_first_difference(exercise: Exercise, marked: broker.Marked, path: Path) -> Path | None:
    """Draw what was expected beside what came, for the first call that is wrong; None without."""
    for test, calls, outcome in marked.evidence:
        if not broker.answered(outcome, calls):
            continue
        draw = exercise.drawing(exercise.function_of(test))
        for number, call in enumerate(calls):
            got = outcome.answer["results"][number]
            wrong = broker.compare(exercise, call, got)
            if wrong:
                figure, (row,) = new_figure(9, 4.2, 1, 2)
                for axes, title, result in zip(
                    row, ("expected", "yours"), (call.expected, got), strict=True
                ):
                    _draw(draw, axes, call.case, result)
                    axes.set_title(title)
                figure.suptitle(f"{test.name}, call {number + 1}: {wrong}"[:110], fontsize=9)
                figure.savefig(path, dpi=110)
                return path
    return None


def mistakes(name: str, function: str = "") -> Steps:
    """What is right beside what each known mistake gives, for the first visible call that tells
    them apart; of the exercise's first function, or of the named one."""
    exercise = units.load(name)
    function = function or exercise.functions[0].__name__
    calls = [
        call for test in exercise.tests
        if test.visibility == "visible" and exercise.function_of(test) == function
        for call in broker.make_calls(exercise, test, 0)
    ]
    captions, pairs = [], []
    for hint, mistake in exercise.mistakes_in(function).items():
        for call in calls:
            right, wrong = broker.told_apart(exercise, mistake, call)
            if wrong is not None:
                captions.append(hint)
                pairs.append((call.case, right, wrong))
                break

    def draw(axes: Any, i: int) -> None:
        case, right, wrong = pairs[i]
        for ax, title, result in zip(axes[0], ("right", "wrong"), (right, wrong), strict=True):
            _draw(exercise.drawing(function), ax, case, result)
            told = ax.get_title() or _in_numbers(result)
            heading = textwrap.fill(f"{title}: {told}" if told else title, LETTERS_OF_TITLE)
            ax.set_title(heading, fontsize=10)

    return Steps(captions, draw, 8.5, 4, 1, 2)


def _in_numbers(result: Any) -> str:
    """A short result in numbers: what a picture may not tell, such as an order."""
    try:
        array = numpy.asarray(result)
    except ValueError:  # parts of different lengths
        return ""
    if array.dtype.kind not in "biuf" or array.ndim > 1 or not 0 < array.size <= MOST_IN_TITLE:
        return ""
    return ", ".join(number_text(value) for value in array.reshape(-1))


def _draw(
    draw: Callable[..., None] | None, axes: Any, case: tuple[Any, ...], result: Any
) -> None:
    """Draw a result the exercise's way; an answer that this cannot show, as numbers or as text."""
    if draw is not None:
        try:
            draw(axes, case, result)
            return
        except Exception:  # the answer may be anything
            axes.clear()
    show_numbers(axes, result)
