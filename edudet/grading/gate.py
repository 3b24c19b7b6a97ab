"""`edudet course verify`: the release gate's table and verdict."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edudet.course import units
from edudet.grading import hostile, sandbox
from edudet.grading.batch import default_jobs
from edudet.grading.session import Worker
from edudet.grading.verify import Finding, verify
from edudet.progress import track

FEWEST_MISTAKES, FEWEST_ALTERNATIVES = 6, 2


def run(names: Sequence[str] = (), jobs: int | None = None) -> bool:
    """Verify the exercises `names`, or all; print what was found. Whether all is well."""
    ids = [units.load(name).id for name in names] or units.ids()
    console = Console()
    found: list[Finding] = []
    with ProcessPoolExecutor(jobs or default_jobs(), get_context("spawn")) as pool:
        for part in track(pool.map(_verify_one, ids), "verifying", len(ids), stays=False):
            found += part
    console.print(_table(ids, found))
    wrong = [finding for finding in found if not finding.right]
    for finding in wrong:
        console.print(f"[red]{finding.exercise}[/]: {finding.kind} {finding.name!r} got "
                      f"{finding.points:g} of {finding.maximum:g}: {finding.detail}",
                      markup=True, highlight=False)  # fmt: skip
    too_few = list(_too_few(ids, found))
    problems = too_few if names else [*too_few, *_hostile(console)]
    for text in problems:
        console.print(f"[red]{text}[/]", highlight=False)
    number = len(wrong) + len(problems)
    console.print(f"[red]{number} findings[/]" if number else "[green]the course is sound[/]")
    return not number


def _hostile(console: Console) -> Iterator[str]:
    """What hostile submissions got that they do not deserve."""
    if not hostile.FOLDER.exists():
        console.print("hostile submissions: only in a checkout of edudet")
        return
    with tempfile.TemporaryDirectory() as folder:
        expected, results = hostile.grade(Path(folder), sandbox.best())
    count = 0
    for name, one in expected.items():
        problem = hostile.wrong(one, results.get(name))
        count += not problem
        if problem:
            yield f"hostile submission {name}: {problem}"
    console.print(f"hostile submissions: {count} of {len(expected)} got what they deserve")


def _verify_one(name: str) -> list[Finding]:
    exercise = units.load(name)
    with Worker(sandbox.best(), sandbox.make_world([])) as worker:
        return list(verify(exercise, units.given(exercise), worker))


def _names(found: Sequence[Finding]) -> dict[tuple[str, str], set[str]]:
    """(exercise, kind) -> names of the solutions of that kind."""
    names = defaultdict(set)
    for finding in found:
        names[finding.exercise, finding.kind].add(finding.name)
    return names


def _too_few(ids: Sequence[str], found: Sequence[Finding]) -> Iterator[str]:
    names = _names(found)
    for name in ids:
        for kind, fewest in (("mistake", FEWEST_MISTAKES), ("alternative", FEWEST_ALTERNATIVES)):
            count = len(names[name, kind])
            if count < fewest:
                yield f"{name}: {count} {kind}s; there must be {fewest}"


def _table(ids: Sequence[str], found: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("exercise", no_wrap=True)
    for title in ("points", "reference", "alternatives", "stub", "constant", "mistakes"):
        table.add_column(title)
    names = _names(found)
    for name in ids:
        here = [finding for finding in found if finding.exercise == name]
        cells = []
        for kind in ("reference", "alternative", "stub", "constant", "mistake"):
            total = len(names[name, kind])
            failed = len({f.name for f in here if f.kind == kind and not f.right})
            colour = "red" if failed else "green"
            text = f"{total - failed}/{total}" if kind in ("alternative", "mistake") else (
                "no" if failed else "ok")  # fmt: skip
            cells.append(f"[{colour}]{text}[/]")
        table.add_row(name, f"{here[0].maximum:g}", *cells)
    return table
