"""How many tests the grader runs a second: `python -m benchmarks.grading [submissions]`.

No peer grades each test in a process of its own; the goal is 10 tests a second and core. The
submissions are the exercises' own right solutions and stubs, with an endless loop now and then.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edudet.course import units
from edudet.grading import batch, bundle
from edudet.progress import Progress

EXERCISES = 10
LOOPING = 50  # one submission in so many never ends


def main(submissions: int = 300) -> None:
    chosen = [name for name in units.ids() if units.load(name).language == "python"][:EXERCISES]
    table = Table("jobs", "submissions", "tests", "seconds", "tests a second and job", "memory")
    with tempfile.TemporaryDirectory() as folder:
        made = bundle.build(Path(folder), chosen)
        for jobs in sorted({1, batch.default_jobs()}):
            count = submissions * jobs // batch.default_jobs()
            place = Path(folder, f"submissions{jobs}")
            for i in range(count):
                _write(place / f"s{i:04}", made, i)
            begin = time.perf_counter()
            with Progress(f"{jobs} jobs", count) as bar:
                summary = batch.grade(
                    place, made, Path(folder, f"results{jobs}"), jobs,
                    report=lambda result, bar=bar: bar.at(bar.done + 1),
                )  # fmt: skip
            seconds = time.perf_counter() - begin
            usage = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            most = max(resource.getrusage(who).ru_maxrss for who in usage) / 1024
            rate = summary.tests / seconds / jobs
            table.add_row(str(jobs), str(count), str(summary.tests), f"{seconds:.1f}",
                          f"{rate:.1f}", f"{most:.0f} MB")  # fmt: skip
    Console().print(table)


def _write(folder: Path, made: bundle.Bundle, number: int) -> None:
    folder.mkdir(parents=True)
    for place, exercise in enumerate(made.exercises.values()):
        solutions = [*exercise.alternatives.values(), exercise.stub]
        text = solutions[(number + place) % len(solutions)]
        if number % LOOPING == LOOPING - 1 and place == 0:
            text = "while True:\n    pass\n"
        (folder / exercise.file).write_text(text)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
