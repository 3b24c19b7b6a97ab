import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edudet.grading.worker import wire

MOST = 1 << 20
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN)
def test_plain_data_comes_back(value):
    assert wire.decode(wire.encode({"x": value}), MOST) == {"x": value}


@pytest.mark.parametrize("dtype", wire.DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_arrays_come_back(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    back = wire.decode(wire.encode([array, (array, 1.5)]), MOST)
    assert isinstance(back[1], tuple) and back[1][1] == 1.5
    for one in (back[0], back[1][0]):
        assert one.dtype == array.dtype and one.shape == shape and (one == array).all()
        assert one.flags.writeable and one.flags.c_contiguous


@pytest.mark.parametrize("value", [object(), 1j, b"x", {1: 2}, np.zeros(2, complex), {1, 2}])
def test_what_has_no_place_is_refused(value):
    with pytest.raises(TypeError, match="cannot be sent"):
        wire.encode([value])


def message(header, arrays=b"", lengths=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return wire.LENGTHS.pack(*(lengths or (len(header), len(arrays)))) + header + arrays


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (b"", "no message"),
        (b"\xff" * 64, "too large"),
        (message({"dict": {}}, lengths=(1 << 40, 0)), "too large"),
        (message({"dict": {}}, lengths=(9, 1 << 40)), "too large"),
        (message({"dict": {}}, lengths=(200, 0)), "cut short"),
        (message(b"{"), "no message"),
        (message({"dict": {}, "list": []}), "no message"),
        (message([1, 2]), "bare list"),
        (message({"array": ["object", [1], 0]}, bytes(8)), "array of object"),
        (message({"array": ["float32", [2], 0]}, bytes(4)), "cut short"),
        (message({"array": ["float32", [1 << 40, 1 << 40], 0]}), "cut short"),
        (message({"array": ["float32", [-1], 0]}), "shape"),
        (message({"array": ["float32", [1], -4]}, bytes(8)), "shape"),
        (message({"array": ["float32", ["1"], 0]}, bytes(8)), "shape"),
        (message({"array": ["float32", [1] * 20, 0]}, bytes(8)), "dimensions"),
        (message({"array": 3}), "no message"),
        (message({"dict": [1]}), "no message"),
        (message(b'{"list": [' * 50 + b"]}" * 50), "deep"),
        (message(b'{"list": [' * 100_000 + b"]}" * 100_000, lengths=None), "large|no message"),
    ],
)  # fmt: skip
def test_hostile_bytes_are_bad_messages(hostile, reason):
    with pytest.raises(wire.BadMessage, match=reason):
        wire.decode(hostile, MOST)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_bad_message(data):
    header = struct.pack("<QQ", len(data), 0)
    with contextlib.suppress(wire.BadMessage):
        wire.decode(header + data, MOST)


def test_a_bool_is_0_or_1():
    array = wire.decode(message({"array": ["bool", [3], 0]}, bytes([0, 1, 7])), MOST)
    assert array.view(np.uint8).tolist() == [0, 1, 1]
