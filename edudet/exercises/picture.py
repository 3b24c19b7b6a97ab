"""Pictures of exercises: the worked example of a task, and the first difference of an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
import torch

from edudet.draw import new_figure
from edudet.exercises.exercise import Exercise
from edudet.grading.worker import runner

if TYPE_CHECKING:
    from edudet.exercises.student import Check

MOST_WRITTEN = 12  # rows or columns of an array with its numbers written into it


def draw_task(exercise: Exercise, path: Path) -> None:
    """Draw the exercise's example with its right result."""
    assert exercise.example is not None, f"{exercise.id} has no example"
    function = exercise.functions[0]
    case = exercise.example
    args = runner.tensors(runner.plain_tuple(exercise.prepared(function.__name__, case)))
    figure, axes = new_figure(5, 3.6)
    _draw(exercise.drawing(function.__name__), axes, case, runner.plain(function(*args)))
    figure.savefig(path, dpi=110)


def draw_first_difference(checked: "Check", path: Path) -> Path | None:
    """Draw what was expected beside what came, for the first call that is wrong; None without."""
    from edudet.grading import broker

    for test, calls, outcome in checked.marked.evidence:
        if not broker.answered(outcome, calls):
            continue
        draw = checked.exercise.drawing(checked.exercise.function_of(test))
        for number, call in enumerate(calls):
            got = outcome.answer["results"][number]
            wrong = broker.compare(checked.exercise, call, got)
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


def show_numbers(axes: Any, result: Any) -> None:
    """Show an array as a grid of numbers (of many dimensions: its first slice), or a text."""
    try:
        array = numpy.asarray(result)
    except ValueError:
        array = numpy.empty(0, object)
    if array.dtype.kind not in "biuf" or array.size == 0:
        axes.text(0.5, 0.5, _short(result), ha="center", va="center", wrap=True, fontsize=8)
        axes.set_axis_off()
        return
    while array.ndim > 2:
        array = array[0]
    array = numpy.atleast_2d(array)
    finite = numpy.where(numpy.isfinite(array), array, 0)
    axes.imshow(finite, cmap="cividis", alpha=0.35)
    axes.set_xticks(range(min(array.shape[1], 100)))
    axes.set_yticks(range(min(array.shape[0], 100)))
    axes.tick_params(labelsize=7)
    if max(array.shape) <= MOST_WRITTEN:
        for (i, j), value in numpy.ndenumerate(array):
            axes.text(j, i, _number(value), ha="center", va="center", fontsize=8)


def _number(value: Any) -> str:
    whole = isinstance(value, (bool, int, numpy.integer, numpy.bool_))
    return str(value) if whole else f"{value:.3g}"


def _short(value: Any) -> str:
    if isinstance(value, numpy.ndarray | torch.Tensor):
        return f"nothing: shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) < 300 else text[:297] + "..."
