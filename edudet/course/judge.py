"""Is the answer right, and if not: where is the first difference?

Answers have come over the wire: numpy arrays, numbers, texts, lists and dicts, never objects of the
student's. A list of numbers is as good as a tensor of them.
"""

from typing import Any

import numpy


def difference(
    expected: Any, got: Any, tolerance: tuple[float, float] = (0.0, 0.0),
    place: str = "the result", kinds: bool = True,
) -> str | None:  # fmt: skip
    """What is wrong with `got`, or None if it is right.

    Shapes and kinds (integer, float, bool) must be those of `expected`; floats may differ by
    absolute + relative * |expected|, and infinities and NaN not at all. Without `kinds`, 1 is
    as good as 1.0.
    """
    if isinstance(expected, dict):
        if not isinstance(got, dict) or sorted(got) != sorted(expected):
            return f"{place} must be a dict of {', '.join(sorted(expected))}; got {_shown(got)}"
        parts = [(f"{place}[{key!r}]", expected[key], got[key]) for key in expected]
    elif isinstance(expected, (list, tuple)) and not _is_numbers(expected):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            return f"{place} must be {len(expected)} things in a row; got {_shown(got)}"
        parts = [(f"{place}[{i}]", expected[i], got[i]) for i in range(len(expected))]
    elif expected is None or isinstance(expected, str):
        if type(got) is type(expected) and got == expected:
            return None
        return f"{place}: expected {_shown(expected)}, got {_shown(got)}"
    else:
        return _numbers(expected, got, tolerance, place, kinds)
    for where, part, answer in parts:
        found = difference(part, answer, tolerance, where, kinds)
        if found:
            return found
    return None


def _is_numbers(value: Any) -> bool:
    """Whether a list is a row (or table) of numbers rather than a row of several results."""
    if isinstance(value, (list, tuple)):
        return all(_is_numbers(item) for item in value)
    return isinstance(value, (bool, int, float))


def _array(value: Any) -> numpy.ndarray | None:
    """Numbers as an array; None for what is no array of numbers."""
    try:
        array = numpy.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def _numbers(
    expected: Any, got: Any, tolerance: tuple[float, float], place: str, kinds: bool
) -> str | None:
    right, answer = _array(expected), _array(got)
    assert right is not None, f"the reference gave {expected!r}"
    if answer is None:
        return f"{place} must be {_kind(right)}; got {_shown(got)}"
    if answer.size == right.size == 0 and answer.shape == (0,) and isinstance(got, list):
        answer = numpy.zeros(right.shape, right.dtype)  # an empty list says no more than that
    if answer.shape != right.shape:
        parted = _parting(right, answer) if right.ndim == answer.ndim == 1 else ""
        return f"{place} must have shape {_shape(right)}; got shape {_shape(answer)}{parted}"
    if kinds and _family(answer) != _family(right):
        return f"{place} must be {_kind(right)}; got {_kind(answer)}"
    wrong = _wrong(right, answer, tolerance)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    where = f"{place}[{', '.join(map(str, index))}]" if index else place
    more = f"; {int(wrong.sum())} of {wrong.size} numbers differ" if wrong.size > 1 else ""
    return f"{where}: expected {right[index]!s}, got {answer[index]!s}{more}"


def _parting(right: numpy.ndarray, answer: numpy.ndarray) -> str:
    """Where two rows of different lengths begin to differ."""
    both = min(len(right), len(answer))
    unlike = right[:both] != answer[:both]
    i = int(unlike.argmax()) if unlike.any() else both
    wanted, got = (str(row[i]) if i < len(row) else "nothing" for row in (right, answer))
    return f"; they part at [{i}]: expected {wanted}, got {got}"


def _wrong(right: numpy.ndarray, answer: numpy.ndarray, tolerance: tuple[float, float]) -> Any:
    if right.dtype.kind != "f":
        return right != answer
    relative, absolute = tolerance
    right, answer = right.astype(numpy.float64), answer.astype(numpy.float64)
    same = (right == answer) | (numpy.isnan(right) & numpy.isnan(answer))
    with numpy.errstate(invalid="ignore"):
        near = numpy.abs(right - answer) <= absolute + relative * numpy.abs(right)
    return ~(same | (near & numpy.isfinite(right) & numpy.isfinite(answer)))


def _family(array: numpy.ndarray) -> str:
    return {"u": "i"}.get(array.dtype.kind, array.dtype.kind)


def _kind(array: numpy.ndarray) -> str:
    name = {"b": "bool", "i": "integers", "f": "floats"}[_family(array)]
    return name if array.ndim else {"bool": "a bool", "integers": "an integer"}.get(name, "a float")


def _shape(array: numpy.ndarray) -> str:
    return str(tuple(array.shape))


def _shown(value: Any) -> str:
    if isinstance(value, numpy.ndarray):
        return f"an array of shape {_shape(value)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
