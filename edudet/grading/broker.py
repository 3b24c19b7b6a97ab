"""Mark one submission: make the inputs, have them run behind the walls, judge what comes back.

The broker is trusted: tests, references and scores are here, and nothing of the student's is ever
imported, evaluated or unpickled here. What a student may read of a hidden test is its status, and
of an exception its built-in type and the line in the student's own file.
"""

import hashlib
import hmac
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy

from edudet.course.exercise import Arguments, Compiled, Exercise, Test
from edudet.course.judge import difference
from edudet.grading.session import Limits, Outcome, Worker
from edudet.grading.worker import runner

STATUSES = (
    "pass", "fail", "error", "timeout", "oom", "crash", "bad_reply", "not_run",
)  # fmt: skip
MOST_TIMEOUTS = 2
COMPILER_TIME = 6  # times as much as a test
COMPILER_LIMITS = Limits(memory=2 << 30, disk=64 << 20, processes=True, writes=True)
# The emulator reserves address space for its shadows, and the compiled answer is a file.
MEMORY_OF_COMPILED, DISK_OF_COMPILED = 16 << 30, 64 << 20
KINDS_OF_FINDINGS = (
    "race", "out of bounds", "misaligned access", "uninitialised read", "divergent barrier",
    "divergent warp operation", "missing lane", "time limit", "assertion", "exception",
    "arithmetic fault", "illegal address", "stack overflow",
)  # fmt: skip

# To the kind of a finding, the question to ask oneself.
QUESTIONS = {
    "race": "Is a __syncthreads() or an atomic addition missing between the two?",
    "out of bounds": "Is the guard for threads without work right, and the index?",
    "uninitialised read": "Who should have written there, and is a __syncthreads() in between?",
    "divergent barrier": "Does a thread return, or skip the __syncthreads(), that others wait at?",
    "divergent warp operation": "Do all lanes that the mask names arrive?",
    "missing lane": "Do all lanes that the mask names arrive?",
}
SIGNALS = {
    signal.SIGABRT: "abort(), an assertion that failed, or an exception that nothing catches",
    signal.SIGSEGV: "it read or wrote where it owns no memory",
    signal.SIGILL: "is a `return` missing?",
    signal.SIGALRM: "it crashed with its memory damaged",
    signal.SIGXCPU: "it took too much processor time",
}


@dataclass
class Result:
    """One test of one submission, as `result.json` holds it."""

    exercise: str
    id: str
    points: float
    max: float
    visibility: str
    status: str
    message: str = ""
    staff_message: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Call:
    """One call of a test: as a case would hold it, as the function gets it, what is right."""

    case: Arguments
    args: Arguments
    grad: numpy.ndarray | None
    expected: Any


def seed_of(key: bytes, submission: str, exercise: str) -> int:
    """The seed of a submission's inputs: nobody without the course's key can know it."""
    text = f"{submission}\0{exercise}".encode()
    return int.from_bytes(hmac.new(key, text, hashlib.sha256).digest(), "little")


def make_calls(exercise: Exercise, test: Test, seed: int) -> list[Call]:
    """The calls of a test with their expected results; the same for the same seed."""
    place = int.from_bytes(hashlib.sha256(test.name.encode()).digest()[:8], "little")
    random = numpy.random.default_rng([seed, place])
    return [_make_call(exercise, test, case, random) for case in test.make(random)]


def _make_call(
    exercise: Exercise, test: Test, case: Arguments, random: numpy.random.Generator
) -> Call:
    args = runner.plain_tuple(exercise.prepared(exercise.function_of(test), case))
    tensors = runner.tensors(args, test.gradient)
    result = exercise.reference(test)(*tensors)
    if not test.gradient:
        return Call(case, args, None, runner.plain(result))
    grad = random.integers(-4, 5, tuple(result.shape)).astype(str(result.dtype).split(".")[-1])
    parts = [result, *runner.gradients(result, tensors, grad)]
    return Call(case, args, grad, runner.plain(parts))


@dataclass(frozen=True)
class Marked:
    """The results of an exercise's tests, and the known mistake that explains them, if one does.

    evidence: of each visible test that was run: its calls, and how the run ended.
    warnings: the compiler's.
    """

    results: list[Result]
    hint: str | None = None
    evidence: list[tuple[Test, list[Call], Outcome]] = field(default_factory=list)
    warnings: str = ""


def mark(
    exercise: Exercise, source: str, worker: Worker, seed: int, given: Mapping[str, str],
    tests: Sequence[Test] | None = None,
) -> Marked:  # fmt: skip
    """Run the tests of an exercise (or only `tests`) on a submitted source.

    After two timeouts the remaining tests are `not_run`.
    """
    answer = prepare(exercise, source, given, worker)
    if answer.problem:
        return Marked(list(unmarked(exercise, answer.status, answer.problem, tests)))
    results: list[Result] = []
    evidence = []
    for test in exercise.tests if tests is None else tests:
        if sum(result.status == "timeout" for result in results) >= MOST_TIMEOUTS:
            text = "not run: two tests of this exercise took too long"
            results.append(_result(exercise, test, "not_run", text))
            continue
        calls = make_calls(exercise, test, seed)
        outcome = worker.run(request(exercise, test, answer, calls), answer.limits)
        outcome = _put_together(exercise, outcome)
        results.append(verdict(exercise, test, calls, outcome, len(source.splitlines())))
        if test.visibility == "visible":
            evidence.append((test, calls, outcome))
    return Marked(results, hint(exercise, evidence), evidence, answer.warnings)


def _put_together(exercise: Exercise, outcome: Outcome) -> Outcome:
    """The results of a compiled answer, from the outputs that it filled in."""
    how = exercise.compiled
    if how is None or not isinstance(outcome.answer, dict):
        return outcome
    replies = outcome.answer.get("results")
    if not isinstance(replies, list):
        return outcome
    return replace(outcome, answer={"results": [_read(how, reply) for reply in replies]})


def _read(how: Compiled, reply: Any) -> Any:
    try:
        arrays, returned = reply
        return runner.plain(how.read(arrays, returned))
    except (TypeError, ValueError, IndexError):  # a forged reply, or a count that cannot be
        return None


@dataclass(frozen=True)
class Answer:
    """A submitted source, made ready to be run: the parts of a request that all tests share.

    problem: why it cannot be run, in the compiler's words; status: of its tests then.
    warnings: what the compiler says of one that can be run.
    """

    parts: dict[str, Any]
    limits: Limits
    problem: str = ""
    status: str = "error"
    warnings: str = ""


def prepare(
    exercise: Exercise, source: str, given: Mapping[str, str], worker: Worker
) -> Answer:
    """Compile what must be compiled, in the sandbox."""
    limits = Limits(seconds=exercise.seconds)
    if exercise.language == "python":
        parts = {"kind": "call", "name": exercise.id, "source": source,
                 "modules": modules(exercise, given)}  # fmt: skip
        return Answer(parts, limits)
    kind = exercise.language
    files = {"file": exercise.file, "files": {**exercise.headers, exercise.file: source}}
    limits_of_compiler = replace(COMPILER_LIMITS, seconds=COMPILER_TIME * exercise.seconds)
    outcome = worker.run({"kind": f"compile_{kind}", **files}, limits_of_compiler)
    if outcome.problem == "timeout":
        return Answer({}, limits, "the compiler took too long", "timeout")
    reply = outcome.answer if isinstance(outcome.answer, dict) else {}
    made, lines = reply.get("compiled"), reply.get("lines", {})
    if not isinstance(made, dict) or not all(isinstance(m, numpy.ndarray) for m in made.values()):
        return Answer({}, limits, f"it does not compile\n{str(reply.get('log', ''))[:3000]}")
    parts = {"kind": f"call_{kind}", **files, "compiled": made, "lines": lines}
    enough = replace(limits, memory=MEMORY_OF_COMPILED, disk=DISK_OF_COMPILED, writes=True)
    return Answer(parts, enough, warnings=str(reply.get("log", ""))[:3000])


def unmarked(
    exercise: Exercise, status: str, message: str, tests: Sequence[Test] | None = None
) -> Iterator[Result]:
    """The tests of an exercise that could not be run at all, each with the same message."""
    for test in exercise.tests if tests is None else tests:
        yield _result(exercise, test, status, message)


def _result(exercise: Exercise, test: Test, status: str, message: str, **more: Any) -> Result:
    points = test.points if status == "pass" else 0.0
    return Result(
        exercise.id, f"{exercise.id}/{test.name}", points, test.points, test.visibility, status,
        message, **more,
    )  # fmt: skip


def request(
    exercise: Exercise, test: Test, answer: Answer, calls: list[Call]
) -> dict[str, Any]:
    """What the worker is told: nothing of what is right."""
    asked = {**answer.parts, "function": exercise.reference(test).__name__}
    how = exercise.compiled
    if how is None:
        return {**asked, "calls": [{"args": call.args, "grad": call.grad} for call in calls]}
    packed = [
        {"args": how.pack(*call.args), "launch": how.launch(*call.args) if how.launch else None}
        for call in calls
    ]
    return {
        **asked, "calls": packed, "outputs": list(how.outputs), "fresh": list(how.fresh),
        "returns": how.returns, "parameters": exercise.parameters(asked["function"]),
    }  # fmt: skip


def verdict(
    exercise: Exercise, test: Test, calls: list[Call], outcome: Outcome, lines: int = 0
) -> Result:
    """The result of a test from how its run ended; `lines` are those of the student's file."""
    status, seen, known = judge(exercise, test, calls, outcome, lines)
    visible = test.visibility == "visible"
    detail = "" if outcome.problem == "timeout" else outcome.detail
    staff = f"{seen} ({detail})" if detail else seen
    if outcome.output and status != "pass":
        staff += f"\nprinted: {outcome.output[:500]}"
    return _result(
        exercise, test, status, staff if visible and status != "pass" else known,
        staff_message="" if status == "pass" else staff, seconds=round(outcome.seconds, 3),
    )  # fmt: skip


def modules(exercise: Exercise, given: Mapping[str, str]) -> dict[str, str]:
    """The `given` module: the solutions of the exercises that this one builds on, and no more."""
    wanted = exercise.given_functions
    parts = {f"_given_{name}": given[name] for name, _ in wanted}
    names = "".join(f"from _given_{name} import {function}\n" for name, function in wanted)
    return {**parts, "given": names} if parts else {}


def judge(
    exercise: Exercise, test: Test, calls: list[Call], outcome: Outcome, lines: int
) -> tuple[str, str, str]:
    """Status, what the staff and the owner of a visible test read, what anyone may read."""
    limit = exercise.seconds
    if outcome.problem == "timeout":
        text = f"stopped after {limit:g} seconds"
        return "timeout", text, text
    if outcome.problem == "crash":
        text = "the process ended without an answer" + _signal(outcome)
        return "crash", text, text
    if outcome.problem == "bad_reply":
        text = "the answer could not be read"
        return "bad_reply", text, text
    reply = outcome.answer
    if not isinstance(reply, dict):
        return "bad_reply", "the answer could not be read", "the answer could not be read"
    for word, describe in (("error", _error), ("missing", _missing), ("unsendable", _unsendable),
                           ("finding", _finding), ("fault", _fault),
                           ("signature", _signature)):  # fmt: skip
        if word in reply:
            return describe(exercise, reply[word], lines)
    if not answered(outcome, calls):
        return "bad_reply", "the answer could not be read", "the answer could not be read"
    for number, (call, got) in enumerate(zip(calls, outcome.answer["results"], strict=True)):
        wrong = compare(exercise, call, got)
        if wrong:
            where = f"call {number + 1} of {len(calls)}: " if len(calls) > 1 else ""
            if exercise.compiled and "got nan" in wrong:
                wrong += " (nan: never written, or 0 / 0?)"
            return "fail", f"{where}{wrong}", "a wrong answer"
    return "pass", "", ""


def compare(exercise: Exercise, call: Call, got: Any) -> str | None:
    """What is wrong with the answer to one call, or None."""
    if exercise.agree is None:
        return difference(call.expected, got, exercise.tolerance)
    try:
        return exercise.agree(call.args, call.expected, got)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        # The exercise's rule expected another kind of answer: show the plain comparison instead.
        return difference(call.expected, got, exercise.tolerance) or f"not understood: {error}"


def _error(exercise: Exercise, error: Any, lines: int) -> tuple[str, str, str]:
    if not isinstance(error, dict):
        return "bad_reply", "the answer could not be read", "the answer could not be read"
    # Forged replies may hold anything here: only names that Python has and lines that exist pass.
    kind = str(error.get("type"))
    known = kind if kind in runner.BUILTIN_EXCEPTIONS else "an exception of your own"
    public = known + _place(exercise, error.get("line"), lines)
    status = "oom" if error.get("memory") is True else "error"
    return status, f"{public}: {str(error.get('message', ''))[:1000]}", public


def _missing(exercise: Exercise, name: Any, lines: int) -> tuple[str, str, str]:
    known = {function.__name__ for function in exercise.functions}
    what = f"{name}" if name in known else "of the asked name"  # a reply may be forged
    text = {
        "python": f"{exercise.file} defines no function {what}",
        "cpp": f"{exercise.file} defines no function {what} with the parameters that the header "
               "gives it: are name and types the same?",
        "cuda": f"{exercise.file} defines no __global__ function {what}",
    }[exercise.language]  # fmt: skip
    return "error", text, text


def _signature(exercise: Exercise, text: Any, lines: int) -> tuple[str, str, str]:
    public = f"the parameters of the kernel in {exercise.file} are not those of the stub"
    said = re.search(r": (\w+) must be \S+ \((.*)\), got (\w+)$", str(text))
    if said:
        text = f"{said[1]} is a {said[2]}, but an array of {said[3]} is passed"
    else:
        text = f"they must be {str(text)[:500]}" if str(text).startswith("(") else str(text)[:500]
    return "error", f"{public}: {text}", public


def _finding(exercise: Exercise, finding: Any, lines: int) -> tuple[str, str, str]:
    kind, place = _kind_and_place(exercise, str(finding), lines)
    question = QUESTIONS.get(kind, "") if exercise.language == "cuda" else ""
    said = f"the checker found: {str(finding)[:1000]}. {question}".rstrip(". ")
    return "error", said, f"the checker found: {kind}{place}"


def _fault(exercise: Exercise, fault: Any, lines: int) -> tuple[str, str, str]:
    kind, place = _kind_and_place(exercise, str(fault), lines)
    return "crash", f"it crashed: {str(fault)[:1000]}", f"it crashed: {kind}{place}"


def _kind_and_place(exercise: Exercise, text: str, lines: int) -> tuple[str, str]:
    """Of a reply that may be forged, what everybody may read: a kind that we know, and a line."""
    kind = re.split("[:;]", text)[0]
    line = re.search(rf"\b{re.escape(exercise.file)}:(\d{{1,5}})\b", text)
    place = _place(exercise, int(line[1]) if line else None, lines)
    return kind if kind in KINDS_OF_FINDINGS else "a fault", place


def _place(exercise: Exercise, line: Any, lines: int) -> str:
    """Where in the student's file it was: a larger number would be a message about the input."""
    there = type(line) is int and 0 < line <= lines
    return f" in line {line} of {exercise.file}" if there else ""


def _signal(outcome: Outcome) -> str:
    """What the system says of an end by a signal."""
    found = re.match(r"signal (\d+)", outcome.detail)
    if not found or int(found[1]) not in {int(number) for number in signal.Signals}:
        return ""
    number = signal.Signals(int(found[1]))
    return f": {number.name}, {SIGNALS.get(number, signal.strsignal(number))}"


def _unsendable(exercise: Exercise, why: Any, lines: int) -> tuple[str, str, str]:
    return "bad_reply", str(why)[:200], "the answer is neither tensor, array, number nor list"


def hint(exercise: Exercise, evidence: list[tuple[Test, list[Call], Outcome]]) -> str | None:
    """The known mistake that gives exactly the answers of the visible tests, some of them wrong."""
    for function in exercise.functions:
        runs = [(calls, outcome) for test, calls, outcome in evidence
                if exercise.function_of(test) == function.__name__]  # fmt: skip
        if any(not answered(outcome, calls) for calls, outcome in runs):
            continue
        pairs = [
            (call, got) for calls, outcome in runs
            for call, got in zip(calls, outcome.answer["results"], strict=True)
        ]  # fmt: skip
        if not any(compare(exercise, call, got) for call, got in pairs):
            continue
        for text, mistake in exercise.mistakes_in(function.__name__).items():
            if all(_same_as(exercise, mistake, call, got) for call, got in pairs):
                return text
    return None


def as_kind(value: Any, pattern: Any) -> Any:
    """`value`, in plain lists as cases hold it, in the arrays and dtypes of `pattern`."""
    if isinstance(pattern, numpy.ndarray):
        array = numpy.asarray(value)
        if array.size == 0 and pattern.size == 0:
            return pattern
        return array.astype(pattern.dtype) if array.dtype.kind in "biuf" else value
    rows = isinstance(pattern, (list, tuple)) and isinstance(value, (list, tuple))
    if rows and len(value) == len(pattern):
        return [as_kind(part, like) for part, like in zip(value, pattern, strict=True)]
    return value


def answered(outcome: Outcome, calls: list[Call]) -> bool:
    """Whether a reply holds a result for every call."""
    results = outcome.answer.get("results") if isinstance(outcome.answer, dict) else None
    return isinstance(results, list) and len(results) == len(calls)


def told_apart(
    exercise: Exercise, mistake: Callable[..., Any], call: Call
) -> tuple[Any, Any | None]:
    """What is right in a call, and what a known mistake gives instead; None if it is as good."""
    expected = call.expected if call.grad is None else call.expected[0]  # without the gradients
    try:
        wrong = as_kind(runner.plain(mistake(*call.case)), expected)
    except Exception:  # a mistake may also fall over its input
        return expected, None
    same = difference(expected, wrong, exercise.tolerance, kinds=False) is None
    return expected, None if same else wrong


def _same_as(exercise: Exercise, mistake: Callable[..., Any], call: Call, got: Any) -> bool:
    expected = call.expected
    if call.grad is not None and isinstance(got, list) and got:
        expected, got = expected[0], got[0]  # a mistake tells values only
    try:
        wrong = as_kind(runner.plain(mistake(*call.case)), expected)
    except Exception:  # a mistake may also fall over its input
        return False
    return difference(wrong, got, exercise.tolerance, kinds=False) is None
