"""The library's own source, shown in a notebook: what is read there is what runs."""

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edudet import native


class Listing:
    """Lines of a source file; a notebook shows them in its own colours."""

    def __init__(self, text: str, language: str, place: str) -> None:
        self.text, self.language, self.place = textwrap.dedent(text).rstrip(), language, place

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"`{self.place}`\n\n```{self.language}\n{self.text}\n```"


def source_of(function: Callable[..., Any], docstring: bool = False) -> Listing:
    """A Python function's source, without its docstring unless that is asked for."""
    function = inspect.unwrap(function)  # what a decorator has wrapped, not the wrapper
    lines, first = inspect.getsourcelines(function)
    text = "".join(lines)
    if not docstring and function.__doc__:
        text = re.sub(r'\n\s*(?:r?"""[\s\S]*?""")', "", text, count=1)
    file = Path(inspect.getsourcefile(function) or "").resolve()
    package = Path(native.__file__).parent
    return Listing(text, "python", f"edudet/{file.relative_to(package).as_posix()}, line {first}")


def kernel_source(file: str, *names: str) -> Listing:
    """The functions `names` of a C++ or CUDA file of `csrc/`, with the comments above them; without
    names, the whole file.

    Raises ValueError if the file has no such function.
    """
    path = native.SOURCES / file
    text = path.read_text()
    parts = [_definition(text, name, file) for name in names] if names else [text]
    return Listing("\n\n".join(parts), "cpp", f"csrc/{file}")


def _definition(text: str, name: str, file: str) -> str:
    """From the comment above a function to its closing brace, which begins a line."""
    found = re.search(rf"\b{name}\(", text)
    begin = text.rfind("\n\n", 0, found.start()) + 2 if found else 0
    end = re.search(r"^}.*$", text[begin:], re.M) if found else None
    if not found or not end:
        raise ValueError(f"kernel_source: names must be functions of csrc/{file}, got {name!r}")
    return text[begin : begin + end.end()]
