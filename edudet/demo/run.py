"""The demo, step by step, with a progress bar."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from edudet.demo.comparison import Row, compare
from edudet.demo.detector import Detector
from edudet.demo.figures import pictures
from edudet.demo.proposals import propose
from edudet.demo.report import write
from edudet.demo.task import (
    Found,
    Task,
    UserError,
    coins_task,
    is_right,
    own_task,
    parse_box,
    search,
)
from edudet.progress import Progress

TITLES = {"coins": "the coins in the right half of a photo, learned from those in the left half"}


def run(image: Path | None = None, like: str | None = None, out: Path = Path("out/demo")) -> Found:
    """Find objects, draw what happened, write `out`/index.html; return what was found."""
    console = Console()
    task = coins_task() if image is None else own_task(image, parse_box(like or ""))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: cannot make the folder {out}: {error.strerror}") from None
    with Progress("learning", 5) as progress:
        detector = Detector(task.examples)
        hard = detector.fit(task.learn, task.examples, task.unknown)
        progress.at(1, title="searching")
        found = search(detector, task)
        progress.at(2, title="proposing regions")
        places = propose(detector, task)
        progress.at(3, title="comparing forms")
        rows = list(compare(task, found)) if len(found.boxes) else []
        progress.at(4, title="drawing")
        title = TITLES.get(task.name, f"things like the marked one in {task.name}")
        page = write(out, title, list(pictures(task, found, hard, places)), rows)
        progress.at(5, title="done")
    console.print(_table(rows))
    console.print(_summary(task, found))
    console.print(f"Open {page}", markup=False, highlight=False, soft_wrap=True)
    return found


def _summary(task: Task, found: Found) -> str:
    kept = found.boxes[found.keep]
    text = f"{len(found.windows)} windows, {len(found.boxes)} above 0, {len(kept)} after NMS"
    if task.truth is None or not len(kept):
        return text
    right = int(is_right(task.truth, kept, found.scores[found.keep]).sum())
    return (
        f"{text}; {right} of {len(task.truth)} objects found: precision {right / len(kept):.2f}, "
        f"recall {right / len(task.truth):.2f}"
    )


def _table(rows: list[Row]) -> Table:
    table = Table("operator", "form", title="every form on this data")
    for name in ("largest difference", "median ms", "times the loop"):
        table.add_column(name, justify="right")
    reasons = []
    for row in rows:
        if row.reason:
            reasons += [row.reason] if row.reason not in reasons else []
            note = f"[yellow]no ({reasons.index(row.reason) + 1})"
            table.add_row(row.operator, row.form, "", note, "")
        else:
            table.add_row(row.operator, row.form, *row.numbers())
    table.caption = "\n".join(f"({number}) {reason}" for number, reason in enumerate(reasons, 1))
    return table
