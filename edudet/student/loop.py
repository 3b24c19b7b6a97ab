"""A student's loop: start an exercise, check it, ask for a hint, hand in."""

import hashlib
import html
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from edudet.course import units
from edudet.course.exercise import Exercise
from edudet.grading import broker, sandbox
from edudet.grading.results import versions
from edudet.grading.session import Worker

SCHEMA = "edudet.submission/1"
COLOURS = {"pass": "green", "fail": "red", "not_run": "yellow"}


def start(name: str, folder: Path) -> list[str]:
    """Write stub, task and picture into `folder`; work that lies there stays. Says what it did."""
    exercise = units.load(name)
    folder.mkdir(parents=True, exist_ok=True)
    said = []
    task = folder / f"{name}.md"
    task.write_text(exercise.task.replace("picture.png", f"{name}.png"))
    said.append(f"{task}: the task")
    for header, text in exercise.headers.items():  # for editors: the checker brings its own
        (folder / header).write_text(text)
    if exercise.example is not None:
        _draw(exercise, folder / f"{name}.png")
    file = folder / exercise.file
    if file.exists():
        said.append(f"{file}: is there already and stays as it is "
                    f"(`edudet exercise reset {name}` starts anew)")  # fmt: skip
    else:
        file.write_text(exercise.stub)
        said.append(f"{file}: write your solution here, then `edudet exercise check {name}`")
    return said


def _draw(exercise: Exercise, path: Path) -> None:
    try:
        from edudet.student import picture
    except ImportError:  # matplotlib is not part of the core install; the task can do without
        return
    picture.draw_task(exercise, path)


def reset(name: str, folder: Path) -> list[str]:
    """Put the stub back; what was there is kept under another name."""
    exercise = units.load(name)
    file = folder / exercise.file
    said = []
    if file.exists() and file.read_text(errors="replace") != exercise.stub:
        copy = _free_name(file)
        shutil.copy2(file, copy)
        said.append(f"{copy}: a copy of what you had")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(exercise.stub)
    return [*said, f"{file}: as at the start"]


def _free_name(file: Path) -> Path:
    number = 1
    while (copy := file.with_name(f"{file.name}.{number}.bak")).exists():
        number += 1
    return copy


@dataclass(frozen=True)
class Check:
    """The verdicts of the visible tests; prints itself in a terminal and in a notebook."""

    exercise: Exercise
    marked: broker.Marked
    sandbox: str
    lines: int

    @property
    def points(self) -> float:
        return sum(result.points for result in self.marked.results)

    @property
    def maximum(self) -> float:
        return sum(result.max for result in self.marked.results)

    @property
    def passed(self) -> bool:
        return self.points == self.maximum

    @property
    def summary(self) -> str:
        hidden = self.exercise.points - self.maximum
        budget = self.exercise.line_budget
        size = f"{self.lines} lines of {budget}" if self.lines <= budget else (
            f"{self.lines} lines: a good solution needs at most {budget}")  # fmt: skip
        return (f"{self.points:g} of {self.maximum:g} points of the visible tests "
                f"({hidden:g} more are hidden); {size}")  # fmt: skip

    def _messages(self) -> list[str]:
        """What happened in each test; what is the same as in the one before is said once."""
        texts = [result.message for result in self.marked.results]
        return ["the same" if text and text == before else text
                for before, text in zip(["", *texts], texts, strict=False)]  # fmt: skip

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table("", "test", "points", "what happened", box=None, pad_edge=False)
        for result, message in zip(self.marked.results, self._messages(), strict=True):
            colour = COLOURS.get(result.status, "magenta")
            table.add_row(
                f"[{colour}]{result.status}[/]", result.id.split("/", 1)[1],
                f"{result.points:g}/{result.max:g}", _plain(message),
            )  # fmt: skip
        yield table
        yield self.summary
        if self.marked.warnings and not self.passed:
            yield f"[yellow]The compiler warns:[/]\n{_plain(self.marked.warnings.rstrip())}"
        if self.marked.hint:
            yield f"[yellow]This behaves like a known mistake:[/] {_plain(self.marked.hint)}"
        if self.sandbox == "none":
            yield "[dim](run without a sandbox: this machine has none)[/]"

    def _repr_html_(self) -> str:
        rows = []
        for result, message in zip(self.marked.results, self._messages(), strict=True):
            colour = {"pass": "#2a7a2a", "fail": "#b3261e"}.get(result.status, "#8a5a00")
            name, points = result.id.split("/", 1)[1], f"{result.points:g}/{result.max:g}"
            cells = (name, points, message)
            texts = "".join(
                f"<td style='text-align:left;white-space:pre-wrap'>{html.escape(cell)}</td>"
                for cell in cells
            )
            rows.append(f"<tr><td style='color:{colour};font-weight:bold'>{result.status}</td>"
                        f"{texts}</tr>")  # fmt: skip
        hint = ""
        if self.marked.warnings and not self.passed:
            hint = f"<p>The compiler warns:</p><pre>{html.escape(self.marked.warnings)}</pre>"
        if self.marked.hint:
            hint += ("<p><b>This behaves like a known mistake:</b> "
                     f"{html.escape(self.marked.hint)}</p>")  # fmt: skip
        return f"<table>{''.join(rows)}</table><p>{html.escape(self.summary)}</p>{hint}"


def _plain(text: str) -> str:
    """Brackets in a message are not markup."""
    return text.replace("[", "\\[")


def check(name: str, folder: Path) -> Check:
    """Run the visible tests on the student's file, through the same worker as the grader."""
    exercise = units.load(name)
    file = folder / exercise.file
    if not file.exists():
        raise ValueError(f"check: {file} must exist; `edudet exercise start {name}` writes it")
    try:
        source = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"check: {file} must be UTF-8 text") from None
    visible = [test for test in exercise.tests if test.visibility == "visible"]
    kind = sandbox.best(unsafe=True)
    with Worker(kind, sandbox.make_world([])) as worker:
        marked = broker.mark(exercise, source, worker, 0, units.given(exercise), visible)
    return Check(exercise, marked, kind, num_lines(source))


def hint(name: str, folder: Path) -> list[str]:
    """Which known mistake the solution behaves like, in words."""
    checked = check(name, folder)
    if checked.passed:
        return ["All visible tests pass."]
    if checked.marked.hint:
        return [f"Your solution behaves like a known mistake: {checked.marked.hint}"]
    first = next(result for result in checked.marked.results if result.status != "pass")
    return [
        "It behaves like none of the known mistakes.",
        f"Look at the first test that fails, {first.id.split('/', 1)[1]!r}: {first.message}",
    ]


def num_lines(source: str) -> int:
    """Lines of code: without blank ones, comments, and docstrings."""
    count, quoted = 0, False
    for line in source.splitlines():
        text = line.strip()
        quotes = text.count('"""')
        if quoted or text.startswith('"""'):
            quoted = quoted != (quotes % 2 == 1)
        elif text and not text.startswith(("#", "//", "import ", "from ")):
            count += 1
    return count


def submit(names: Sequence[str], folder: Path, out: Path) -> list[str]:
    """Zip the solutions with a manifest. Raises ValueError if one is missing."""
    exercises = [units.load(name) for name in names or units.ids()]
    missing = [e.file for e in exercises if not (folder / e.file).is_file()]
    if missing:
        raise ValueError(f"submit: {folder} must hold all files; missing: {', '.join(missing)}. "
                         "Name the exercises to hand in only those")  # fmt: skip
    files = {e.file: (folder / e.file).read_bytes() for e in exercises}
    manifest = {
        "schema": SCHEMA, "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions(),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }  # fmt: skip
    draft = out.with_name(out.name + ".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        for name, data in files.items():
            archive.writestr(name, data)
    draft.replace(out)
    untouched = [e.id for e in exercises if files[e.file].decode(errors="replace") == e.stub]
    said = [f"{out}: {len(files)} solutions"]
    if untouched:
        said.append(f"still as at the start: {', '.join(untouched)}")
    return said
