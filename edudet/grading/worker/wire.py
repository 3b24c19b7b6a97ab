"""The wire between broker and worker: plain data and arrays, without pickle.

A message is a JSON header and the bytes of the arrays that it names:

    8 bytes   length of the header        8 bytes   length of all arrays
    header    nested lists, dicts, numbers, texts; {"array": [dtype, shape, first byte]}
    arrays    one after the other, C order

Reading trusts nothing: lengths are capped before memory is taken, dtypes and shapes must fit.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
)  # fmt: skip
MOST_HEADER = 1 << 20
MOST_DIMENSIONS = 8
MOST_DEPTH = 16
LENGTHS = struct.Struct("<QQ")


class BadMessage(Exception):
    """Bytes that are no message, or one that is too large."""


def encode(value: Any) -> bytes:
    """Write numpy arrays and plain data; a text that has no place on the wire raises TypeError."""
    blobs: list[bytes] = []
    length = 0

    def plain(item: Any) -> Any:
        nonlocal length
        if isinstance(item, numpy.ndarray):
            if item.dtype.name not in DTYPES:
                raise TypeError(f"an array of {item.dtype.name} cannot be sent")
            blobs.append(numpy.ascontiguousarray(item).tobytes())
            place = length
            length += len(blobs[-1])
            return {"array": [item.dtype.name, list(item.shape), place]}
        if item is None or type(item) in (bool, int, float, str):
            return item
        if isinstance(item, (list, tuple)):
            return {"tuple" if isinstance(item, tuple) else "list": [plain(i) for i in item]}
        if isinstance(item, dict) and all(type(key) is str for key in item):
            return {"dict": {key: plain(part) for key, part in item.items()}}
        raise TypeError(f"a {type(item).__name__} cannot be sent")

    header = json.dumps(plain(value)).encode()
    return LENGTHS.pack(len(header), length) + header + b"".join(blobs)


def size(prefix: bytes, most: int) -> int:
    """Bytes that follow the LENGTHS of a message; BadMessage if they are more than allowed."""
    header, arrays = LENGTHS.unpack(prefix)
    if header > MOST_HEADER or arrays > most:
        raise BadMessage(f"the answer is too large: {header + arrays} bytes")
    return header + arrays


def decode(message: bytes, most: int) -> Any:
    """Read a whole message of which the arrays take `most` bytes at most; BadMessage otherwise."""
    try:
        size(message[: LENGTHS.size], most)
        header, arrays = LENGTHS.unpack_from(message)
        body = memoryview(message)[LENGTHS.size :]
        if len(body) != header + arrays:
            raise BadMessage("the answer is cut short")
        return _value(json.loads(bytes(body[:header])), body[header:])
    except (
        ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError,
        struct.error,
    ) as error:  # fmt: skip
        raise BadMessage(f"the answer is no message: {error}") from None


def _value(item: Any, blobs: memoryview, depth: int = 0) -> Any:
    if depth > MOST_DEPTH:
        raise BadMessage(f"lists more than {MOST_DEPTH} deep")
    if not isinstance(item, dict):
        if isinstance(item, list):
            raise BadMessage("a bare list")
        return item
    ((kind, content),) = item.items()
    if kind == "array":
        dtype, shape, place = content
        return _array(dtype, shape, place, blobs)
    if kind == "dict":
        return {str(key): _value(part, blobs, depth + 1) for key, part in content.items()}
    parts = [_value(part, blobs, depth + 1) for part in content]
    return tuple(parts) if kind == "tuple" else parts


def _array(dtype: str, shape: list[int], place: int, blobs: memoryview) -> numpy.ndarray:
    if dtype not in DTYPES or len(shape) > MOST_DIMENSIONS:
        raise BadMessage(f"an array of {dtype} with {len(shape)} dimensions")
    if not all(type(n) is int and n >= 0 for n in (*shape, place)):
        raise BadMessage(f"an array of shape {shape}")
    length = math.prod(shape) * numpy.dtype(dtype).itemsize
    if place + length > len(blobs):
        raise BadMessage("an array is cut short")
    part = bytes(blobs[place : place + length])
    array = numpy.frombuffer(part, dtype).reshape(shape).copy()
    if dtype == "bool":  # a byte that is neither 0 nor 1 would be a bool with odd habits
        numpy.not_equal(array.view(numpy.uint8), 0, out=array)
    return array


def read(read_bytes: Callable[[int], bytes], most: int) -> Any:
    """Read one message through `read_bytes(n)`, which may give less than n; b"" is the end."""
    prefix = _exactly(read_bytes, LENGTHS.size)
    return decode(prefix + _exactly(read_bytes, size(prefix, most)), most)


def _exactly(read_bytes: Callable[[int], bytes], length: int) -> bytes:
    parts = []
    while length:
        part = read_bytes(min(length, 1 << 20))
        if not part:
            raise BadMessage("the answer is cut short")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
