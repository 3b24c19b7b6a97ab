"""Grade one submission: every test of the bundle, whatever the submission does."""

import hashlib
import traceback
from typing import Any

from edudet.grading import broker
from edudet.grading.bundle import Bundle
from edudet.grading.results import SCHEMA, total, versions
from edudet.grading.session import SandboxError, Worker
from edudet.grading.submissions import Source, Submission, digest, read

MOST_TRIES = 2
ASK_STAFF = "ask staff"  # the end of a message about a failure of the grader itself


def sources_of(submission: Submission, bundle: Bundle) -> dict[str, Source]:
    """The submitted files that the bundle asks for."""
    return read(submission, [exercise.file for exercise in bundle.exercises.values()])


def grade(submission: Submission, bundle: Bundle, worker: Worker) -> dict[str, Any]:
    """The result of a submission, in the form of `edudet.grading.results`."""
    sources = sources_of(submission, bundle)
    tests: list[broker.Result] = []
    hints: dict[str, str] = {}
    for name, exercise in bundle.exercises.items():
        seed = broker.seed_of(bundle.key, submission.name, name)
        source = sources[exercise.file]
        if source.text is None:
            tests += broker.unmarked(exercise, "not_run", source.problem)
            continue
        marked = _mark(bundle, name, source.text, worker, seed)
        tests += marked.results
        if marked.hint:
            hints[name] = marked.hint
    return _result(submission, bundle, worker.kind, sources, tests, hints)


def not_graded(
    submission: Submission, bundle: Bundle, kind: str, problem: str
) -> dict[str, Any]:
    """The result of a submission that could not be graded."""
    tests = [r for e in bundle.exercises.values() for r in broker.unmarked(e, "not_run", problem)]
    return _result(submission, bundle, kind, sources_of(submission, bundle), tests, {})


def _result(
    submission: Submission, bundle: Bundle, kind: str, sources: dict[str, Source],
    tests: list[broker.Result], hints: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    listed = [test.to_dict() for test in tests]
    seed_id = hashlib.sha256(bundle.key + submission.name.encode()).hexdigest()[:16]
    return {
        "schema": SCHEMA, "submission": submission.name, "digest": digest(sources),
        "bundle": bundle.hash, "seed": seed_id, "sandbox": kind, "versions": versions(),
        "score": total(listed, "points"), "max_score": total(listed, "max"), "tests": listed,
        "hints": hints,
    }  # fmt: skip


def _mark(bundle: Bundle, name: str, text: str, worker: Worker, seed: int) -> broker.Marked:
    """Mark an exercise; where the walls fall, try again behind new ones.

    An error of ours costs this exercise of this submission, not the whole run.
    """
    exercise, given = bundle.exercises[name], bundle.given[name]
    for _ in range(MOST_TRIES):
        try:
            return broker.mark(exercise, text, worker, seed, given)
        except SandboxError as error:
            problem = str(error)
        except Exception:
            problem = traceback.format_exc()
            break
    failed = list(broker.unmarked(exercise, "not_run", f"the grader itself failed: {ASK_STAFF}"))
    for result in failed:
        result.staff_message = problem
    return broker.Marked(failed)
