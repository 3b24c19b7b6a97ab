"""Tables of forms: one name, keys that agree with the functions; `edudet info` sees them all."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, SimpleNamespace

import pytest
from click.testing import CliRunner

import edudet
from edudet import info
from edudet.cli import main

FORMS = ("loop", "vectorized", "native")
# What is shown and taught, and what comes with a part that may not be installed, has no forms.
WITHOUT_FORMS = {
    "cases", "draw", "emulator", "course", "exercises", "grading", "student", "studies", "demo",
    "cli",
}  # fmt: skip


def modules():
    for room in pkgutil.iter_modules(edudet.__path__):
        if room.ispkg and room.name not in WITHOUT_FORMS:
            package = importlib.import_module(f"edudet.{room.name}")
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                if not found.ispkg:
                    yield importlib.import_module(found.name)


MODULES = [pytest.param(module, id=module.__name__) for module in modules()]


def functions_of(entry):
    """The functions of one form: one, or several that belong together."""
    return list(entry) if isinstance(entry, tuple) else [entry]


def faults(module):
    """What is wrong with the tables of a module, in words."""
    tables = {
        name: value for name, value in vars(module).items()
        if info.TABLE.fullmatch(name) and isinstance(value, Mapping)
    }  # fmt: skip
    listed = set()
    for name, table in tables.items():
        bases = []
        for form, entry in table.items():
            functions = functions_of(entry)
            listed |= {function.__name__ for function in functions}
            wrong = [f.__name__ for f in functions if not f.__name__.endswith(f"_{form}")]
            if wrong:
                yield f"{name}[{form!r}] is {', '.join(wrong)}"
            bases.append([function.__name__.removesuffix(f"_{form}") for function in functions])
        if len(table) < 2:
            yield f"{name} has {len(table)} forms"
        if any(other != bases[0] for other in bases[1:]):
            yield f"{name} holds forms of several functions: {bases}"
        of = info.TABLE.fullmatch(name)[1]
        if of and bases and bases[0] != [of.lower()]:
            yield f"{name} holds forms of {bases[0][0]}"
    if tables and "IMPLEMENTATIONS" not in tables:
        yield f"{', '.join(tables)}, but no IMPLEMENTATIONS"
    for name, value in vars(module).items():
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        form = re.fullmatch(rf"[a-z]\w*_({'|'.join(FORMS)})", name)
        if own and form and name not in listed:
            yield f"{name} is in no table"
        if isinstance(value, Mapping) and name not in tables and set(value) & set(FORMS):
            yield f"{name} is a table of forms with a name of its own"


@pytest.mark.parametrize("module", MODULES)
def test_tables_and_functions_agree(module):
    assert not list(faults(module))


def test_every_room_with_tables_is_looked_at():
    rooms = {module.__name__.split(".")[1] for module in modules() if info.tables(module)}
    assert rooms == set(info.GROUPS)
    found = {(operator.group, operator.stem, operator.function) for operator in info.operators()}
    assert found == {
        (*module.__name__.split(".")[1:], function)
        for module in modules() for function in info.tables(module)
    }  # fmt: skip
    assert len(found) > 60


def sample(names, **tables):
    """A module `sample` with functions of these names, and tables that name them."""
    module = SimpleNamespace(__name__="sample")
    for name in names:
        function = FunctionType((lambda: None).__code__, {"__name__": "sample"}, name)
        setattr(module, name, function)
    for name, table in tables.items():
        setattr(module, name, {form: getattr(module, f) for form, f in table.items()})
    return module


GOOD = {"loop": "f_loop", "native": "f_native"}


@pytest.mark.parametrize(
    ("names", "tables", "fault"),
    [
        (["f_loop", "f_native"], {"IMPLEMENTATIONS": GOOD}, None),
        (["f", "_f_loop"], {}, None),
        (["f_loop", "f_native"], {}, "f_loop is in no table"),
        (["f_loop", "f_native"], {"FORMS": GOOD}, "FORMS is a table of forms with a name of its"),
        (["f_loop", "f_native", "g_loop"], {"IMPLEMENTATIONS": GOOD}, "g_loop is in no table"),
        (
            ["f_loop", "f"], {"IMPLEMENTATIONS": {"loop": "f_loop", "native": "f"}},
            "IMPLEMENTATIONS['native'] is f",
        ),
        (
            ["f_loop", "g_native"], {"IMPLEMENTATIONS": {"loop": "f_loop", "native": "g_native"}},
            "IMPLEMENTATIONS holds forms of several functions",
        ),
        (["f_loop"], {"IMPLEMENTATIONS": {"loop": "f_loop"}}, "IMPLEMENTATIONS has 1 forms"),
        (
            ["f_loop", "f_native"], {"IMPLEMENTATIONS": GOOD, "IMPLEMENTATIONS_OF_G": GOOD},
            "IMPLEMENTATIONS_OF_G holds forms of f",
        ),
        (["f_loop", "f_native"], {"IMPLEMENTATIONS_OF_F": GOOD}, "but no IMPLEMENTATIONS"),
    ],
)  # fmt: skip
def test_faults_are_found(names, tables, fault):
    found = list(faults(sample(names, **tables)))
    assert any(fault in one for one in found) if fault else not found


def test_info_prints_every_one():
    """In its group and below its file, with a cell for each form, and the forms of other names."""
    result = CliRunner().invoke(main, ["info"])
    assert result.exit_code == 0
    rows = [line.split("│")[1:-1] for line in result.output.splitlines() if line.startswith("│")]
    rows = [row for row in rows if len(row) == 1 + len(info.FORMS)]
    printed, group, stem, last = {}, "", "", []
    for first, *cells in rows:
        name, cells = first.strip(), [cell.strip() for cell in cells]
        if name.startswith("edudet."):
            group = name.removeprefix("edudet.")
        elif any(cells):
            function = name if first.startswith(" " * 5) else ""
            stem, last = stem if function else name, []
            printed[group, stem, function] = (cells, last)
        else:
            last.append(name)
    for operator in info.operators():
        cells, others = printed.pop((operator.group, operator.stem, operator.function))
        assert others == info.other_forms(operator)
        for form, cell in zip(info.FORMS, cells, strict=True):
            assert (cell == "-") == (info.obstacle(operator, form) == "-")
    assert not printed


# What widens 16-bit numbers, what lists the floats, who chooses one for autocast, and who packs the
# bytes of each.
NAME_BOTH_HALVES = {"dtypes.py", "check.py", "training/state.py", "emulator/arguments.py"}


def names_both_halves(source):
    """Whether code (not docstrings or comments) names both torch.float16 and torch.bfloat16, or
    asks for the tuple of the two."""
    named = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Attribute, ast.Name))
    }  # fmt: skip
    return {"float16", "bfloat16"} <= named or {"half", "bfloat16"} <= named


@pytest.mark.parametrize(
    ("source", "both"),
    [
        ("x.float() if x.dtype in (torch.float16, torch.bfloat16) else x", True),
        ("x.dtype == torch.half or x.dtype == torch.bfloat16", True),
        ("from torch import bfloat16, float16\nHALVES = float16, bfloat16", True),
        ("torch.bfloat16", False),
        ('"""float16 and bfloat16"""  # torch.float16, torch.bfloat16', False),
    ],
)
def test_what_names_both_halves(source, both):
    assert names_both_halves(source) == both


def test_16_bit_is_widened_in_one_place():
    root = Path(edudet.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py") if names_both_halves(path.read_text())
    }  # fmt: skip
    assert found == NAME_BOTH_HALVES, "use edudet.dtypes.widen"
