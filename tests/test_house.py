"""The house: same stem, same concept, in every room; nothing lies outside a room."""

import ast
import re
from pathlib import Path

import pytest

from conftest import tracked_files

ROOT = Path(__file__).parents[1]
GROUPS = ["ops", "proposals", "targets", "losses", "metrics"]


def modules(folder):
    return [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]


CONCEPTS = [(group, p.stem) for group in GROUPS for p in modules(ROOT / "edudet" / group)]
COMPILED = sorted(path.stem for path in (ROOT / "csrc").glob("*.h"))

# The room `notebooks/*/{stem}.ipynb` joins when it is built.
ROOMS_OF_A_CONCEPT = ["edudet/cases/{}/{}.py", "tests/{}/test_{}.py"]
ROOMS_OF_A_KERNEL = ["edudet/*/{}.py", "csrc/cpu/{}.cpp", "csrc/bind/{}.cpp"]


@pytest.mark.parametrize("room", ROOMS_OF_A_CONCEPT)
def test_every_concept_is_in_the_room(room):
    missing = [stem for group, stem in CONCEPTS if not (ROOT / room.format(group, stem)).exists()]
    assert CONCEPTS and not missing, f"no {room} for: {', '.join(missing)}"


# Steps of another concept, which is asked for as a whole; and losses, which are a line each.
WITHOUT_AN_EXERCISE = {"coco", "coco_overlaps", "coco_records", "run_lengths", "colour_spaces"}


def test_every_concept_is_asked_for():
    asked = {path.parent.name for path in (ROOT / "edudet" / "exercises").glob("*/exercise.py")}
    missing = {stem for group, stem in CONCEPTS if group != "losses"} - asked - WITHOUT_AN_EXERCISE
    assert not missing, f"no exercise for: {', '.join(sorted(missing))}"


@pytest.mark.parametrize("room", ROOMS_OF_A_KERNEL)
def test_every_kernel_is_in_the_room(room):
    missing = [stem for stem in COMPILED if not list(ROOT.glob(room.format(stem)))]
    assert COMPILED and not missing, f"no {room} for: {', '.join(missing)}"


@pytest.mark.parametrize("group", GROUPS)
def test_no_case_without_a_concept(group):
    stray = {p.stem for p in modules(ROOT / "edudet" / "cases" / group)}
    stray -= {stem for _, stem in CONCEPTS}
    assert not stray, f"cases of nothing: {', '.join(sorted(stray))}"


@pytest.mark.parametrize("room", ["cpu/*.cpp", "cuda/*.cu", "cuda/*.cuh", "bind/*.cpp"])
def test_no_stray_kernel(room):
    stray = sorted({path.stem for path in (ROOT / "csrc").glob(room)} - set(COMPILED))
    assert not stray, f"csrc/{room} holds {', '.join(stray)} without a contract csrc/<stem>.h"


def test_every_launcher_has_its_kernels():
    launchers, kernels = (
        {path.stem for path in (ROOT / "csrc" / "cuda").glob(ending)}
        for ending in ("*.cu", "*.cuh")
    )
    assert launchers and launchers == kernels


def test_only_bindings_see_torch():
    rooms = ("common", "cpu", "cuda", "emulator")
    kernels = [p for room in rooms for p in (ROOT / "csrc" / room).rglob("*.*")]
    kernels += list((ROOT / "csrc").glob("*.h"))
    guilty = [p.name for p in kernels if {"torch/", "ATen/", "c10/"} & words(p)]
    assert kernels and not guilty, f"torch included outside csrc/bind: {guilty}"


def words(path):
    """The folders at the start of what a source file includes."""
    included = [line for line in path.read_text().splitlines() if line.startswith("#include")]
    return {line.split()[1].strip('<>"').split("/")[0] + "/" for line in included}


# A group may import from its own level and from those before it; `cases` import only themselves.
LEVELS = [
    {"check", "cases"},
    {"native"},
    {"boxes"},
    {"ops"},
    {"proposals", "targets", "losses", "metrics", "emulator", "draw"},
    {"data"},
    {"nn"},
    {"models"},
    {"explain", "training"},
    {"exercises", "grading", "demo", "studies", "info", "cli"},
]
LEVEL = {group: level for level, groups in enumerate(LEVELS) for group in groups}
ONLY_FROM_THE_TOP = {"draw", "emulator"}


def imported_groups(path):
    """The groups of edudet that a file imports, whatever the form of the import."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join((*package[: -node.level], *([base] if base else [])))
            names = [base] if "." in base else [f"{base}.{alias.name}" for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("edudet."))


@pytest.mark.parametrize(
    ("statement", "groups"),
    [
        ("import edudet.models.two_stage.rcnn", ["models"]),
        ("from edudet import native, check", ["native", "check"]),
        ("from edudet.ops.nms import nms", ["ops"]),
        ("from ..models import rcnn", ["models"]),
        ("from .. import draw", ["draw"]),
        ("def f():\n    import edudet.cli", ["cli"]),
        ("import torch", []),
    ],
)
def test_imports_are_seen(tmp_path, monkeypatch, statement, groups):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "edudet" / "ops" / "sample.py"
    path.parent.mkdir(parents=True)
    path.write_text(statement)
    assert list(imported_groups(path)) == groups


def test_imports_follow_the_arrow():
    for path in (ROOT / "edudet").rglob("*.py"):
        group = path.relative_to(ROOT / "edudet").parts[0].removesuffix(".py")
        if group in ("__init__", "__main__"):
            continue
        assert group in LEVEL, f"{path.name}: the arrow does not know {group}"
        for used in imported_groups(path):
            if used in (group, "__version__", "_emulator"):  # the last: a module written in C++
                continue
            assert used in LEVEL, f"{path.name} imports {used}, which the arrow does not know"
            allowed = LEVEL[used] <= LEVEL[group] and group != "cases"
            assert allowed, f"{path.name}: {group} must not import {used}"
            if used in ONLY_FROM_THE_TOP:
                top = LEVEL[group] == len(LEVELS) - 1
                assert top, f"{path.name}: only the top level and notebooks import {used}"


def test_a_paper_imports_no_configuration():
    """models/two_stage, ... hold papers; models/small and models/published are made of them."""
    models = ROOT / "edudet" / "models"
    made = {"models", "small", "published"}
    papers = [path for path in models.rglob("*.py") if path.parent.name not in made]
    guilty = [
        path.name for path in papers
        if re.search(r"(from|import) edudet\.models\.(small|published)", path.read_text())
    ]
    assert papers and not guilty


def test_no_room_without_a_name():
    tracked = tracked_files(ROOT)
    forbidden = {"utils", "common", "helpers", "misc"}
    guilty = [
        name for name in tracked if Path(name).suffix == ".py" and Path(name).stem in forbidden
    ]
    assert not guilty
