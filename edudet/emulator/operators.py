"""Run an operator of edudet with its CUDA kernels, on CPU tensors."""

from collections.abc import Callable
from typing import Any

from edudet import native
from edudet.emulator.session import EmulatorError, session


def run(function: Callable, *args: Any, check: bool = False, trace: bool | int = False,
        shuffle: int | None = None, time_limit: float | None = None, **kwargs: Any) -> Any:
    """Call `function(*args, **kwargs)` with the CUDA kernels executed by the emulator.

    Args:
        function: an operator (`nms`) or its kernel form (`nms_native`), on CPU tensors.
        check: watch every memory access; see Run for what comes back.
        trace: also keep the accesses in their order: True, or how many at most.
        shuffle: a seed: run blocks and threads in an order drawn from it, instead of counting up.
        time_limit: seconds that one kernel may take.

    Returns:
        What the function returns; with `check` or `trace` a Run, which has it as `result`.
    """
    watched = check or bool(trace)
    name = "checked" if watched else "emulated"
    reason = native.missing(name)
    if reason:
        raise EmulatorError(f"emulator.run: {reason}")
    with session(check, trace, shuffle, time_limit) as done, native.namespace(f"edudet_{name}"):
        done.result = function(*args, **kwargs)
    return done if watched else done.result
