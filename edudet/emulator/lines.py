"""From addresses in a compiled library to lines of its source.

The checker knows of an access only which instruction made it. The debug information in the library
says from which line that instruction came, and addr2line (of the binutils, which come with g++) can
read it. It is asked once per library and address.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNKNOWN = "lines are unknown: addr2line is missing (apt install binutils)"

_known: dict[tuple[str, float, int], list[tuple[str, int]]] = {}


@dataclass(frozen=True)
class Place:
    """A line of a program. `callers`: the lines by which inlined code came there, inside out."""

    file: str
    line: int
    callers: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def with_caller(self) -> str:
        """The place, and where in another file it was called from."""
        caller = next((c for c in self.callers if c[0] != self.file), None)
        return f"{self} (from {caller[0]}:{caller[1]})" if caller else str(self)


def places(spots: list[dict[str, Any]]) -> list[Place]:
    """The places of the spots that _emulator.report() lists."""
    wanted: dict[str, set[int]] = {}
    for spot in spots:
        if "library" in spot:
            wanted.setdefault(spot["library"], set()).add(spot["offset"])
    chains = {library: _ask(library, offsets) for library, offsets in wanted.items()}
    return [_place(spot, chains) for spot in spots]


def _place(spot: dict[str, Any], chains: dict[str, dict[int, list[tuple[str, int]]]]) -> Place:
    if "file" in spot:
        return Place(_shown(spot["file"]), spot["line"])
    if "library" not in spot:
        return Place("unknown", 0)
    chain = chains[spot["library"]].get(spot["offset"], [])
    # What was inlined from the emulator's or the system's headers is not what the reader wrote.
    own = [(_shown(file), line) for file, line in chain if not _is_foreign(file)]
    if not own:
        name = spot["function"] or Path(spot["library"]).name
        return Place(f"{name}+{spot['offset']:#x}", 0)
    return Place(*own[0], tuple(own[1:]))


def _is_foreign(file: str) -> bool:
    return file.startswith(("/usr/", "?")) or "csrc/emulator/" in file


def _shown(file: str) -> str:
    """Without the folder in which it was compiled."""
    _, found, rest = file.rpartition("/csrc/")
    if found:
        return f"csrc/{rest}"
    return file if file.startswith("csrc/") else Path(file).name


def _ask(library: str, offsets: set[int]) -> dict[int, list[tuple[str, int]]]:
    changed = Path(library).stat().st_mtime if Path(library).exists() else 0.0
    new = sorted(o for o in offsets if (library, changed, o) not in _known)
    program = shutil.which("addr2line")
    if new and program:
        # An address is where the call returns to: the line is that of the byte before.
        command = [program, "-a", "-i", "-e", library, *(hex(offset - 1) for offset in new)]
        for text in re.split(r"^0x", _output(command), flags=re.MULTILINE)[1:]:
            address, *lines = text.split("\n")
            offset = int(address, 16) + 1
            _known[library, changed, offset] = [_parse(line) for line in lines if ":" in line]
    return {offset: _known.get((library, changed, offset), []) for offset in offsets}


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:  # in a sandbox, say: lines stay unknown
        return ""


def table(library: Path) -> dict[str, list[tuple[str, int]]]:
    """The lines of all calls in a library, to `remember` where nothing can be asked.

    Watched accesses are calls, as are atomic operations and barriers.
    """
    program = shutil.which("objdump")
    if not program:
        return {}
    text = _output([program, "-d", "--no-show-raw-insn", str(library)])
    calls = re.finditer(r"\s(?:callq?|blr?)\s[^\n]*\n\s*([0-9a-f]+):", text)
    offsets = {int(match[1], 16) for match in calls}
    return {hex(offset): chain for offset, chain in _ask(str(library), offsets).items()}


def remember(library: Path, lines: dict[str, list[tuple[str, int]]]) -> None:
    """Take the lines of a library from a `table` that was made where it was compiled."""
    changed = library.stat().st_mtime
    for offset, chain in lines.items():
        _known[str(library), changed, int(offset, 16)] = [(file, line) for file, line in chain]


def _parse(line: str) -> tuple[str, int]:
    file, _, number = line.partition(" (")[0].rpartition(":")
    return file, int(number) if number.isdigit() else 0
