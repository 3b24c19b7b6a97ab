"""One run on the emulator: its options go in, its errors and findings come out."""

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from edudet.emulator.findings import Run
from edudet.emulator.lines import Place, places

TRACE_LIMIT = 200_000  # accesses that `trace=True` keeps

_machine = threading.RLock()  # there is one, with one set of options


class EmulatorError(RuntimeError):
    """A kernel could not run, or did what would stop a GPU. `place`: the line, if it is known."""

    def __init__(self, message: str, place: Place | None = None):
        super().__init__(message)
        self.place = place


def engine() -> ModuleType:
    """The compiled module, or an error that says how to get it."""
    try:
        return importlib.import_module("edudet._emulator")
    except ImportError as error:
        raise EmulatorError(
            "edudet.emulator: the emulator is not built; run `make build`, and see `edudet info` "
            f"for what is missing ({error})"
        ) from None


@contextmanager
def session(check: bool, trace: bool | int, shuffle: int | None, time_limit: float | None
            ) -> Iterator[Run]:
    """Give a Run, which is filled in when the block ends. Failures of a kernel raise EmulatorError;
    under a check they are findings.
    """
    _check_options(trace, shuffle, time_limit)
    machine, run = engine(), Run()
    watched = check or bool(trace)
    limit = TRACE_LIMIT if trace is True else int(trace)
    with _machine:
        machine.take_failure()
        machine.configure(shuffle is not None, shuffle or 0, time_limit or 0.0)
        if watched:
            machine.start_check(limit)
        error: RuntimeError | None = None
        try:
            yield run
        except RuntimeError as raised:
            error = raised
        finally:
            machine.configure(False, 0, 0.0)
            if watched:
                machine.finish_check()
        failure = machine.take_failure()
        if failure is None and error is not None:
            raise error
        if watched:
            run.fill(machine.report())
        if failure is None:
            return
        run.error = _text(failure)
        if not watched or not run.findings:
            raise EmulatorError(run.error, places([failure])[0]) from error


def _text(failure: dict) -> str:
    place = places([failure])[0]
    known = place.line and str(place.line) not in failure["text"]
    return failure["text"] + (f", at {place}" if known else "")


def _check_options(trace: bool | int, shuffle: int | None, time_limit: float | None) -> None:
    if not isinstance(trace, int) or trace < 0:
        raise ValueError(
            f"emulator: trace must be True, False or a number of accesses, got {trace!r}"
        )
    if shuffle is not None and (not isinstance(shuffle, int) or not 0 <= shuffle < 2**64):
        raise ValueError(
            f"emulator: shuffle must be a seed (an integer ≥ 0) or None, got {shuffle!r}"
        )
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"emulator: time_limit must be seconds > 0 or None, got {time_limit!r}")
