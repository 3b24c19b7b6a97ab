"""From Python's arrays and numbers to the arguments of a kernel."""

import ctypes
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edudet.emulator.session import engine

# (kind, bytes) as csrc/emulator/entry.h describes a type: its name in CUDA, its arrays' dtypes.
# Masks of bits are unsigned in CUDA and signed in torch, so the unsigned take the signed too.
TYPES = {
    ("b", 1): ("bool", ("bool",)),
    ("i", 1): ("char", ("int8",)),
    ("i", 2): ("short", ("int16",)),
    ("i", 4): ("int", ("int32",)),
    ("i", 8): ("long long", ("int64",)),
    ("u", 1): ("unsigned char", ("uint8", "bool", "int8")),
    ("u", 2): ("unsigned short", ("uint16", "int16")),
    ("u", 4): ("unsigned int", ("uint32", "int32")),
    ("u", 8): ("unsigned long long", ("uint64", "int64")),
    ("f", 4): ("float", ("float32",)),
    ("f", 8): ("double", ("float64",)),
    ("h", 2): ("__half", ("float16",)),
    ("B", 2): ("__nv_bfloat16", ("bfloat16",)),
}
FORMATS = {"i": "bhiq", "u": "BHIQ"}  # of struct, for 1, 2, 4 and 8 bytes


@dataclass
class Array:
    """An argument that is memory. `owner` keeps it alive."""

    name: str
    address: int
    size: int
    read_only: bool
    owner: Any


@dataclass
class Packed:
    values: list[bytes | Array]

    @property
    def names(self) -> list[str]:
        return [value.name for value in self.values if isinstance(value, Array)]


def pack(kernel: str, names: Sequence[str], takes: list, args: tuple) -> Packed:
    """Check the arguments against what the kernel takes, and convert them."""
    names = [names[i] if i < len(names) else f"argument {i + 1}" for i in range(len(takes))]
    if len(args) != len(takes):
        wanted = ", ".join(f"{_type(take)} {name}" for name, take in zip(names, takes, strict=True))
        raise TypeError(f"{kernel}: arguments must be ({wanted}), got {len(args)} of them")
    values: list[bytes | Array] = []
    for name, take, arg in zip(names, takes, args, strict=True):
        convert = _array if take[1] else _number
        values.append(convert(f"{kernel}: {name}", name, take, arg))
    return Packed(values)


def _type(take: tuple) -> str:
    kind, pointer, read_only, size = take
    name = "void" if kind == "v" else TYPES.get((kind, size), (f"a type of {size} bytes",))[0]
    return f"{'const ' if read_only and pointer else ''}{name}{'*' if pointer else ''}"


def _array(where: str, name: str, take: tuple, arg: Any) -> bytes | Array:
    kind, _, read_only, size = take
    if arg is None:
        return struct.pack("P", 0)
    if isinstance(arg, torch.Tensor):
        if arg.device.type != "cpu":
            raise ValueError(f"{where} must be on the cpu, got {arg.device}")
        dtype, contiguous = str(arg.dtype).removeprefix("torch."), arg.is_contiguous()
        array = Array(name, arg.data_ptr(), arg.numel() * arg.element_size(), read_only, arg)
    elif isinstance(arg, np.ndarray):
        dtype, contiguous = arg.dtype.name, arg.flags.c_contiguous
        array = Array(name, arg.ctypes.data, arg.nbytes, read_only, arg)
        if not read_only and not arg.flags.writeable:
            raise ValueError(f"{where} must be a writeable array, got one that is read-only")
    else:
        raise TypeError(
            f"{where} must be an array or tensor ({_type(take)}), got {type(arg).__name__}"
        )
    allowed = TYPES.get((kind, size), ("", ()))[1]
    if allowed and dtype not in allowed:
        raise TypeError(f"{where} must be {allowed[0]} ({_type(take)}), got {dtype}")
    if not allowed and array.size % size:
        raise ValueError(f"{where} must have a multiple of {size} bytes, got {array.size}")
    if not contiguous:
        raise ValueError(f"{where} must be contiguous, got strides; pass .contiguous()")
    return array


def _number(where: str, name: str, take: tuple, arg: Any) -> bytes:
    kind, _, _, size = take
    if isinstance(arg, (torch.Tensor, np.ndarray)) and arg.ndim == 0:
        arg = arg.item()
    if isinstance(arg, np.generic):
        arg = arg.item()
    if kind == "s":
        if isinstance(arg, bytes) and len(arg) == size:
            return arg
        raise TypeError(f"{where} must be {size} bytes (a struct), got {type(arg).__name__}")
    if not isinstance(arg, (bool, int, float)) or (kind in "iu" and isinstance(arg, float)):
        raise TypeError(f"{where} must be a number ({_type(take)}), got {arg!r}")
    if kind == "b":
        return struct.pack("?", bool(arg))
    if kind in "iu":
        letter = FORMATS[kind][size.bit_length() - 1]
        try:
            return struct.pack(letter, int(arg))
        except struct.error:
            raise ValueError(f"{where} must fit into {_type(take)}, got {arg!r}") from None
    if kind == "B":
        return torch.tensor(arg, dtype=torch.bfloat16).view(torch.int16).numpy().tobytes()
    dtype = {2: np.float16, 4: np.float32, 8: np.float64}[size]
    with np.errstate(over="ignore"):  # too large a number becomes inf, as in C++
        return dtype(arg).tobytes()


@contextmanager
def placed(packed: Packed, watched: bool, fresh: Sequence[str]) -> Iterator[list[bytes]]:
    """Give the bytes of the arguments, with the arrays where the kernel is to find them.

    Under the checker it works on copies that stand far apart, so that no access out of one array's
    bounds falls into another; they are copied back in the end.
    """
    arrays = [value for value in packed.values if isinstance(value, Array)]
    if not watched:
        yield [_bytes(value) for value in packed.values]
        return
    machine = engine()
    moved: dict[int, int] = {}
    groups = _overlapping(arrays)
    copies = []
    try:
        for group in groups:
            begin = min(a.address for a in group)
            size = max(a.address + a.size for a in group) - begin
            if size == 0:
                continue
            copy = machine.allocate(size)
            copies.append((copy, begin, size, all(a.read_only for a in group)))
            ctypes.memmove(copy, begin, size)
            names = " = ".join(dict.fromkeys(a.name for a in group))
            machine.announce(copy, size, names, not all(a.name in fresh for a in group))
            moved.update({a.address: copy + a.address - begin for a in group})
        yield [_bytes(value, moved) for value in packed.values]
    finally:
        for copy, begin, size, read_only in copies:
            if not read_only:
                ctypes.memmove(begin, copy, size)
            machine.release(copy)


def _bytes(value: bytes | Array, moved: dict[int, int] | None = None) -> bytes:
    if isinstance(value, bytes):
        return value
    return struct.pack("P", (moved or {}).get(value.address, value.address))


def _overlapping(arrays: list[Array]) -> list[list[Array]]:
    """Arrays in groups of those that share memory (views of one tensor)."""
    groups: list[list[Array]] = []
    end = 0
    for array in sorted(arrays, key=lambda a: a.address):
        if groups and array.address < end:
            groups[-1].append(array)
        else:
            groups.append([array])
        end = max(end, array.address + array.size)
    return groups
