"""CUDA kernels without a GPU: executed by the CPU thread by thread, and watched while they run.

    from edudet import emulator
    from edudet.ops import nms

    emulator.run(nms, boxes, scores, 0.5)                       # this library's own CUDA kernels
    print(emulator.run(nms, boxes, scores, 0.5, check=True))    # ... with what the checker saw

    program = emulator.compile(text_of_a_cu_file)               # your own
    program["scale"][blocks, threads](array, 2.0, len(array))

    _emulator.so     the engine and the checker, built from csrc/emulator
    rewrite.py       what must be changed in a .cu before g++ can read it
    program.py       compile and call a user's kernels: declarations.py finds them, building.py
                     calls the compiler, arguments.py converts what they are called with
    operators.py     run an operator of edudet on its emulated kernels
    session.py       one run: its options, its errors
    findings.py      what a check has found: races, stray accesses, slow lines
    lines.py         from addresses to source lines
"""

from edudet.emulator.building import CompileError
from edudet.emulator.findings import Access, Finding, LineStatistics, Run
from edudet.emulator.lines import Place
from edudet.emulator.operators import run
from edudet.emulator.program import Kernel, Program, compile
from edudet.emulator.session import EmulatorError

__all__ = [
    "Access",
    "CompileError",
    "EmulatorError",
    "Finding",
    "Kernel",
    "LineStatistics",
    "Place",
    "Program",
    "Run",
    "compile",
    "run",
]
