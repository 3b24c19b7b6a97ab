"""What a check of a kernel has found, and counted."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from edudet.draw.style import COLOURS, new_figure


class MarkedSource:
    """Numbered lines of a program; those in `notes` (number -> texts) stand out."""

    def __init__(self, lines: Mapping[int, str], notes: Mapping[int, list[str]], colour: str):
        self.lines, self.notes, self.colour = lines, notes, colour

    def __str__(self) -> str:
        shown = []
        for number, line in self.lines.items():
            shown.append(f"{number:3d}  {line}")
            shown += [f"     ^ {note}" for note in self.notes.get(number, [])]
        return "\n".join(shown)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for number, line in self.lines.items():
            notes = self.notes.get(number, [])
            border = COLOURS[self.colour] if notes else "transparent"
            texts = [f"{number:3d}  {html.escape(line)}"]
            texts += [f"<b>     {html.escape(note)}</b>" for note in notes]
            style = f"border-left:4px solid {border};padding-left:4px"
            rows += [f'<div style="{style}">{text}</div>' for text in texts]
        style = "font-family:monospace;font-size:90%;line-height:1.35"
        return f"<pre style='{style}'>{''.join(rows)}</pre>"


def show_findings(
    source: str, run: Any, file: str = "program.cu", first: int = 1, last: int | None = None
) -> MarkedSource:
    """A program's text with the faults of a checked run below their lines: of each kind the first.

    Args:
        run: what `program[...](..., check=True)` returned.
        file: the program's name in the findings.
        first, last: lines to show; the last one counts.
    """
    notes: dict[int, list[str]] = {}
    for found in run.findings:
        for place in found.places:
            for name, line in ((place.file, place.line), *place.callers):
                texts = notes.setdefault(line, []) if name == file else []
                if not any(text.startswith(_kind(found)) for text in texts):
                    texts.append(_note(found))
    lines = dict(enumerate(source.splitlines(), 1))
    begin = next((n for n in range(first, len(lines) + 1) if lines[n].strip()), first)
    shown = {n: lines[n] for n in range(begin, min(last or len(lines), len(lines)) + 1)}
    return MarkedSource(shown, notes, "dropped")


def _kind(found: Any) -> str:
    return f"{found.kind}{f' in {found.region}' if found.region else ''}: "


def _note(found: Any) -> str:
    if found.kind == "race":
        what = found.message.partition(",")[0]  # the rest says what a race is
        return f"{_kind(found)}{what}, by threads {found.other_thread} and {found.thread[0]}"
    who = f"; first in thread {found.thread[0]} of block {found.block[0]}" if found.thread else ""
    return f"{_kind(found)}{found.message}{who}"


class SideBySide:
    """Listings beside each other."""

    def __init__(self, listings: Sequence[Any], lines: int | None) -> None:
        self.places = [listing.place for listing in listings]
        self.texts = ["\n".join(listing.text.splitlines()[:lines]) for listing in listings]

    def __str__(self) -> str:
        return "\n\n".join(self.texts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = "font-family:monospace;font-size:66%;white-space:pre-wrap;word-break:normal"
        cells = "".join(
            f"<div style='flex:1;min-width:0'><code>{html.escape(place)}</code>"
            f"<pre style='{style}'>{html.escape(text)}</pre></div>"
            for place, text in zip(self.places, self.texts, strict=True)
        )
        return f"<div style='display:flex;gap:1.5em;text-align:left'>{cells}</div>"


def side_by_side(*listings: Any, lines: int | None = None) -> SideBySide:
    """Several sources, as `source_of` and `kernel_source` give them, to be read together; with
    `lines`, only so many lines of each."""
    return SideBySide(listings, lines)


def draw_counts(counts: Mapping[str, int], title: str = "", unit: str = "") -> Figure:
    """Whole numbers as bars, one below the other."""
    figure, axes = new_figure(7.5, 0.8 + 0.4 * len(counts))
    bars = axes.barh(list(counts), list(counts.values()), color=COLOURS["kept"], height=0.6)
    axes.bar_label(bars, [f"{value:,.0f}" for value in counts.values()], padding=4, fontsize=9)
    axes.set_xlim(0, 1.15 * max(counts.values()))
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left")
    return figure
