"""The compiled kernels: can one run on these tensors, and if not, why not.

Four libraries may lie beside this file, built by setup.py from csrc/:

    cpu        torch.ops.edudet for CPU tensors
    cuda       torch.ops.edudet for CUDA tensors
    emulated   torch.ops.edudet_emulated: the CUDA kernels, executed by the CPU
    checked    torch.ops.edudet_checked: the same, watched for races and stray accesses
"""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edudet import check

PACKAGE = Path(__file__).parent
# A wheel carries the kernels' sources inside the package; a checkout has them beside it.
SOURCES = PACKAGE / "csrc" if (PACKAGE / "csrc").is_dir() else PACKAGE.parent / "csrc"
LIBRARIES = {
    name: PACKAGE / f"_native_{name}.so" for name in ("cpu", "cuda", "emulated", "checked")
}
NAMESPACES = {"emulated": "edudet_emulated", "checked": "edudet_checked"}  # else: edudet

_loaded: set[str] = set()
_failures: dict[str, str] = {}
_registrations: dict[str, dict[str, Any]] = {}
_active = "edudet"


def load(name: str) -> None:
    """Load one of LIBRARIES if it is there; remember why not otherwise."""
    if name in _loaded or name in _failures:
        return
    if not LIBRARIES[name].exists():
        _failures[name] = f"the {name} kernels are not built: {_why_not_built(name)}"
        return
    try:
        if name in NAMESPACES:  # they are linked to the emulator, which must be one with Python's
            importlib.import_module("edudet._emulator")
        torch.ops.load_library(LIBRARIES[name])
    except (ImportError, OSError) as error:
        _failures[name] = f"the {name} kernels do not load, run `make build`: {error}"
        return
    _loaded.add(name)
    if name != "cuda":  # its operators are those of the CPU library
        for op, facts in _registrations.items():
            _register_in(NAMESPACES.get(name, "edudet"), op, **facts)


def _why_not_built(name: str) -> str:
    report = PACKAGE / "_build.json"
    reasons = json.loads(report.read_text()) if report.exists() else {}
    return reasons.get(name, "run `make build`")


def missing(name: str) -> str | None:
    """Say why the library `name` cannot be used, or None."""
    load(name)
    return _failures.get(name)


@contextmanager
def namespace(active: str) -> Iterator[None]:
    """Route `call` to the operators of another library, e.g. torch.ops.edudet_emulated."""
    global _active
    before, _active = _active, active
    try:
        yield
    finally:
        _active = before


def is_emulated() -> bool:
    """Whether `call` runs CUDA kernels on the CPU."""
    return _active != "edudet"


def obstacle(op: str, *tensors: Tensor, has_backward: bool = False) -> str | None:
    """Say what keeps the kernel of `op` from running on `tensors`, or None."""
    device = tensors[0].device.type
    library = "cuda" if device == "cuda" else "cpu"
    if is_emulated():
        if device != "cpu":
            return f"emulated kernels run on cpu tensors, not on {device}"
    elif device not in ("cpu", "cuda", "meta"):
        return f"there is no kernel for {device} tensors"
    elif library not in _loaded:
        return _failures[library]
    if (library == "cuda" or _active != "edudet") and not _has_kernel(_active, op, device):
        return f"{op} has no CUDA kernel"
    if not has_backward and check.requires_grad(*tensors):
        return f"the {op} kernel has no backward and an argument requires grad"
    if check.has_tangent(*tensors):
        return f"the {op} kernel has no forward-mode derivative"
    if check.in_transform(*tensors):
        return f"the {op} kernel does not take part in the transforms of torch.func"
    return None


def _has_kernel(space: str, op: str, device: str) -> bool:
    name = f"{space}::{op}"
    return hasattr(getattr(torch.ops, space), op) and (
        torch._C._dispatch_has_kernel_for_dispatch_key(name, device.upper())
    )


def require(op: str, *tensors: Tensor, has_backward: bool = False) -> None:
    """Raise RuntimeError if `obstacle` finds one."""
    reason = obstacle(op, *tensors, has_backward=has_backward)
    if reason:
        raise RuntimeError(f"{op}_native: {reason}")


def kernel(op: str) -> Callable:
    """The operator of the active library, for a gradient that is computed when it is no longer."""
    return getattr(getattr(torch.ops, _active), op).default


def call(op: str, function: str, *args: Any) -> Any:
    """Run the kernel of `op`; what it says of a bad value is raised as a ValueError of `function`.

    Under torch.compile the kernel runs after this function: the same text, as RuntimeError.
    """
    if torch.compiler.is_compiling():
        return kernel(op)(*args)
    try:
        return kernel(op)(*args)
    except RuntimeError as error:
        text = str(error)
        if not text.startswith(f"{op}: "):
            raise
    raise ValueError(function + text.removeprefix(op))


def register(op: str, **facts: Any) -> None:
    """Tell torch what else it must know of a kernel, in every library that has it.

    Args:
        op: the operator's name in torch.ops.edudet.
        facts: `fake(*args)` gives outputs of the right shape and dtype without computing them;
            `backward(ctx, *grads)` and `setup_context(ctx, inputs, output)` give its gradient.
            Without a backward, asking for a gradient raises instead of giving none; unless
            `returns_indices`, as nobody asks an index for its gradient. `autocast`: the dtype that
            its arguments are cast to under autocast.
    """
    _registrations[op] = facts
    for name in _loaded - {"cuda"}:
        _register_in(NAMESPACES.get(name, "edudet"), op, **facts)


def registered() -> list[str]:
    """The names of the operators that have kernels."""
    return sorted(_registrations)


def _register_in(
    space: str, op: str, fake: Callable, backward: Callable | None = None,
    setup_context: Callable | None = None, returns_indices: bool = False,
    autocast: torch.dtype | None = None,
) -> None:
    if not hasattr(getattr(torch.ops, space), op):  # no CUDA kernel that could be emulated
        return

    def no_backward(ctx: Any, *grads: Tensor) -> None:
        raise RuntimeError(f"{op}: this kernel has no backward; call edudet.ops.{op} instead")

    torch.library.register_fake(f"{space}::{op}", fake)
    if autocast:
        for device in ("cpu", "cuda"):
            torch.library.register_autocast(f"{space}::{op}", device, autocast)
    if not returns_indices:  # passing through torch's autograd costs 5 microseconds a call
        torch.library.register_autograd(
            f"{space}::{op}", backward or no_backward, setup_context=setup_context
        )


load("cpu")
load("cuda")
