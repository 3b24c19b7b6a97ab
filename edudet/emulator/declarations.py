"""Find the kernels in CUDA source: their names and those of their parameters.

Only names are read here. Which types a kernel takes, the compiler says: see csrc/emulator/entry.h.
"""

import re
from dataclasses import dataclass

from edudet.emulator.rewrite import is_space, tokens


@dataclass(frozen=True)
class Declaration:
    """A kernel as it stands in the source."""

    name: str  # with its namespaces
    parameters: tuple[str, ...]
    is_template: bool


def declarations(text: str) -> list[Declaration]:
    """Find the kernels in CUDA source."""
    parts = [token for token in tokens(text) if not is_space(token)]
    found: dict[str, Declaration] = {}
    scopes: list[str] = []  # what every open brace belongs to: the name of a namespace, or ""
    start = 0  # of the present declaration
    for i, token in enumerate(parts):
        if token == "{":
            words = parts[start:i]
            name = "".join(words[words.index("namespace") + 1 :]) if "namespace" in words else ""
            scopes.append(name)
        elif token == "}" and scopes:
            scopes.pop()
        if token in ("{", "}", ";"):
            start = i + 1
        elif token == "__global__":
            declaration = _declaration(parts, start, i, [scope for scope in scopes if scope])
            if declaration:
                found[declaration.name] = declaration
    return list(found.values())


def _declaration(parts: list[str], start: int, i: int, scopes: list[str]) -> Declaration | None:
    is_template = "template" in parts[start:i]
    while i + 1 < len(parts) and parts[i] not in (";", "{"):
        if parts[i] in ("__launch_bounds__", "__attribute__", "__maxnreg__"):
            i = _closing(parts, i + 1)
        elif parts[i + 1] == "(":
            end = _closing(parts, i + 1)
            return Declaration("::".join([*scopes, parts[i]]), _parameters(parts[i + 2 : end]),
                               is_template)  # fmt: skip
        i += 1
    return None


def _closing(parts: list[str], i: int) -> int:
    depth = 0
    while i < len(parts):
        depth += (parts[i] in ("(", "[", "{")) - (parts[i] in (")", "]", "}"))
        if depth == 0:
            return i
        i += 1
    return i


def _parameters(parts: list[str]) -> tuple[str, ...]:
    pieces: list[list[str]] = [[]]
    depth = 0
    for token in parts:
        depth += (token in ("(", "[", "{", "<")) - (token in (")", "]", "}", ">"))
        if token == "," and depth == 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    names = []
    for number, piece in enumerate(pieces, 1):
        text = " ".join(piece).partition("=")[0].partition("[")[0]
        # The last word, if there is a type before it.
        match = re.search(r"[\w>*&]\s*\b([A-Za-z_]\w*)\s*$", text)
        names.append(match[1] if match else f"argument {number}")
    return tuple(names) if parts else ()
