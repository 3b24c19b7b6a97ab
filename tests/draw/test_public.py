"""The public figures: who uses them, and when they are loaded."""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

from edudet import draw

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "edudet" / "draw"
OPERATORS = {"ops", "proposals", "targets", "losses", "metrics"}


def files_of_figures():
    """Name -> the files of draw/ that define it at their top, as (..., room, stem)."""
    found = defaultdict(list)
    for path in sorted(FIGURES.rglob("[!_]*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Assign)):
                name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else node.name
                found[name].append(path.relative_to(FIGURES).with_suffix("").parts)
    return found


def users():
    """The text of every lesson, exercise, page of the docs and part of the library but draw/."""
    for path in ROOT.glob("edudet/**/*.py"):
        if FIGURES not in path.parents:
            yield path, path.read_text()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/**/*.md")]:
        yield path, path.read_text()
    for path in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("notebooks/[!.]*/*.ipynb")]:
        cells = json.loads(path.read_text())["cells"]
        yield path, "\n".join("".join(cell["source"]) for cell in cells)


def figures_in(text):
    """The names of draw/ that a text uses: draw.name, or imported from anywhere in draw/."""
    imported = re.findall(r"from edudet\.draw[\w.]* import (\([^)]*\)|[^#\n]+)", text)
    return {*re.findall(r"(?<![\w.])draw\.(\w+)", text), *re.findall(r"\w+", " ".join(imported))}


def test_the_uses_of_figures_are_seen():
    text = (
        "from edudet import draw\nfrom edudet.draw.ops.nms import (\n    a,\n    b,\n)\n"
        "    from edudet.draw import c, d  # why e\ndraw.f(my_draw.g, redraw.h)"
    )
    assert figures_in(text) == {"a", "b", "c", "d", "f"}


def test_public_is_what_two_use_and_what_draws_an_operator_step_by_step():
    files = files_of_figures()
    used = defaultdict(set)
    for path, text in users():
        for name in figures_in(text) & set(files):
            used[name].add(path)
    steps = {
        name for name, places in files.items()
        if any(where[0] in OPERATORS and name == f"step_{where[-1]}" for where in places)
    }  # fmt: skip
    shared = {name for name, paths in used.items() if len(paths) > 1}
    assert len(steps) > 8 and len(shared) > 40
    public = set(draw.__all__)
    assert not public - steps - shared, "for one lesson: imported from its module, not listed"
    assert not (steps | shared) - public, "used twice: to be listed in edudet/draw/__init__.pyi"


@pytest.mark.parametrize("name", draw.__all__)
def test_a_public_name_is_found_where_it_is_listed(name):
    (line,) = (
        line for line in (FIGURES / "__init__.pyi").read_text().splitlines()
        if line.endswith(f" import {name} as {name}")
    )  # fmt: skip
    module = import_module(line.split()[1])
    assert getattr(draw, name) is getattr(module, name)
    assert name in dir(draw) and name in vars(draw)  # the second time it is simply there


def test_the_list_holds_imports_only():
    lines = (FIGURES / "__init__.pyi").read_text().splitlines()
    assert len(lines) == len(draw.__all__) == len(set(draw.__all__))


def test_another_name_is_an_error_as_everywhere():
    with pytest.raises(AttributeError, match="has no attribute 'step_nothing'"):
        _ = draw.step_nothing
    with pytest.raises(ImportError, match="cannot import name 'step_nothing'"):
        from edudet.draw import step_nothing  # noqa: F401


def test_a_figure_is_loaded_when_it_is_asked_for():
    code = """
import sys
from edudet import draw
print(*sorted(m for m in sys.modules if m.startswith(("edudet.draw.", "torch", "matplotlib"))))
draw.step_nms
print(*sorted(m for m in sys.modules if m.startswith("edudet.draw.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = done.stdout.split("\n")[:2]
    assert before == ""
    top = ("boxes", "ops", "ops.nms", "steps", "style")
    assert after.split() == [f"edudet.draw.{name}" for name in top]
