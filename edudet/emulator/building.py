"""Call the C++ compiler on a rewritten program, unless its library is in the cache already."""

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from edudet import native
from edudet.emulator.session import EmulatorError

# No function is replaced by another library's: so functions can be inlined, as device code is.
COMMON = ("-std=c++17", "-gdwarf-4", "-fPIC", "-fno-semantic-interposition", "-fvisibility=hidden",
          "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-fno-omit-frame-pointer",
          "-DEDUDET_EMULATED")  # fmt: skip
# The program's names are its own, CUDA's are the emulator's: no other library is asked for either.
LINK = ("-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs")
PLAIN = ("-O2",)
# As setup.py compiles the project's kernels for the checker.
WATCHED = ("-O1", "-fno-tree-sra", "-fsanitize=thread")


class CompileError(EmulatorError):
    """The program does not compile; the text is the compiler's."""


def cache_folder() -> Path:
    """Where compiled programs are kept: $XDG_CACHE_HOME/edudet, or else a temporary folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home, "edudet", "emulator")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.gettempdir(), f"edudet-emulator-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise EmulatorError(f"emulator.compile: {folder} belongs to somebody else") from None
        return folder


def build(body: str, files: list[Path], entries: tuple[str, ...], watched: bool) -> Path:
    """Compile a rewritten program with a table of its kernels, and return the library.

    Args:
        body: what `rewrite` has made. files: what was included, for the cache to notice changes.
        entries: the kernels' names, as C++ writes them.
        watched: for the checker.
    """
    gxx = shlex.split(os.environ.get("CXX") or "g++")
    if not shutil.which(gxx[0]):
        raise EmulatorError(
            f"emulator.compile: {gxx[0]} is not installed: "
            "apt install g++ (or as your system says it)"
        )
    table = ", ".join(f'edudet::emulator::entry("{name}", {name})' for name in entries)
    text = (
        f'{body}\n#line 1 "(the table of kernels)"\n#include "emulator/entry.h"\n'
        "#define EDUDET_EXPORT __attribute__((visibility(\"default\")))\n"
        f'extern "C" EDUDET_EXPORT edudet::emulator::Entry edudet_entries[];\n'
        f"edudet::emulator::Entry edudet_entries[] = {{{table}}};\n"
        'extern "C" EDUDET_EXPORT int edudet_entry_count;\n'
        f"int edudet_entry_count = {len(entries)};\n"
    )
    csrc = native.SOURCES
    exports = csrc / "emulator/exports.map"
    flags = (*COMMON, *(WATCHED if watched else PLAIN), f"-I{csrc / 'emulator/include'}",
             "-iquote", str(csrc))  # fmt: skip
    key = hashlib.sha256("\0".join([text, *gxx, *flags, *LINK, _identity(gxx[0])]).encode())
    headers = [csrc / "common/half.h", *sorted((csrc / "emulator").rglob("*.h"))]
    for path in [*files, *headers, exports]:
        key.update(path.read_bytes())
    folder = cache_folder()
    library = folder / f"{key.hexdigest()[:32]}.so"
    if not library.exists():
        if watched and _is_clang(gxx):  # asked here alone: the grader's box starts no process
            raise EmulatorError(
                f"emulator.compile: the checker needs g++, and CXX={gxx[0]} is another"
            )
        # The emulator is found by its name: it is in the process before any program.
        link = (*LINK, f"-Wl,--version-script={exports}", str(native.PACKAGE / "_emulator.so"))
        _compile(gxx, flags, link, text, folder, library)
    return library


def _is_clang(gxx: list[str]) -> bool:
    """clang++ calls the checker for other accesses, too, and refuses a flag that is g++'s."""
    done = subprocess.run([*gxx, "--version"], capture_output=True, text=True)
    return "clang" in done.stdout


def _identity(gxx: str) -> str:
    """Changes when the compiler does."""
    path = Path(shutil.which(gxx) or gxx).resolve()
    facts = path.stat()
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"


def _compile(gxx: list[str], flags: tuple[str, ...], link: tuple[str, ...], text: str,
             folder: Path, library: Path) -> None:
    # Made under another name and then renamed: another process sees all of it or nothing.
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source, half, made = (Path(scratch, f"program.{end}") for end in ("cpp", "o", "so"))
        source.write_text(text)
        # Two steps: linked with -fsanitize=thread it would get the sanitizer's runtime, not ours.
        for step in (
            [*gxx, *flags, "-fdiagnostics-color=never", "-c", str(source), "-o", str(half)],
            [*gxx, str(half), *link, "-o", str(made)],
        ):
            done = subprocess.run(step, capture_output=True, text=True, cwd=scratch)
            if done.returncode:
                raise CompileError(
                    f"emulator.compile: the program does not compile\n{done.stderr}"
                )
        made.replace(library)
