"""From CUDA to C++: the two things that g++ cannot be taught with macros.

    k<T, 4><<<grid, block>>>(a, b);   ->   launcher("k<T, 4>", Configuration(grid, block),
                                               [&](auto... a) { k<T, 4>(a...); })(a, b);
    __shared__ float tile[32][33];    ->   auto& tile = shared<float[32][33]>("tile", [] {});
    extern __shared__ float buffer[]; ->   auto* const buffer = dynamic_shared<float>("buffer");

(with `::edudet::emulator::` before each name). Everything else in csrc/emulator is a C++ header.

No line moves: what a compiler, a debugger or the checker says of line 12 is line 12 of the .cu.
A file that is included with quotes and contains one of these words, or includes one that does, is
written in place of its #include, between #line directives; other quoted includes get their whole
path. So the output is one file, and it may lie anywhere.

This file imports nothing but the standard library, because setup.py runs it as a script:

    python rewrite.py kernel.cu kernel.cpp [--depfile kernel.d]
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ENGINE = "::edudet::emulator::"

# A comment or a literal is one token, so that nothing inside is taken for code.
TOKEN = re.compile(
    r"""(?P<space>\s+|//(?:[^\\\n]|\\.|\\\n)*|/\*.*?\*/)
      | (?P<string>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]*)\(.*?\)(?P=fence)"
                  |(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
      | (?P<word>[A-Za-z_$][\w$]*)
      | (?P<number>\.?\d(?:'?[\w.]|(?<=[eEpP])[+-])*)
      | (?P<mark><<<|>>>|::|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
WORDS = re.compile(r"__shared__|<<<")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
PRAGMA_ONCE = re.compile(r"[ \t]*#[ \t]*pragma[ \t]+once\b")
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}


class RewriteError(ValueError):
    """The source uses `__shared__` or `<<<>>>` in a way that is not understood."""


def rewrite(source: str, name: str, folders: Sequence[Path] = ()) -> tuple[str, list[Path]]:
    """Return the C++ for CUDA text, and the paths of the files that were included with quotes.

    Args:
        source: the text of a .cu file.
        name: how the compiler is to call it in messages.
        folders: where its quoted includes are looked for.
    """
    writer = _Writer()
    body = writer.file(source, name, folders)
    return f"#include <cuda_runtime.h>\n#line 1 {_quote(name)}\n{body}", writer.files


def tokens(text: str) -> list[str]:
    """Cut C++ into tokens; joined again they are the text."""
    return [match[0] for match in TOKEN.finditer(text)]


def is_space(token: str) -> bool:
    return token[:1].isspace() or token[:2] in ("//", "/*")


def _quote(name: str) -> str:
    return '"' + name.replace("\\", "/").replace('"', '\\"') + '"'


class _Writer:
    """Writes out a file and what it includes, each once if it says so."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.once: set[Path] = set()
        self.known: dict[Path, bool] = {}

    def file(self, text: str, name: str, folders: Sequence[Path]) -> str:
        out: list[str] = []
        chunk: list[str] = []  # lines up to the next #include
        first, in_comment = 1, False
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            match = None if in_comment else INCLUDE.match(line)
            if match:
                out.append(_code("".join(chunk), name, first))
                out.append(self.include(match[1], line, number, name, folders))
                chunk, first = [], number + 1
                continue
            chunk.append("\n" if PRAGMA_ONCE.match(line) and not in_comment else line)
            in_comment = _ends_in_comment(line, in_comment)
        return "".join([*out, _code("".join(chunk), name, first)])

    def include(self, wanted: str, line: str, number: int, name: str, folders: Sequence[Path]
                ) -> str:
        path = self.find(wanted, folders)
        if path is None:
            return line  # somewhere on the compiler's search path
        if not self.needs_rewriting(path, folders[1:]):
            return line.replace(f'"{wanted}"', _quote(str(path)))
        if path in self.once:
            return "\n"
        text = path.read_text()
        if PRAGMA_ONCE.search(text):
            self.once.add(path)
        shown = os.path.normpath(os.path.join(os.path.dirname(name), wanted))
        body = self.file(text, shown, [path.parent, *folders[1:]])
        return f"#line 1 {_quote(shown)}\n{body}\n#line {number + 1} {_quote(name)}\n"

    @staticmethod
    def find(wanted: str, folders: Sequence[Path]) -> Path | None:
        path = next((f / wanted for f in folders if (f / wanted).is_file()), None)
        return path.resolve() if path else None

    def needs_rewriting(self, path: Path, folders: Sequence[Path]) -> bool:
        """Does the file, or one that it includes, contain the words? Notes all these files."""
        if path in self.known:
            return self.known[path]
        self.files.append(path)
        text = path.read_text()
        self.known[path] = bool(WORDS.search(text))  # for files that include each other
        for match in INCLUDE.finditer(text):
            inner = self.find(match[1], [path.parent, *folders])
            if inner and self.needs_rewriting(inner, folders):
                self.known[path] = True
        return self.known[path]


def _ends_in_comment(line: str, inside: bool) -> bool:
    """Is the end of the line inside a /* comment */? (Strings and // comments are skipped.)"""
    while line:
        if inside:
            _, end, line = line.partition("*/")
            inside = not end
        else:
            found = re.search(r'//|/\*|"(?:[^"\\]|\\.)*"', line)
            if found is None or found[0] == "//":
                return False
            inside, line = found[0] == "/*", line[found.end() :]
    return inside


def _code(text: str, name: str, first_line: int) -> str:
    if not WORDS.search(text):
        return text
    parts = tokens(text)

    def where(index: int) -> str:
        return f"{name}:{first_line + ''.join(parts[:index]).count(chr(10))}"

    out: list[str] = []
    i = 0
    while i < len(parts):
        if parts[i] == "<<<":
            i = _launch(parts, i, out, where)
        elif parts[i] == "__shared__":
            i = _shared(parts, i, out, where)
        else:
            out += parts[i] if parts[i] == ">>>" else [parts[i]]  # of a template in a template
            i += 1
    return "".join(out)


def _launch(parts: list[str], i: int, out: list[str], where) -> int:
    """Rewrite the launch at parts[i] == "<<<"; what stood before is in `out` already."""
    start = _start_of_kernel(out)
    before = "".join(out[start:])
    kernel = "".join(" " if is_space(token) else token for token in out[start:]).strip()
    if not kernel:
        raise RewriteError(f"{where(i)}: there is no kernel's name before <<<")
    end = _find(parts, i + 1, {">>>"})
    arguments = end + 1 if end is not None else None
    while arguments is not None and arguments < len(parts) and is_space(parts[arguments]):
        arguments += 1
    if end is None or arguments is None or parts[arguments : arguments + 1] != ["("]:
        raise RewriteError(f"{where(i)}: <<< of {kernel} is not followed by >>>(")
    del out[start:]
    lost = before.count("\n") + "".join(parts[end:arguments]).count("\n")
    label = kernel.replace("\\", "\\\\").replace('"', '\\"')
    configuration = "".join(parts[i + 1 : end])
    out += [
        f'{ENGINE}launcher("{label}", {ENGINE}Configuration(', configuration, "), ",
        f"[&](auto... edudet_arguments) {{ {kernel}(edudet_arguments...); }})", "\n" * lost,
    ]  # fmt: skip
    return arguments


def _start_of_kernel(out: list[str]) -> int:
    """Where the expression begins that `out` ends with: box::kernel<T, 4>, kernels[i], (kernel)."""
    i = len(out)
    while True:
        while i and is_space(out[i - 1]):
            i -= 1
        if i and out[i - 1] == ">":
            i = _matching_angle(out, i - 1)
        elif i and out[i - 1] == "]":
            i = _matching_bracket(out, i - 1)
            continue
        elif i and out[i - 1] == ")":
            return _matching_bracket(out, i - 1)
        while i and is_space(out[i - 1]):
            i -= 1
        if not (i and re.match(r"[A-Za-z_$]", out[i - 1])):
            return i
        i -= 1
        before = i
        while before and is_space(out[before - 1]):
            before -= 1
        if before and out[before - 1] == "template":
            before -= 1
            while before and is_space(out[before - 1]):
                before -= 1
        if not (before and out[before - 1] in ("::", ".", "->")):
            return i
        i = before - 1
        if not (i and (out[i - 1] == ">" or re.match(r"[\w$\])]", out[i - 1]))):
            return i  # a leading ::


def _matching_angle(out: list[str], i: int) -> int:
    depth = 0
    while i >= 0:
        if out[i] in (")", "]", "}"):
            i = _matching_bracket(out, i)
        elif out[i] == ">":
            depth += 1
        elif out[i] == "<":
            depth -= 1
            if depth == 0:
                return i
        i -= 1
    return 0


def _matching_bracket(out: list[str], i: int) -> int:
    depth = 0
    while i >= 0:
        depth += (out[i] in CLOSE) - (out[i] in OPEN)
        if depth == 0:
            return i
        i -= 1
    return 0


def _find(parts: list[str], i: int, wanted: set[str]) -> int | None:
    """The next of `wanted` that is not inside brackets."""
    depth = 0
    while i < len(parts):
        if depth == 0 and parts[i] in wanted:
            return i
        depth += (parts[i] in OPEN) - (parts[i] in CLOSE)
        if depth < 0:
            return None
        i += 1
    return None


def _shared(parts: list[str], i: int, out: list[str], where) -> int:
    """Rewrite the declaration around parts[i] == "__shared__"."""
    start = len(out)  # the words before it: extern, static, volatile, __align__(16)
    while start and out[start - 1] not in (";", "{", "}", ":"):
        if "\n" in out[start - 1] and not _continues(out[:start]):
            break
        start -= 1
    end = _find(parts, i + 1, {";"})
    if end is None:
        raise RewriteError(f"{where(i)}: the __shared__ declaration does not end")
    while start < len(out) and is_space(out[start]):
        start += 1
    whole = [*out[start:], *parts[i + 1 : end]]
    lines = "".join(whole).count("\n")
    dynamic = "extern" in whole
    base, declared = _declarators(_without_attributes(whole), where(i))
    del out[start:]
    for name, suffix in declared:
        if dynamic:
            element = f"{base}{_without_first_bound(suffix, where(i))}"
            out.append(f'auto* const {name} = {ENGINE}dynamic_shared<{element}>("{name}"); ')
        else:
            made = f'{ENGINE}shared<{base}{suffix}>("{name}", [] {{}})'
            out.append(f"[[maybe_unused]] auto& {name} = {made}; ")
    out[-1] = out[-1].rstrip("; ")
    out.append("\n" * lines)
    return end


def _continues(out: list[str]) -> bool:
    """Does a declaration's beginning stand before this line break?"""
    words = [token for token in out if not is_space(token)]
    return bool(words) and words[-1] in ("extern", "static", "volatile", "const")


def _without_attributes(declaration: list[str]) -> list[str]:
    kept, i = [], 0
    while i < len(declaration):
        token = declaration[i]
        if token in ("__align__", "alignas", "__attribute__"):
            i += 1
            while i < len(declaration) and is_space(declaration[i]):
                i += 1
            end = _find(declaration, i + 1, {")"})
            i = len(declaration) if end is None else end + 1
            continue
        if token not in ("extern", "static", "__shared__"):
            kept.append(" " if is_space(token) else token)
        i += 1
    return kept


def _declarators(declaration: list[str], place: str) -> tuple[str, list[tuple[str, str]]]:
    """Split `float a[4], b` into its type and [(name, bounds)]."""
    pieces: list[list[str]] = [[]]
    depth = angle = 0
    for token in declaration:
        depth += (token in OPEN) - (token in CLOSE)
        if depth == 0 and len(pieces) == 1:  # template arguments belong to the type only
            angle += (token == "<") - (token == ">")
        if token == "," and depth == 0 and angle == 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    base, declared = "", []
    for number, piece in enumerate(pieces):
        text = "".join(piece).strip()
        match = re.fullmatch(r"(.*?)([A-Za-z_$][\w$]*)\s*((?:\[.*\])?)", text, re.DOTALL)
        if match is None or "=" in text or "(*" in text:
            raise RewriteError(f"{place}: this __shared__ declaration is not understood: {text!r}")
        pointer = re.search(r"[*\s]*$", match[1])
        stars = pointer[0].strip() if pointer else ""
        if number == 0:
            base = match[1][: pointer.start() if pointer else None].strip()
            if not base or "{" in base:
                raise RewriteError(f"{place}: give the type of this __shared__ variable a name")
        declared.append((match[2], stars.replace(" ", "") + match[3]))
    return base, declared


def _without_first_bound(suffix: str, place: str) -> str:
    match = re.match(r"(\**)\[\s*\](.*)", suffix, re.DOTALL)
    if match is None:
        raise RewriteError(f"{place}: extern __shared__ needs an array without a size")
    return match[1] + match[2]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="rewrite CUDA so that g++ can compile it")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--depfile", type=Path, help="write down the included files, for ninja")
    given = parser.parse_args(arguments)
    try:
        text, files = rewrite(given.source.read_text(), str(given.source), [given.source.parent])
    except RewriteError as error:
        sys.exit(f"error: {error}")
    given.target.write_text(text)
    if given.depfile:
        names = " ".join(str(path).replace(" ", "\\ ") for path in files)
        given.depfile.write_text(f"{given.target}: {names}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
