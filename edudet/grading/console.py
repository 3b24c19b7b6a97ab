"""`edudet grade` in a terminal: a bar with the time that is left, then where the results are."""

from pathlib import Path
from typing import Any

import click
import torch

from edudet.grading import batch, exports, results, sandbox, submission
from edudet.grading.bundle import load
from edudet.grading.sandbox import NoSandbox
from edudet.grading.session import Worker
from edudet.grading.submissions import Submission
from edudet.progress import Progress

__all__ = ["NoSandbox", "grade", "grade_one"]


def grade(
    submissions: Path, bundle: Path, out: Path, jobs: int | None, only_changed: bool, unsafe: bool
) -> batch.Summary:
    """Grade with a progress bar; writes results, grades.csv and report.html."""
    with Progress("grading") as progress:

        def begin(todo: int, kept: int) -> None:
            progress.at(0, f"{kept} kept" if kept else "", total=todo)

        def graded(result: dict[str, Any]) -> None:
            score = f"{result['score']:g}/{result['max_score']:g}"
            progress.at(progress.done + 1, f"{result['submission'][:30]}: {score}")

        summary = batch.grade(
            submissions, load(bundle), out, jobs or batch.default_jobs(), only_changed, unsafe,
            begin=begin, report=graded,
        )  # fmt: skip
    exports.export(out, "csv")
    exports.export(out, "html")
    click.echo(f"{summary.graded} graded, {summary.kept} kept; {summary.tests} tests in "
               f"{summary.seconds:.1f} s")  # fmt: skip
    if summary.failed:
        click.echo(f"{summary.failed} of them met a failure of the grader itself: it is told in "
                   "the staff_message of their result.json", err=True)  # fmt: skip
    click.echo(f"{out / 'grades.csv'}\n{out / 'report.html'}")
    return summary


def grade_one(path: Path, bundle: Path, out: Path, unsafe: bool) -> str:
    """Grade one submission and write its result alone; says what it got."""
    torch.set_num_threads(1)
    one = Submission(path.resolve().name.removesuffix(".zip"), path)
    with Worker(sandbox.best(unsafe), sandbox.make_world([])) as worker:
        result = submission.grade(one, load(bundle), worker)
    results.write_result(out, result)
    return f"{one.name}: {result['score']:g} of {result['max_score']:g}"
