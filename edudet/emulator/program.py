"""A user's own .cu, compiled and called.

    program = compile('''
        __global__ void scale(float* x, float factor, int n) {
          int i = blockIdx.x * blockDim.x + threadIdx.x;
          if (i < n) x[i] *= factor;
        }
    ''')
    program["scale"][4, 256](x, 2.0, 1000)                  # <<<4, 256>>>
    run = program["scale"][4, 256](x, 2.0, 1000, check=True)

Libraries are kept in a cache folder under the hash of everything that went into them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edudet import native
from edudet.emulator import arguments
from edudet.emulator.building import CompileError, build
from edudet.emulator.declarations import Declaration, declarations
from edudet.emulator.findings import Run
from edudet.emulator.rewrite import RewriteError, rewrite
from edudet.emulator.session import EmulatorError, engine, session

TIME_LIMIT = 10.0  # seconds for one launch


def compile(source: str | Path, name: str | None = None) -> "Program":
    """Compile CUDA source text, or the file at a path (a Path, or a string ending in .cu).

    Quoted includes are looked for beside the file and in csrc/ of edudet. `name` is what error
    messages call the text. Needs g++ at run time.
    """
    if not isinstance(source, (str, Path)):
        kind = type(source).__name__
        raise TypeError(f"emulator.compile: source must be str or Path, got {kind}")
    folders = [native.SOURCES]
    if isinstance(source, Path) or ("\n" not in source and source.endswith(".cu")):
        path = Path(source)
        if not path.is_file():
            raise ValueError(
                f"emulator.compile: source must be a file or CUDA text, got {source!r}"
            )
        text, name = path.read_text(), name or path.name
        folders.insert(0, path.parent)
    else:
        text = source
    return Program(text, name or "program.cu", folders)


class Program:
    """The kernels of one source file; `program["name"]` gives one."""

    def __init__(self, text: str, name: str, folders: Sequence[Path]):
        self.text, self.name = text, name
        self.declarations = {found.name: found for found in declarations(text)}
        if not self.declarations:
            raise CompileError(f"emulator.compile: {name} has no __global__ function")
        try:
            self._body, self._files = rewrite(text, name, folders)
        except RewriteError as error:
            raise CompileError(f"emulator.compile: {error}") from None
        self._libraries: dict[tuple[tuple[str, ...], bool], Any] = {}
        self._plain = tuple(d.name for d in self.declarations.values() if not d.is_template)
        if self._plain:
            self._library(self._plain, watched=False)

    def __repr__(self) -> str:
        return f"<Program {self.name}: {', '.join(self.declarations)}>"

    def __getitem__(self, name: str) -> "Kernel":
        return self.kernel(name)

    def kernel(self, name: str) -> "Kernel":
        """The kernel of this name; of a template, an instance: "scale<float, 4>"."""
        base = re.sub(r"\s*<.*", "", name, flags=re.DOTALL).strip()
        found = [d for d in self.declarations.values() if f"::{d.name}".endswith(f"::{base}")]
        if len(found) != 1:
            known = ", ".join(self.declarations)
            raise ValueError(f"Program.kernel: name must be one of {known}, got {name!r}")
        whole = found[0].name + name.strip()[len(base) :]
        if found[0].is_template != ("<" in name):
            wanted = f"{base}<...>" if found[0].is_template else base
            raise ValueError(f"Program.kernel: name must be {wanted}, got {name!r}")
        return Kernel(self, found[0], whole)

    def prepare(self) -> None:
        """Compile now what a launch with check=True would compile (but for templates)."""
        self._library(self._plain, watched=True)

    def _library(self, entries: tuple[str, ...], watched: bool) -> Any:
        key = (entries, watched)
        if key not in self._libraries:
            path = build(self._body, self._files, entries, watched)
            self._libraries[key] = engine().open_library(str(path))
        return self._libraries[key]

    def entry(self, name: str, watched: bool) -> tuple[Any, int, list]:
        """The library that holds a kernel, its number there, and what it takes."""
        entries = self._plain if name in self._plain else (name,)
        library = self._library(entries, watched)
        for number, (found, takes) in enumerate(library.entries()):
            if found == name:
                return library, number, takes
        raise EmulatorError(f"{name} is not in the library that was made for it")


class Kernel:
    """`kernel[grid, block]` or `kernel[grid, block, shared_bytes]` gives what can be called."""

    def __init__(self, program: Program, declaration: Declaration, name: str):
        self.program, self.declaration, self.name = program, declaration, name

    def __getitem__(self, configuration: tuple) -> "Launcher":
        if not isinstance(configuration, tuple) or len(configuration) not in (2, 3):
            raise TypeError(
                f"{self.name}: a launch must be kernel[grid, block] or kernel[grid, block, "
                f"shared_bytes], got kernel[{configuration!r}]"
            )
        grid, block, *shared = configuration
        size = shared[0] if shared else 0
        if not isinstance(size, int) or size < 0:
            raise ValueError(f"{self.name}: shared_bytes must be an integer ≥ 0, got {size!r}")
        blocks, threads = _dim3(self.name, "grid", grid), _dim3(self.name, "block", block)
        return Launcher(self, blocks, threads, size)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{self.name}: say how many blocks and threads: kernel[grid, block](...)")


def _dim3(kernel: str, what: str, value: Any) -> list[int]:
    numbers = list(value) if isinstance(value, (tuple, list)) else [value]
    if not 1 <= len(numbers) <= 3 or not all(
        isinstance(n, int) and 0 <= n < 2**32 for n in numbers
    ):
        raise ValueError(f"{kernel}: {what} must be an integer or up to three, got {value!r}")
    return numbers + [1] * (3 - len(numbers))


@dataclass(frozen=True)
class Launcher:
    kernel: Kernel
    grid: list[int]
    block: list[int]
    shared: int

    def __call__(self, *args: Any, check: bool = False, trace: bool | int = False,
                 shuffle: int | None = None, time_limit: float | None = TIME_LIMIT,
                 fresh: Sequence[str] = ()) -> Run:
        """Run the kernel on arrays and numbers.

        Args:
            args: for a pointer a contiguous NumPy array or CPU tensor of its type, or None; for the
                rest numbers.
            check, trace, shuffle, time_limit: as for emulator.run.
            fresh: parameters whose arrays count as not yet written (an output that comes from
                torch.empty): reading them before writing is then a finding.
        """
        kernel, watched = self.kernel, check or bool(trace)
        library, number, takes = kernel.program.entry(kernel.name, watched)
        packed = arguments.pack(kernel.name, kernel.declaration.parameters, takes, args)
        for name in fresh:
            if name not in packed.names:
                raise ValueError(
                    f"{kernel.name}: fresh must name array parameters, got {name!r}"
                )
        with session(check, trace, shuffle, time_limit) as run:
            engine().raise_dynamic_limit(self.shared)
            with arguments.placed(packed, watched, fresh) as values:
                library.call(number, self.grid, self.block, self.shared, values)
        return run
