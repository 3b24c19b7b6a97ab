"""Lists of dictionaries from files: columns of numbers, and where a record lies that is broken."""

import gc
import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edudet.records import Records, line_of_record, read_json

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), st.text(),
    st.lists(st.floats()),
)  # fmt: skip


def of(*column, key="a", **more):
    return Records("f", "rows", [{key: value} for value in column], **more)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@given(st.lists(values, max_size=5))
def test_numbers_are_numbers_and_the_first_other_is_named(column):
    wrong = [i for i, value in enumerate(column) if not is_number(value)]
    if wrong:
        with pytest.raises(ValueError, match=rf"^f: rows\[{wrong[0]}\]: a must be a number, got "):
            of(*column).numbers("a", "be a number")
    else:
        read = of(*column).numbers("a", "be a number")
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, np.array(column, dtype=np.float64))


@given(st.lists(st.lists(values, min_size=1, max_size=3) | values, max_size=4))
def test_rows_are_finite_and_of_one_length(column):
    def good(row):
        return isinstance(row, list) and len(row) == 2 and all(
            is_number(value) and abs(value) < 1e30 for value in row
        )

    wrong = [i for i, row in enumerate(column) if not good(row)]
    if wrong:
        with pytest.raises(ValueError, match=rf"^f: rows\[{wrong[0]}\]: a must be two, got "):
            of(*column).rows("a", 2, "be two")
    else:
        assert of(*column).rows("a", 2, "be two").tolist() == column


@given(st.lists(values | st.integers(0, 5), max_size=5))
def test_ids_are_whole_and_each_its_own(column):
    def whole(value):
        good = is_number(value) and math.isfinite(value) and value == math.floor(value)
        return good and (isinstance(value, int) or abs(value) < 1e30)

    right = all(map(whole, column)) and len(set(column)) == len(column)
    if right:
        assert of(*column, key="id").ids(texts=False) == {v: i for i, v in enumerate(column)}
    else:
        with pytest.raises(ValueError, match=r"^f: rows\[\d\] \(id .*\): id must be (its|a wh)"):
            of(*column, key="id").ids(texts=False)


def test_other_numbers():
    column = [np.float32(0.5), np.int64(3), Decimal("2.5"), np.float16(1)]
    assert of(*column).numbers("a", "").tolist() == [0.5, 3, 2.5, 1]
    assert of(*column[1::2]).whole("a", "").tolist() == [3, 1]
    assert of((1, 2), [3, 4.5], np.array([5, 6])).rows("a", 2, "").tolist() == [
        [1, 2], [3, 4.5], [5, 6]
    ]  # fmt: skip
    for value in (np.True_, "5", b"5", math.inf, math.nan, 1.5, 10**400):
        with pytest.raises(ValueError, match=r"rows\[1\]: a must be whole, got"):
            of(5, value).whole("a", "be whole")
    for row in ("12", b"12", {1: 1, 2: 2}, {1, 2}, 12):
        with pytest.raises(ValueError, match=r"rows\[1\]: a must be two, got"):
            of([1, 2], row).rows("a", 2, "be two")


def test_what_is_not_there():
    records = Records("f", "rows", [{"a": 1}, {"b": 2}])
    assert records.has("a").tolist() == [True, False]
    assert records.numbers("a", "", default=7).tolist() == [1, 7]
    for read in (
        records.listed, lambda key: records.numbers(key, ""), lambda key: records.rows(key, 2, ""),
        lambda key: records.places(key, {1: 0}, ""), records.repeated, records.unique,
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"^f: rows\[1\]: must have the key 'a', got \['b'\]$"):
            read("a")
    rows = Records("f", "rows", [{"a": [1, 2]}, {}, {"a": None}, {"a": []}, {"a": np.zeros(0)}])
    assert rows.rows("a", 2, "", none=[0, 0]).tolist() == [[1, 2]] + [[0, 0]] * 4
    assert of().numbers("a", "").shape == (0,) and of().rows("a", 3, "").shape == (0, 3)


def test_places():
    known = {3: 0, "x": 1, 5: 2}
    assert of(5, "x", 3.0).places("a", known, "").tolist() == [2, 1, 0]
    for value in (4, True, None, [3], math.nan, "3"):
        with pytest.raises(ValueError, match=r"rows\[1\]: a must be known, got"):
            of(3, value).places("a", {**known, 1: 9}, "be known")


def test_repeated():
    assert of(1, 2, 3).repeated("a") is None and of(1, 2, 1, 2).repeated("a") == (2, 0)
    assert of([1], [2], [1]).repeated("a") == (2, 0) and of("x", 1, 1.0).repeated("a") == (2, 1)


def test_no_records():
    for rows in ({}, "text", None, 5):
        with pytest.raises(TypeError, match=r"^f: rows must be a list of dictionaries, got "):
            Records("f", "rows", rows)
    with pytest.raises(TypeError, match=r"^f: rows\[1\] must be a dictionary, got int$"):
        Records("f", "rows", [{"a": 1}, 5]).numbers("a", "")


def test_the_place_in_a_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"x": [1, 2],\n "rows": [\n {"id": 7, "a": 1},\n {"id": 8, "a": "1"}]}')
    records = Records("f", "truth", read_json("f", path)["rows"], "rows", path)
    with pytest.raises(ValueError, match=r"a\.json, line 4: rows\[1\] \(id 8\): a must be 1, got"):
        records.numbers("a", "be 1")
    with pytest.raises(ValueError, match=r"a\.json, line 4: rows\[1\] \(id 8\): a must be 1, got"):
        records.chosen([1]).numbers("a", "be 1")
    inside = Records("f", "truth", records.records, "rows")
    with pytest.raises(ValueError, match=r"^f: truth\['rows'\]\[1\] \(id 8\): a must be 1, got '1"):
        inside.numbers("a", "be 1")
    with pytest.raises(ValueError, match=r"^f: .*a\.json: rows must be a list of dict.*, got str"):
        Records("f", "truth", "text", "rows", path)


def test_lines(tmp_path):
    path = tmp_path / "a.json"
    for text in ('[\n1,\n\n{"a": [2]}, 3]', '{"b": {"rows": [0]}, "rows":\n[1,\n\n{}, 3]}',
                 '{"rows": [9, 9, 9], "rows":\n[1,\n\n{}, 3]}'):  # fmt: skip
        path.write_text(text)
        key = None if text.startswith("[") else "rows"
        assert [line_of_record(path, key, i) for i in range(3)] == [2, 4, 4]


def test_reading(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a":\n }')
    with pytest.raises(ValueError, match=r"^f: .*a\.json, line 2, column 2: must be JSON, got: E"):
        read_json("f", path)
    assert gc.isenabled()
    path.write_text(json.dumps([1, {"a": 2.5}]))
    assert read_json("f", path) == [1, {"a": 2.5}]
    gc.disable()
    try:
        read_json("f", path)
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(OSError, match="none"):
        read_json("f", tmp_path / "none.json")
