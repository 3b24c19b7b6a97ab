"""Tables as files: CSV for a program, Markdown for a reader."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edudet.data.files import write_atomically

Row = Mapping[str, Any]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with the columns of all of them; what a row lacks stays empty."""
    text, names = io.StringIO(), dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def markdown(rows: Sequence[Row]) -> str:
    """The same in Markdown, with the columns of the first row; numbers stand at the right."""
    names = list(rows[0])
    right = [all(isinstance(row.get(name, 0), (int, float)) for row in rows) for name in names]
    lines = [names, ["---:" if one else "---" for one in right]]
    lines += [[shown(row.get(name, "")) for name in names] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """Three decimals of a number, none of a large one."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))
