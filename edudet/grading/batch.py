"""Grade many submissions: in parallel, resumable, each with a result whatever it does.

RESULTS/run.json says which run is under way; every result is stamped with its run. A run that was
killed is taken up where it stopped. After a whole one everything is graded anew, or, with
`only_changed`, what has changed since.
"""

import json
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context, util
from pathlib import Path
from typing import Any

import torch

from edudet.grading import results, sandbox, submission
from edudet.grading.bundle import Bundle, load
from edudet.grading.session import Worker
from edudet.grading.submissions import Submission, digest, find
from edudet.grading.worker import isolate

MOST_BREAKS = 2


@dataclass(frozen=True)
class Run:
    """A run of the grader over a folder of results."""

    id: str
    bundle: str
    only_changed: bool
    finished: bool = False


@dataclass(frozen=True)
class Summary:
    """What a run did. failed: how many of the graded met a failure of the grader itself."""

    graded: int
    kept: int
    seconds: float
    tests: int
    failed: int


def grade(
    path: Path, bundle: Bundle, out: Path, jobs: int = 1, only_changed: bool = False,
    unsafe: bool = False, seconds: float | None = None, kind: str | None = None,
    begin: Callable[[int, int], None] = lambda todo, kept: None,
    report: Callable[[dict[str, Any]], None] = lambda result: None,
) -> Summary:  # fmt: skip
    """Grade the submissions under `path`; `out` gets a result for each.

    seconds: a time limit for every test, instead of its own. kind: of the sandbox, instead of the
    best. begin(number to grade, number kept)
    is called once, report(result) after each.
    """
    started = time.monotonic()
    settings = Settings(kind or sandbox.best(unsafe), seconds, out)
    found = find(path)
    run = _take_up(out) or Run("", "", False, finished=True)
    if run.finished or run.bundle != bundle.hash:
        run = Run(secrets.token_hex(8), bundle.hash, only_changed)
        _note(out, run)
    todo = [one for one in found if not _is_done(one, bundle, out, run)]
    begin(len(todo), len(found) - len(todo))
    tests = failed = 0
    for result in _run(todo, bundle, settings, jobs, run.id):
        tests += len(result["tests"])
        failed += any(t["message"].endswith(submission.ASK_STAFF) for t in result["tests"])
        report(result)
    _note(out, Run(run.id, run.bundle, run.only_changed, finished=True))
    seconds = time.monotonic() - started
    return Summary(len(todo), len(found) - len(todo), seconds, tests, failed)


def _is_done(one: Submission, bundle: Bundle, out: Path, run: Run) -> bool:
    """Whether this run has graded it, or may keep what an earlier one found."""
    old = results.read_result(out / one.name / "result.json")
    if old is None or old["bundle"] != bundle.hash:
        return False
    if not run.only_changed and old.get("run") != run.id:
        return False
    return old["digest"] == digest(submission.sources_of(one, bundle))


def _take_up(out: Path) -> Run | None:
    try:
        return Run(**json.loads((out / "run.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _note(out: Path, run: Run) -> None:
    results.write(out / "run.json", json.dumps(asdict(run)) + "\n")


@dataclass(frozen=True)
class Settings:
    """What every grading process is told."""

    sandbox: str
    seconds: float | None
    out: Path


def _run(
    todo: Sequence[Submission], bundle: Bundle, settings: Settings, jobs: int, run: str
) -> Iterator[dict[str, Any]]:
    if jobs <= 1 or len(todo) <= 1:
        grader = Grader(bundle, settings)
        try:
            for one in todo:
                yield grader.grade(one, run)
        finally:
            grader.close()
        return
    waiting, breaks = list(reversed(todo)), Counter[str]()
    while waiting:
        try:
            yield from _in_parallel(waiting, bundle, settings, jobs, run)
        except Interrupted as lost:  # a grader was killed, by the machine: go on with new ones
            breaks.update(one.name for one in lost.submissions)
            for one in lost.submissions:
                if breaks[one.name] < MOST_BREAKS:
                    waiting.append(one)
                else:
                    yield _give_up(one, bundle, settings, run)


class Interrupted(Exception):
    """The pool broke while these were being graded."""

    def __init__(self, submissions: list[Submission]) -> None:
        super().__init__(f"{len(submissions)} submissions were interrupted")
        self.submissions = submissions


def _in_parallel(
    waiting: list[Submission], bundle: Bundle, settings: Settings, jobs: int, run: str
) -> Iterator[dict[str, Any]]:
    """Grade what is `waiting`, and take it from there, in `jobs` processes."""
    jobs = min(jobs, len(waiting))
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _set_up, (bundle.folder, settings))
    running: dict[Future[dict[str, Any]], Submission] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs + 1:
                one = waiting.pop()
                running[pool.submit(_grade_one, one, run)] = one
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                del running[future]
                yield result
    except BrokenProcessPool:
        raise Interrupted(list(running.values())) from None
    finally:
        pool.shutdown(cancel_futures=True)


class Grader:
    """A bundle and a worker: what grades one submission after the other."""

    def __init__(self, bundle: Bundle, settings: Settings) -> None:
        torch.set_num_threads(1)
        self.bundle, self.settings = bundle, settings
        if settings.seconds is not None:
            self.bundle = bundle.limited_to(settings.seconds)
        self.worker = Worker(settings.sandbox, sandbox.make_world([]))

    def grade(self, one: Submission, run: str) -> dict[str, Any]:
        result = {**submission.grade(one, self.bundle, self.worker), "run": run}
        results.write_result(self.settings.out, result)
        return result

    def close(self) -> None:
        self.worker.close()


_grader: Grader | None = None


def _set_up(folder: Path, settings: Settings) -> None:
    """The beginning of a grading process: it must not outlive the run, nor its worker it."""
    global _grader
    isolate.prctl(isolate.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _grader = Grader(load(folder), settings)
    util.Finalize(None, _grader.close, exitpriority=1)


def _grade_one(one: Submission, run: str) -> dict[str, Any]:
    assert _grader is not None
    return _grader.grade(one, run)


def _give_up(one: Submission, bundle: Bundle, settings: Settings, run: str) -> dict[str, Any]:
    """The result of a submission under which the grader itself ended, twice."""
    text = f"the grader was killed, twice, while it graded this: {submission.ASK_STAFF}"
    result = {**submission.not_graded(one, bundle, settings.sandbox, text), "run": run}
    results.write_result(settings.out, result)
    return result


def default_jobs() -> int:
    """One per core that this process may use."""
    return len(os.sched_getaffinity(0))
