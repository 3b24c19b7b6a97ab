"""JSON with lines: Python's reader does not tell where in the file a value stood."""

import json
from pathlib import Path
from typing import Any


def read_json(function: str, path: Path) -> Any:
    """Return what a file says.

    Raises:
        ValueError: it is not JSON; the message names file, line and column.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{function}: {path}, line {error.lineno}, column {error.colno}: must be JSON, "
            f"got: {error.msg}"
        ) from None
    except (RecursionError, ValueError) as error:  # too deep; an encoding; a number without end
        raise ValueError(f"{function}: {path}: must be JSON, got: {error}") from None


def line_of_record(path: Path, key: str, place: int) -> int:
    """The line on which record `place` of the list `key` begins, in a file that is known to be
    JSON. The file is walked through once more, which only an error is worth."""
    text = (data := path.read_bytes()).decode(json.detect_encoding(data))
    decode = json.JSONDecoder().raw_decode

    def skip(at: int) -> int:
        while text[at] in " \t\r\n,:":
            at += 1
        return at

    at, start = text.index("{") + 1, 0
    while text[skip(at)] != "}":
        name, at = decode(text, skip(at))
        start = skip(at) if name == key else start         # of a key written twice, the last counts
        _, at = decode(text, skip(at))
    at = start + 1
    for _ in range(place):
        _, at = decode(text, skip(at))
    return text.count("\n", 0, skip(at)) + 1
