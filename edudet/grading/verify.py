"""The release gate of a course: right solutions get everything, wrong ones do not.

For every exercise the reference and every alternative must get 100 %, the stub 0 %, every known
mistake less than 100 %, and no constant answer any point.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from edudet.course.exercise import Exercise
from edudet.grading import broker
from edudet.grading.session import Outcome, Worker
from edudet.grading.worker import runner

SEEDS = (1, 2)


@dataclass(frozen=True)
class Finding:
    """What one solution got, and whether that is as it must be."""

    exercise: str
    kind: str  # "reference", "alternative", "stub", "mistake", "constant"
    name: str
    points: float
    maximum: float
    right: bool
    detail: str = ""


def verify(
    exercise: Exercise, given: dict[str, str], worker: Worker | None
) -> Iterator[Finding]:
    """All findings about one exercise; those that need a sandbox only with a `worker`."""
    for seed in SEEDS:
        yield _reference(exercise, seed)
        if worker is not None:
            yield from _files(exercise, given, worker, seed)
        for function in exercise.functions:
            for name, mistake in exercise.mistakes_in(function.__name__).items():
                yield _mistake(exercise, function.__name__, name, mistake, seed)
        yield _constant(exercise, seed)


def _finding(
    exercise: Exercise, kind: str, name: str, results: list[broker.Result], wanted: str
) -> Finding:
    points = sum(result.points for result in results)
    right = {
        "all": points == exercise.points, "none": points == 0, "less": points < exercise.points,
    }[wanted]  # fmt: skip
    failed = [r for r in results if r.status != "pass"]
    detail = "" if right or not failed else f"{failed[0].id}: {failed[0].staff_message}"
    if not right and wanted != "all":
        passed = ", ".join(r.id for r in results if r.status == "pass")
        detail = f"passes {passed}"
    return Finding(exercise.id, kind, name, points, exercise.points, right, detail)


def _reference(exercise: Exercise, seed: int) -> Finding:
    return _finding(exercise, "reference", "", list(_judged(exercise, seed, _right)), "all")


def _files(
    exercise: Exercise, given: dict[str, str], worker: Worker, seed: int
) -> Iterator[Finding]:
    solutions = [("alternative", name, text, "all") for name, text in exercise.alternatives.items()]
    for kind, name, text, wanted in [*solutions, ("stub", "", exercise.stub, "none")]:
        marked = broker.mark(exercise, text, worker, seed, given)
        yield _finding(exercise, kind, name, marked.results, wanted)
    for path in sorted((exercise.folder / "mutants").glob("*" + exercise.ending)):
        marked = broker.mark(exercise, path.read_text(), worker, seed, given)
        yield _finding(exercise, "mistake", path.stem, marked.results, "less")


def _mistake(
    exercise: Exercise, function: str, name: str, mistake: Callable[..., Any], seed: int
) -> Finding:
    """Wrong in one function, right in the others."""
    def answer(call: broker.Call) -> Any:
        result = runner.plain(mistake(*call.case))
        return broker.as_kind(result, call.expected)

    results = [
        result for test in exercise.tests
        for result in _judged(
            exercise, seed, answer if exercise.function_of(test) == function else _right, [test]
        )
    ]  # fmt: skip
    return _finding(exercise, "mistake", name, results, "less")


def _right(call: broker.Call) -> Any:
    return call.expected


def _constant(exercise: Exercise, seed: int) -> Finding:
    """What answering always the same gets: for each test the answer to its first call."""
    firsts: dict[str, Any] = {}

    def answer(call: broker.Call) -> Any:
        return firsts.setdefault("answer", call.expected)

    results = []
    for test in exercise.tests:
        firsts.clear()
        results += list(_judged(exercise, seed, answer, [test]))
    return _finding(exercise, "constant", "", results, "none")


def _judged(
    exercise: Exercise, seed: int, answer: Callable[[broker.Call], Any], tests: Any = None
) -> Iterator[broker.Result]:
    """The tests' verdicts on answers that are made here, without a worker: they are ours."""
    for test in tests or exercise.tests:
        calls = broker.make_calls(exercise, test, seed)
        try:
            reply: Any = {"results": [answer(call) for call in calls]}
        except Exception as error:  # a mistake may also fall over its input
            reply = {"error": {"type": type(error).__name__, "line": None, "message": str(error)}}
        outcome = Outcome(reply, None, "", "", 0.0, 0)
        yield broker.verdict(exercise, test, calls, outcome)
