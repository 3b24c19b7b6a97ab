"""Records of JSON files: lists of dictionaries, read by columns, every rule worded once.

    read_json        what a file says, or where it stops being JSON
    line_of_record   where in the file a record begins: Python's reader does not tell
    Records          a list of dictionaries. Half a million of them are read without a Python object
                     being made for one; the first that does not fit is named:

    f: a.json, line 62: annotations[1] (id 12): area must be a finite number, got '9.5'
    f: truth['annotations'][1] (id 12): area must be a finite number, got '9.5'      (of no file)

JSON knows one kind of number: 40.0 is as whole as 40, and so it is here. A number in quotation
marks is none, and neither is `true`.
"""

import gc
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

NO_NUMBERS = (str, bytes, bytearray, bool, np.bool_, type(None))  # though numpy takes them
PLAIN = {int, float}
NO_ROWS = (str, bytes, bytearray, Mapping, set, frozenset)
MOST = 1e30  # its square fits into float64, and it into float32


def read_json(function: str, path: Path) -> Any:
    """Return what a file says.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON; the message names file, line and column.
    """
    data = path.read_bytes()
    # Python looks for garbage whenever many objects were made, and JSON makes millions, none of
    # them garbage: without the search, reading takes a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{function}: {path}, line {error.lineno}, column {error.colno}: must be JSON, "
            f"got: {error.msg}"
        ) from None
    except (RecursionError, ValueError) as error:  # too deep; an encoding; a number without end
        raise ValueError(f"{function}: {path}: must be JSON, got: {error}") from None
    finally:
        if collecting:
            gc.enable()


def line_of_record(path: Path, key: str | None, place: int) -> int:
    """The line on which record `place` of the list `key` begins (None: the file is the list), in a
    file that is known to be JSON. It is walked through once more, which only an error is worth."""
    text = (data := path.read_bytes()).decode(json.detect_encoding(data))
    decode = json.JSONDecoder().raw_decode

    def skip(at: int) -> int:
        while text[at] in " \t\r\n,:":
            at += 1
        return at

    if key is None:
        at = text.index("[") + 1
    else:
        at, start = text.index("{") + 1, 0
        while text[skip(at)] != "}":
            name, at = decode(text, skip(at))
            start = skip(at) if name == key else start     # of a key written twice, the last counts
            _, at = decode(text, skip(at))
        at = start + 1
    for _ in range(place):
        _, at = decode(text, skip(at))
    return text.count("\n", 0, skip(at)) + 1


class Records:
    """A list of dictionaries.

    Args:
        function: heads the texts of errors.
        name: of the list: "detections", or, of the list `key` of a dictionary, that of the
            dictionary.
        path: the file that they are from, if there is one.
    """

    def __init__(
        self, function: str, name: str, records: Any, key: str | None = None,
        path: Path | None = None,
    ) -> None:
        self.function, self.path, self.key = function, path, key
        self.name = name if key is None else (key if path else f"{name}[{key!r}]")
        if isinstance(records, (Mapping, str, bytes)) or not isinstance(records, Sequence):
            what = f"must be a list of dictionaries, got {type(records).__name__}"
            if path:
                raise ValueError(f"{function}: {path}: {self.name} {what}")
            raise TypeError(f"{function}: {self.name} {what}")
        self.records: Sequence[Any] = records
        self.numbering: Sequence[int] = range(len(records))

    def chosen(self, rows: Sequence[int]) -> "Records":
        """Some of them, under the places that they have in the list."""
        some = copy(self)
        some.records, some.numbering = [self.records[i] for i in rows], rows
        return some

    def __len__(self) -> int:
        return len(self.records)

    def place(self, i: int) -> str:
        """Where a record lies, as messages begin."""
        record, i = self.records[i], self.numbering[i]
        place = f"{self.name}[{i}]"
        if isinstance(record, Mapping) and "id" in record:
            place += f" (id {_short(record['id'])})"
        if self.path:
            place = f"{self.path}, line {line_of_record(self.path, self.key, i)}: {place}"
        return f"{self.function}: {place}"

    def fail(self, i: int, rule: str, value: Any, key: str = "") -> NoReturn:
        """Say where the record lies that breaks a rule; `key`: of which entry."""
        what = f"{key} must {rule}" if key else f"must {rule}"
        raise ValueError(f"{self.place(i)}: {what}, got {_short(value)}") from None

    def dicts(self) -> Sequence[Mapping[str, Any]]:
        """The records, each known to be a dictionary."""
        if not all(issubclass(kind, Mapping) for kind in set(map(type, self.records))):
            for i, record in enumerate(self.records):
                if not isinstance(record, Mapping) and self.path:
                    self.fail(i, "be a dictionary", record)
                elif not isinstance(record, Mapping):
                    got = type(record).__name__
                    raise TypeError(f"{self.place(i)} must be a dictionary, got {got}") from None
        return self.records

    def has(self, key: str) -> np.ndarray:
        """(N,) bool: which records have it."""
        return np.fromiter((key in record for record in self.dicts()), bool, len(self))

    def listed(self, key: str) -> list[Any]:
        try:
            return list(map(itemgetter(key), self.records))
        except (KeyError, TypeError, IndexError):
            for i, record in enumerate(self.dicts()):
                if key not in record:
                    self.fail(i, f"have the key {key!r}", [*record])
            raise

    def numbers(self, key: str, rule: str, default: float | None = None) -> np.ndarray:
        """(N,) float64; `default`, if there is one, where a record has no such key."""
        if default is None:
            column = self.listed(key)
        else:
            column = [record.get(key, default) for record in self.dicts()]
        return self._array(
            key, column, _number, rule,
            fast=lambda: np.fromiter(
                column if all_numbers(column) else (), np.float64, len(column)
            ),
        )

    def rows(self, key: str, length: int, rule: str, none: list[int] | None = None) -> np.ndarray:
        """(N, length) float64, finite: a column of lists. `none`, if it is given, stands for an
        empty list, for null, and for the rows of records that have no such key."""

        def convert(row: Any) -> None:
            if isinstance(row, NO_ROWS) or len(row) != length or not all(map(_finite, row)):
                raise ValueError

        def fast() -> np.ndarray:
            kinds = set(map(type, column))
            if any(issubclass(kind, NO_ROWS) for kind in kinds) or set(map(len, column)) - {length}:
                raise ValueError
            if not all_numbers(chain.from_iterable(column)):
                raise TypeError
            return np.fromiter(chain.from_iterable(column), np.float64, len(column) * length)

        if none is None:
            column = self.listed(key)
        else:
            column = [record.get(key) for record in self.dicts()]
            column = [none if row is None or _is_empty(row) else row for row in column]
        return self._array(key, column, convert, rule, fast=fast, finite=True).reshape(-1, length)

    def whole(self, key: str, rule: str, default: float | None = None) -> np.ndarray:
        """(N,) float64 of whole numbers."""
        values = self.numbers(key, rule, default)
        self.where(key, np.isfinite(values) & (np.floor(values) == values), rule)
        return values

    def where(self, key: str, good: Any, rule: str) -> None:
        """Fail at the first record that is not good, (N,) bool."""
        for i in np.flatnonzero(~good)[:1]:
            self.fail(i, rule, self.records[i].get(key), key)

    def places(self, key: str, known: Mapping[Hashable, int], rule: str) -> np.ndarray:
        """(N,) int64: the places at which `known` has the values of a column."""

        def convert(value: Any) -> None:
            if isinstance(value, (bool, np.bool_)):
                raise KeyError
            known[value]

        def fast() -> np.ndarray:
            if any(issubclass(kind, (bool, np.bool_)) for kind in set(map(type, column))):
                raise KeyError
            return np.fromiter(map(known.__getitem__, column), np.int64, len(column))

        column = self.listed(key)
        return self._array(key, column, convert, rule, fast=fast)

    def ids(self, texts: bool) -> dict[Any, int]:
        """id -> place: whole numbers (or texts, where they may be), each its own."""
        rule = f"be a whole number{' or a text' if texts else ''}"
        ids = self.listed("id")
        for i, value in enumerate(ids):
            if type(value) is not int and not (texts and isinstance(value, str)):
                if not _is_whole(value):
                    self.fail(i, rule, value, "id")
                ids[i] = int(value)
        self.unique("id")
        if len({isinstance(id_, str) for id_ in ids}) == 2:
            i = [isinstance(id_, str) for id_ in ids].index(not isinstance(ids[0], str))
            self.fail(i, "be a number or a text as those of the others are", ids[i], "id")
        return {id_: i for i, id_ in enumerate(ids)}

    def repeated(self, key: str) -> tuple[int, int] | None:
        """The places of a record whose entry is that of an earlier one, and of the earlier one."""
        values = self.listed(key)
        try:
            if len(set(values)) == len(values):
                return None
        except TypeError:  # a list is no key
            values = [repr(value) for value in values]
        places: dict[Hashable, int] = {}
        for i, value in enumerate(values):
            if places.setdefault(value, i) != i:
                return i, places[value]
        return None

    def unique(self, key: str) -> None:
        """Fail at an entry that stands in an earlier record, too."""
        if again := self.repeated(key):
            i, other = again
            rule = f"be its own, not that of {self.name}[{other}]"
            self.fail(i, rule, self.records[i][key], key)

    def _array(
        self, key: str, column: list[Any], convert: Callable, rule: str, *,
        fast: Callable[[], np.ndarray], finite: bool = False,
    ) -> np.ndarray:
        faults = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
        try:
            values = fast()
            if not finite or (np.abs(values) < MOST).all():
                return values
        except faults:
            pass
        for i, value in enumerate(column):
            try:
                convert(value)
            except faults:
                self.fail(i, rule, value, key)
        raise TypeError(f"{self.function}: {self.name} must {rule} in each record's {key!r}")


def all_numbers(values: Any) -> bool:
    """Whether none is a text, a bool or null, which numpy takes for numbers."""
    kinds = set(map(type, values))
    return kinds <= PLAIN or not any(issubclass(kind, NO_NUMBERS) for kind in kinds)


def _is_empty(row: Any) -> bool:
    return hasattr(row, "__len__") and len(row) == 0


def _number(value: Any) -> float:
    if isinstance(value, NO_NUMBERS):
        raise TypeError
    return float(value)


def _finite(value: Any) -> bool:
    return abs(_number(value)) < MOST


def _is_whole(value: Any) -> bool:
    try:
        return _finite(value) and float(value) == int(value)
    except (TypeError, ValueError, OverflowError):
        return False


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:76] + " ..."
