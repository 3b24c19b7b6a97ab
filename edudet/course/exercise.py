"""What an exercise is: a function of the library to write anew, and the tests that mark it.

The reference is the library's own function; the stub is made from its signature and docstring.
A test is some calls whose results are all right, or it is failed: an edge case shares its test with
others, so that no constant answer passes. Visible tests come from the worked examples, hidden
ones from generators, which get a random generator of their own for every submission.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from edudet.cases.case import Case

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
LANGUAGES = {"python": ".py", "cpp": ".cpp", "cuda": ".cu"}

Arguments = tuple[Any, ...]
Mistakes = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Test:
    """Some calls of one function: all right, or no points.

    make        random generator -> the arguments of every call, as a case would hold them
    gradient    the gradients with respect to the float tensors are asked for as well
    """

    name: str
    points: float
    make: Callable[[numpy.random.Generator], list[Arguments]]
    function: str = ""  # empty: the exercise's first
    visibility: str = "hidden"
    gradient: bool = False


def worked(
    name: str, points: float, cases: Iterable[Case], *chosen: str, function: str = "",
    gradient: bool = False,
) -> Test:  # fmt: skip
    """A visible test of the worked examples called `chosen` (all, if none is named)."""
    by_name = {case.name: case.args for case in cases}
    calls = [by_name[case] for case in chosen] if chosen else list(by_name.values())
    return Test(name, points, lambda random: calls, function, "visible", gradient)


def hidden(
    name: str, points: float, generator: Callable[[numpy.random.Generator], Arguments],
    calls: int = 4, function: str = "", gradient: bool = False,
) -> Test:  # fmt: skip
    """A hidden test of `calls` calls, whose arguments `generator(random)` makes."""
    return Test(
        name, points, lambda random: [generator(random) for _ in range(calls)], function,
        gradient=gradient,
    )  # fmt: skip


@dataclass(frozen=True)
class Compiled:
    """How a compiled answer is called: with arrays, as pointers, and with numbers.

    pack        arguments of the function -> those of the compiled one; arrays that it is to fill in
                come with the garbage that they hold before
    outputs     which of these are its results
    fresh       which of these a kernel must not read before it has written them
    read        (arrays of the outputs, what the function returned) -> the result
    returns     whether it returns an int64, as C++ functions may
    launch      arguments of the function -> [grid, block, bytes of shared memory], for a kernel
    """

    pack: Callable[..., list[Any]]
    outputs: Sequence[int]
    read: Callable[[list[numpy.ndarray], int | None], Any]
    fresh: Sequence[int] = ()
    returns: bool = False
    launch: Callable[..., list[Any]] | None = None


@dataclass(frozen=True)
class Exercise:
    """One exercise. Its folder holds this, `task.md`, and right solutions in `alternatives/`.

    With several functions, `prepare`, `mistakes` and `draw` may be dicts: name of a function ->
    what is said below.

    functions   the functions to write, each with the docstring of the task; references of the tests
    prepare     the arguments of a case -> those of the function (lists -> tensors)
    tolerance   (relative, absolute) for floats; (0, 0) for decisions
    agree       (arguments, expected, got) -> what is wrong or None, where several answers are right
    mistakes    hint -> wrong solution, called with the arguments of a case
    given       ids of exercises whose solution this one may import from `given`: their function of
                the same name, or another one, as in "heatmaps.gaussian_radius"
    line_budget lines that a good solution takes at most, without blank ones and comments
    seconds     time limit of a test
    compiled    how the answer is called, if it is C++ or CUDA; `stub.cpp` or `stub.cu`, and the
                headers that it includes, lie in the folder
    example     arguments, as a case holds them, that the picture of the task shows
    draw        (axes, arguments of a case, result): draws a result; without it, numbers are shown
    """

    title: str
    functions: Sequence[Callable[..., Any]]
    tests: Sequence[Test]
    mistakes: Mistakes | Mapping[str, Mistakes]
    prepare: Callable[..., Arguments] | Mapping[str, Callable[..., Arguments]] = lambda *args: args
    tolerance: tuple[float, float] = (0.0, 0.0)
    agree: Callable[[Arguments, Any, Any], str | None] | None = None
    given: Sequence[str] = ()
    line_budget: int = 30
    seconds: float = 10.0
    language: str = "python"
    compiled: Compiled | None = None
    example: Arguments | None = None
    draw: Callable[[Any, Arguments, Any], None] | Mapping[str, Callable] | None = None
    id: str = field(default="", compare=False)
    folder: Path = field(default=Path(), compare=False)

    @property
    def points(self) -> float:
        return sum(test.points for test in self.tests)

    @property
    def ending(self) -> str:
        return LANGUAGES[self.language]

    @property
    def file(self) -> str:
        """The name of the student's file."""
        return self.id + self.ending

    def reference(self, test: Test) -> Callable[..., Any]:
        """The function that `test` is about."""
        by_name = {function.__name__: function for function in self.functions}
        return by_name[self.function_of(test)]

    def function_of(self, test: Test) -> str:
        """The name of that function."""
        return test.function or self.functions[0].__name__

    def prepared(self, function: str, case: Arguments) -> Arguments:
        """The arguments of `function` from those of a case."""
        prepare = self.prepare[function] if isinstance(self.prepare, Mapping) else self.prepare
        return prepare(*case)

    def mistakes_in(self, function: str) -> Mistakes:
        """Hint -> wrong solution of one of the functions."""
        first = next(iter(self.mistakes.values()), None)
        mistakes: Any = self.mistakes
        return mistakes.get(function, {}) if isinstance(first, Mapping) else mistakes

    def drawing(self, function: str) -> Callable[[Any, Arguments, Any], None] | None:
        """How a result of `function` is drawn."""
        return self.draw.get(function) if isinstance(self.draw, Mapping) else self.draw

    @property
    def task(self) -> str:
        """The text of the task, in Markdown."""
        return (self.folder / "task.md").read_text()

    @property
    def given_functions(self) -> list[tuple[str, str]]:
        """(id of an exercise, its function) of all that may be imported from `given`."""
        return [(entry.split(".")[0], entry.split(".")[-1]) for entry in self.given]

    @property
    def headers(self) -> dict[str, str]:
        """Name -> text of the headers that a compiled answer may include."""
        return {file.name: file.read_text() for file in sorted(self.folder.glob("*.h"))}

    def parameters(self, function: str) -> list[str]:
        """What the header (or the stub) of a compiled answer calls the parameters of a function."""
        for text in (*self.headers.values(), self.stub):
            found = re.search(rf"\b{function}\s*\(([^)]*)\)", text)
            if found:
                return [part.split()[-1].lstrip("*&") for part in found[1].split(",")]
        raise AssertionError(f"{self.id}: neither a header nor the stub declares {function}")

    @property
    def alternatives(self) -> dict[str, str]:
        """Name -> source of the right solutions that are kept with the exercise."""
        files = sorted((self.folder / "alternatives").glob("*" + self.ending))
        return {file.stem: file.read_text() for file in files}

    @property
    def stub(self) -> str:
        """What the student starts from."""
        fixed = self.folder / ("stub" + self.ending)
        if fixed.exists():
            return fixed.read_text()
        given = "".join(f"from given import {name}\n" for _, name in self.given_functions)
        parts = [f'"""{self.title}. The task is in {self.id}.md, beside this file."""\n']
        parts.append(f"import torch\n{given}")
        parts += [_stub_of(function) for function in self.functions]
        return "\n".join(parts)


def _stub_of(function: Callable[..., Any]) -> str:
    """The function's signature and docstring, over a body that is still to write."""
    words = []
    for parameter in inspect.signature(function).parameters.values():
        bare = parameter.replace(annotation=inspect.Parameter.empty)
        words.append(str(bare))
    doc = textwrap.indent(f'"""{inspect.getdoc(function) or ""}\n"""', "    ").rstrip()
    if "\n" not in (inspect.getdoc(function) or ""):
        doc = f'    """{inspect.getdoc(function)}"""'
    arguments = ", ".join(words)
    return f"\ndef {function.__name__}({arguments}):\n{doc}\n    raise NotImplementedError\n"
