"""One test: load the student's file, call the function, send back what it returns."""

import builtins
import ctypes
import functools
import importlib
import linecache
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy

from . import faults, wire

MOST_LOG = 4000
BUILTIN_EXCEPTIONS = frozenset(
    name for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)


def serve(request: int, answer: int) -> None:
    """Read one request from `request`, write one answer to `answer`."""
    order = wire.read(lambda length: os.read(request, length), 1 << 32)
    os.close(request)
    # The answer's descriptor is no secret worth keeping: whatever is written there is an answer,
    # and a forged one is worth as much as a wrong one.
    send = functools.partial(_send, answer)
    send(KINDS[order["kind"]]({**order, "send": send}))


def _send(answer: int, reply: dict[str, Any]) -> None:
    view = memoryview(_encode(reply))
    while view:
        view = view[os.write(answer, view) :]


def _encode(reply: dict[str, Any]) -> bytes:
    try:
        return wire.encode(reply)
    except TypeError as error:
        return wire.encode({"unsendable": str(error)})
    except (MemoryError, RecursionError) as error:
        return wire.encode({"unsendable": f"the answer is too large: {type(error).__name__}"})


def call(order: dict[str, Any]) -> dict[str, Any]:
    """Make the calls of order["function"] in order["source"]; all results, or the first error."""
    name = order["name"]
    try:
        for extra, source in order["modules"].items():
            load(extra, source)
        function = getattr(load(name, order["source"]), order["function"], None)
        if not callable(function):
            return {"missing": order["function"]}
        return {"results": [_call(function, one["args"], one["grad"]) for one in order["calls"]]}
    except BaseException as error:  # SystemExit and KeyboardInterrupt are answers too
        return {"error": describe(error, f"{name}.py")}


def _call(function: Any, args: tuple[Any, ...], grad: numpy.ndarray | None) -> Any:
    inputs = tensors(args, grad is not None)
    result = function(*inputs)
    if grad is None:
        return plain(result)
    return plain([result, *gradients(result, inputs, grad)])


def load(name: str, source: str) -> types.ModuleType:
    """Make a module of a text, with source lines for its tracebacks."""
    file = f"{name}.py"
    module = types.ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    linecache.cache[file] = len(source), None, source.splitlines(True), file
    exec(compile(source, file, "exec"), module.__dict__)
    return module


def tensors(value: Any, requires_grad: bool = False) -> Any:
    """Arrays become torch tensors, inside lists, tuples and dicts as well."""
    import torch

    if isinstance(value, numpy.ndarray):
        tensor = torch.from_numpy(value)
        return tensor.requires_grad_(requires_grad and tensor.is_floating_point())
    if isinstance(value, (list, tuple)):
        return type(value)(tensors(item, requires_grad) for item in value)
    if isinstance(value, dict):
        return {key: tensors(item, requires_grad) for key, item in value.items()}
    return value


def gradients(result: Any, args: tuple[Any, ...], grad: numpy.ndarray) -> list[Any]:
    """The gradients of sum(result * grad) with respect to the float tensors among `args`."""
    import torch

    leaves = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.requires_grad]
    total = (result * torch.from_numpy(grad)).sum()
    return list(torch.autograd.grad(total, leaves, materialize_grads=True))


def plain_tuple(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments as they go over the wire: tensors become arrays, tuples stay tuples."""
    return tuple(
        plain_tuple(arg) if isinstance(arg, tuple) else plain(arg) for arg in args
    )


def plain(value: Any) -> Any:
    """Tensors become arrays; what has no place on the wire stays, for `wire.encode` to refuse."""
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()
    if isinstance(value, numpy.ndarray):
        return numpy.asarray(value)
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def describe(error: BaseException, file: str) -> dict[str, Any]:
    """What may be told of an exception: its built-in type, and the last line in the own file."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == file else None
    place = error.__traceback__
    while place:
        if place.tb_frame.f_code.co_filename == file:
            line = place.tb_lineno
        place = place.tb_next
    kind = type(error)
    known = kind.__name__ in BUILTIN_EXCEPTIONS and getattr(builtins, kind.__name__) is kind
    try:
        message = str(error)[:2000]
    except BaseException:  # it is the student's __str__
        message = ""
    name = kind.__name__ if known else None
    return {"type": name, "line": line, "message": message, "memory": kind is MemoryError}


def compile_cpp(order: dict[str, Any]) -> dict[str, Any]:
    """Compile a C++ answer to a shared library; its bytes are the reply."""
    for name, text in order["files"].items():
        Path(name).write_text(text)
    # Vectors know their bounds; a failed assertion says what was wrong.
    command = ["g++", "-std=c++17", "-O2", "-g", "-Wall", "-fPIC", "-fno-diagnostics-color", "-I.",
               "-D_GLIBCXX_ASSERTIONS"]  # fmt: skip
    try:
        # Variables without a value hold rubbish, the same on every machine, where g++ can do that.
        flag, probe = "-ftrivial-auto-var-init=pattern", ["-fsyntax-only", "-x", "c++", "/dev/null"]
        if subprocess.run([command[0], flag, *probe], capture_output=True).returncode == 0:
            command.append(flag)
        done = subprocess.run(
            [*command, "-shared", order["file"], "-o", "answer.so"], capture_output=True, text=True,
            errors="replace",
        )  # fmt: skip
    except OSError as error:
        return {"compiled": None, "log": f"g++ could not be run: {error}"}
    if done.returncode:
        return {"compiled": None, "log": done.stderr[:MOST_LOG]}
    return {
        "compiled": {"answer.so": _bytes_of("answer.so")}, "log": done.stderr[:MOST_LOG],
        "lines": faults.line_table("answer.so", order["file"]),
    }  # fmt: skip


def call_cpp(order: dict[str, Any]) -> dict[str, Any]:
    """Load a compiled answer and make the calls, every array between fences."""
    _write_all(order["compiled"])
    file = Path("answer.so").resolve()
    fences: list[faults.Fenced] = []
    faults.on_fault(file, order["lines"], fences, lambda text: order["send"]({"fault": text}))
    faults.perturb_allocations()
    library = ctypes.CDLL(str(file))
    try:
        function = getattr(library, order["function"])
    except AttributeError:
        return {"missing": order["function"]}
    function.restype = ctypes.c_int64 if order["returns"] else None
    results = []
    for one in order["calls"]:
        args = [
            faults.fence(name, value) if isinstance(value, numpy.ndarray) else value
            for name, value in zip(order["parameters"], one["args"], strict=True)
        ]
        fences[:] = [arg for arg in args if isinstance(arg, faults.Fenced)]
        returned = function(*map(_c_argument, args))
        for fenced in fences:
            if fenced.is_broken():
                return {"finding": f"out of bounds: writes before the beginning of {fenced.name}"}
        results.append([[args[i].array for i in order["outputs"]], returned])
    return {"results": results}


def _c_argument(value: Any) -> Any:
    if isinstance(value, faults.Fenced):
        return ctypes.c_void_p(value.address)
    if isinstance(value, (bool, int)):
        return ctypes.c_int64(value)
    return ctypes.c_float(value)


def compile_cuda(order: dict[str, Any]) -> dict[str, Any]:
    """Compile a CUDA answer for the emulator and its checker."""
    emulator = _emulator(order)
    try:
        program = emulator.compile(order["files"][order["file"]], order["file"])
        program.prepare()
    except emulator.EmulatorError as error:
        text = str(error).removeprefix("emulator.compile: ")
        text = text.removeprefix("the program does not compile\n")
        return {"compiled": None, "log": text[:MOST_LOG]}
    lines = importlib.import_module("edudet.emulator.lines")
    made = sorted(Path("cache").rglob("*.so"))
    return {
        "compiled": {path.name: _bytes_of(path) for path in made}, "log": "",
        "lines": {path.name: lines.table(path.resolve()) for path in made},
    }  # fmt: skip


def call_cuda(order: dict[str, Any]) -> dict[str, Any]:
    """Run the kernel of a compiled answer on the emulator, watched."""
    emulator = _emulator(order)
    place = Path("cache/edudet/emulator")
    place.mkdir(parents=True)
    _write_all(order["compiled"], place)
    lines = importlib.import_module("edudet.emulator.lines")
    for name, table in order["lines"].items():
        lines.remember((place / name).resolve(), table)
    program = emulator.compile(order["files"][order["file"]], order["file"])
    if order["function"] not in program.declarations:
        return {"missing": order["function"]}
    declared = program.declarations[order["function"]].parameters
    wanted = order["parameters"]
    if len(declared) != len(wanted):
        return {"signature": f"({', '.join(wanted)}), got ({', '.join(declared)})"}
    fresh = [declared[i] for i in order["fresh"]]
    results = []
    for one in order["calls"]:
        grid, block, shared = one["launch"]
        launcher = program[order["function"]][grid, block, shared]
        try:
            run = launcher(*one["args"], check=True, time_limit=None, fresh=fresh)
        except (TypeError, ValueError) as error:  # the emulator's, about a type
            return {"signature": str(error)[:500]}
        if run.findings:
            return {"finding": str(run.findings[0])[:2000]}
        results.append([[one["args"][i] for i in order["outputs"]], None])
    return {"results": results}


def _emulator(order: dict[str, Any]) -> types.ModuleType:
    """The emulator, without the operators that it emulates in the library."""
    sys.path.insert(0, order["kit"])
    os.environ["XDG_CACHE_HOME"] = str(Path("cache").resolve())
    for name, text in order["files"].items():
        Path(name).write_text(text)
    return importlib.import_module("edudet.emulator")


def _bytes_of(path: str | Path) -> numpy.ndarray:
    return numpy.frombuffer(Path(path).read_bytes(), numpy.uint8)


def _write_all(files: dict[str, numpy.ndarray], folder: Path = Path()) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content.tobytes())


KINDS = {
    "call": call, "compile_cpp": compile_cpp, "call_cpp": call_cpp, "compile_cuda": compile_cuda,
    "call_cuda": call_cuda,
}  # fmt: skip
