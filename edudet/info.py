"""`edudet info`: every operator in every form on this machine, or the reason why not."""

import importlib
import pkgutil
import platform
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

import edudet
from edudet import native

GROUPS = ("boxes", "ops", "proposals", "targets", "losses", "metrics")
FORMS = ("loop", "vectorized", "native", "cuda", "emulated")
TITLES = ("loop", "vectorised", "C++", "CUDA", "CUDA emulated")
TABLE = re.compile(r"IMPLEMENTATIONS(?:_OF_([A-Z0-9_]+))?")  # what a table of forms is called


class Operator(NamedTuple):
    """A table of forms: one function of the library, written in several ways."""

    group: str
    stem: str                   # of its file
    function: str               # empty: the one that the file is called after
    forms: Mapping[str, Any]    # form -> function


def tables(module: ModuleType) -> dict[str, Mapping[str, Any]]:
    """Function -> its forms, for every table in a file; "" stands for the file's own function,
    which comes first."""
    found = {name: TABLE.fullmatch(name) for name in sorted(vars(module))}
    return {
        (match[1] or "").lower(): getattr(module, name) for name, match in found.items() if match
    }


def operators() -> Iterator[Operator]:
    """Every operator in several forms, file by file."""
    for group in GROUPS:
        package = importlib.import_module(f"edudet.{group}")
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            for function, forms in tables(module).items():
                yield Operator(group, found.name, function, forms)


def obstacle(operator: Operator, form: str) -> str | None:
    """Why `form` of an operator cannot run here; None if it can; "-" if it was never written."""
    if form in ("loop", "vectorized"):
        return None if form in operator.forms else "-"
    if "native" not in operator.forms:
        return "-"
    if form == "native":
        return native.missing("cpu")
    if not (native.SOURCES / "cuda" / f"{operator.stem}.cu").exists():
        return "-"
    reason = native.missing(form)
    if form == "cuda" and not reason and not torch.cuda.is_available():
        return "built; no CUDA device, or a torch without CUDA"
    return reason


def other_forms(operator: Operator) -> list[str]:
    """Forms with names of their own, such as the matrix of a convolution."""
    return [form for form in operator.forms if form not in FORMS]


def show() -> None:
    console = Console()
    table = Table(title="operators on this machine")
    table.add_column("operator", no_wrap=True)
    for title in TITLES:
        table.add_column(title)
    reasons: list[str] = []
    last = ""
    for operator in operators():
        if operator.group != last:
            table.add_section()
            table.add_row(f"[bold]edudet.{operator.group}")
        last, cells = operator.group, []
        for form in FORMS:
            reason = obstacle(operator, form)
            if reason and reason != "-":
                if reason not in reasons:
                    reasons.append(reason)
                cells.append(f"[yellow]no ({reasons.index(reason) + 1})")
            else:
                cells.append(reason or "[green]yes")
        name = f"    {operator.function}" if operator.function else f"  {operator.stem}"
        others = "".join(f"\n    {form}" for form in other_forms(operator))
        table.add_row(f"{name}[dim]{others}", *cells)
    console.print(table)
    for number, reason in enumerate(reasons, 1):
        console.print(f"({number}) {reason}", markup=False, highlight=False, soft_wrap=True)

    machine = Table("", "", title="machine", show_header=False)
    for name, value in facts():
        machine.add_row(name, value)
    console.print(machine)


def facts() -> Iterator[tuple[str, str]]:
    yield "edudet", edudet.__version__
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "torch", f"{torch.__version__}, CUDA {torch.version.cuda or 'none'}"
    yield "kernels' sources", str(native.SOURCES)
    yield "threads", f"{torch.get_num_threads()} (torch.set_num_threads changes it)"
    yield "CPU", torch.backends.cpu.get_cpu_capability()
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield f"cuda:{index}", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.device_count():
        yield "CUDA devices", "none"
