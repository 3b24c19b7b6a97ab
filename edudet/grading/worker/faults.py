"""Arrays between fences for compiled answers, and what such an answer did when it hit one.

    | forbidden page | filling ............ array | forbidden page |

A step over the end of an array ends the process, and a handler says first which array it
was and at which line. A write before the beginning changes the filling.
"""

import ctypes
import mmap
import os
import platform
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

PAGE = mmap.PAGESIZE
FILLING = 0xA5  # as a float -2.9e-16, as an index far outside
SIGNALS = {
    signal.SIGSEGV: "out of bounds", signal.SIGBUS: "out of bounds",
    signal.SIGFPE: "arithmetic fault", signal.SIGABRT: "exception",
}  # fmt: skip
# Where a handler's third argument holds the address of the instruction, and the stack pointer.
REGISTERS = {"x86_64": (168, 160), "aarch64": (440, 432)}
SI_KERNEL = 128  # of an instruction that is forbidden, not an address
M_PERTURB, SA_SIGINFO, SA_ONSTACK = -6, 4, 0x08000000
NOWHERE = "reaches memory where no array is: is an index or a pointer rubbish?"
STACK_BYTES, STACK_REACH = 1 << 20, 1 << 16
MOST_LINES = 20_000

_libc = ctypes.CDLL(None, use_errno=True)
_alive: list[Any] = []  # what the C library keeps pointers to


@dataclass
class Fenced:
    """A copy of an array that ends where a forbidden page begins."""

    name: str
    array: numpy.ndarray
    begin: int  # of the readable memory
    address: int
    end: int

    def is_broken(self) -> bool:
        filling = ctypes.string_at(self.begin, self.address - self.begin)
        return filling.count(FILLING) != len(filling)


def fence(name: str, array: numpy.ndarray) -> Fenced:
    size = -(-array.nbytes // PAGE) * PAGE or PAGE
    memory = mmap.mmap(-1, size + 2 * PAGE)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + PAGE
    end = begin + size
    _alive.append(memory)
    ctypes.memset(begin, FILLING, size)
    for page in (begin - PAGE, end):
        _libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), 0)
    copy = numpy.frombuffer(memory, array.dtype, array.size, PAGE + size - array.nbytes)
    copy = copy.reshape(array.shape)
    copy[...] = array
    return Fenced(name, copy, begin, end - array.nbytes, end)


def perturb_allocations() -> None:
    """Memory from new and malloc holds rubbish from now on, the same on every machine."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(M_PERTURB, FILLING)


class _Action(ctypes.Structure):
    _fields_ = [
        ("handler", ctypes.c_void_p), ("mask", ctypes.c_ubyte * 128), ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]  # fmt: skip


class _Info(ctypes.Structure):
    _fields_ = [
        ("file", ctypes.c_char_p), ("base", ctypes.c_size_t), ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_size_t),
    ]  # fmt: skip


class _Stack(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def on_fault(
    library: Path, table: dict[str, Any], fences: list[Fenced], tell: Callable[[str], None]
) -> None:
    """When the process faults, `tell` what is known of it, and end it. `table`: of `line_table`."""

    def handle(number: int, info: int, context: int) -> None:
        _libc.alarm(2)  # where the heap is damaged, too little may work to say so
        at, stack = _registers(context)
        code, address = (ctypes.c_int.from_address(info + 8).value,
                         ctypes.c_size_t.from_address(info + 16).value)  # fmt: skip
        place = _place(at, library, table)
        if code == SI_KERNEL and address == 0 and not place:  # an abort() that may send no signal
            number = signal.SIGABRT
        kind, what = SIGNALS[signal.Signals(number)], _what(number, address, fences)
        if code == SI_KERNEL and place:
            what = NOWHERE
        if number == signal.SIGSEGV and abs(address - stack) < STACK_REACH:
            kind, what = "stack overflow", "a recursion without end, or arrays too large for it"
        tell(f"{kind}: {place}".rstrip(": ") + f"; {what}")
        os._exit(0)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t)(handle)
    memory = ctypes.create_string_buffer(STACK_BYTES)  # a stack that has overflowed is of no use
    stack = _Stack(ctypes.addressof(memory), 0, STACK_BYTES)
    action = _Action(ctypes.cast(handler, ctypes.c_void_p).value, flags=SA_SIGINFO | SA_ONSTACK)
    _alive.extend((handler, memory, stack, action))
    _libc.sigaltstack(ctypes.byref(stack), None)
    for number in SIGNALS:
        _libc.sigaction(int(number), ctypes.byref(action), None)


def _what(number: int, address: int, fences: list[Fenced]) -> str:
    if number == signal.SIGFPE:
        return "an integer is divided by 0"
    if number == signal.SIGABRT:
        return "abort(), an assertion that failed, or an exception that nothing catches"
    if address < PAGE:
        return "a null pointer is followed"
    for fenced in fences:
        if fenced.end <= address < fenced.end + PAGE:
            return (f"reaches byte {address - fenced.address} of {fenced.name}, which has "
                    f"{fenced.array.nbytes} bytes")  # fmt: skip
        if fenced.begin - PAGE <= address < fenced.begin:
            return f"reaches {fenced.address - address} bytes before the beginning of {fenced.name}"
    return NOWHERE


def _registers(context: int) -> tuple[int, int]:
    places = REGISTERS.get(platform.machine())
    if places is None:
        return 0, 0
    at, stack = (ctypes.c_size_t.from_address(context + place).value for place in places)
    return at, stack


def _place(at: int, library: Path, table: dict[str, Any]) -> str:
    """The line of the instruction `at`, as FILE:LINE, if it is one of the answer's own."""
    info = _Info()
    found = _libc.dladdr(ctypes.c_void_p(at), ctypes.byref(info))
    if not found or (info.file or b"").decode() != str(library):
        return ""
    line = table.get("lines", {}).get(f"{at - info.base:x}")
    return f"{table.get('file')}:{line}" if line else ""


def line_table(library: str, file: str) -> dict[str, Any]:
    """The lines of `file` that the instructions of a library with debug information come from."""
    if not (shutil.which("objdump") and shutil.which("addr2line")):
        return {}
    text = _output("objdump", "-d", "-j", ".text", "--no-show-raw-insn", library)
    offsets = re.findall(r"^\s*([0-9a-f]+):\s", text, re.MULTILINE)[:MOST_LINES]
    lines = {}
    # What was inlined from the system's headers counts for the line of the answer that called it.
    for part in re.split(r"^0x", _output("addr2line", "-a", "-i", "-e", library, *offsets),
                         flags=re.MULTILINE)[1:]:  # fmt: skip
        own = re.search(rf"[/\n]{re.escape(file)}:(\d+)", part)
        if own:
            lines[part.split("\n", 1)[0].lstrip("0")] = int(own[1])
    return {"file": file, "lines": lines}


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout
