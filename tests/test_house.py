"""The house: same stem, same concept, in every room; nothing lies outside a room."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
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


# A group may import from its own level and from those before it, from `course` on only from those
# before it; `cases` import only themselves.
LEVELS = [
    {"check", "cases", "dtypes", "progress", "records"},
    {"native"},
    {"boxes"},
    {"ops", "draw"},
    {"proposals", "targets", "losses", "metrics", "emulator"},
    {"data"},
    {"nn"},
    {"models"},
    {"tasks", "explain"},
    {"training"},
    {"course"},
    {"exercises", "grading", "info"},
    {"student", "studies", "demo"},
    {"cli"},
]
LEVEL = {group: level for level, groups in enumerate(LEVELS) for group in groups}
ONLY_FROM_THE_COURSE_ON = {"draw", "emulator"}  # but tasks draw on demand


def level_of(path):
    """The level of a file's group; of a figure in a room of draw/, that of the room it draws."""
    group, *rest = path.relative_to(ROOT / "edudet").parts
    return LEVEL[rest[0] if group == "draw" and len(rest) > 1 else group.removesuffix(".py")]


def imports(path, on_demand=True):
    """(dotted name, names taken from it) of all that a file imports; also on demand, that is inside
    functions."""
    package = path.relative_to(ROOT).with_suffix("").parts
    tree = ast.parse(path.read_text())
    inside = {
        node for function in ast.walk(tree) if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }  # fmt: skip
    for node in ast.walk(tree):
        if node in inside and not on_demand:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join((*package[: -node.level], *([base] if base else [])))
            yield base, [alias.name for alias in node.names]


def imported_names(path, on_demand=True):
    """The dotted names that a file imports, whatever the form of the import."""
    for base, taken in imports(path, on_demand):
        yield from [f"{base}.{name}" for name in taken] or [base]


def imported_groups(path, on_demand=True):
    """The groups of edudet that a file imports."""
    names = imported_names(path, on_demand)
    return [name.split(".")[1] for name in names if name.startswith("edudet.")]


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
    assert imported_groups(path) == groups


def test_what_is_imported_on_demand(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "edudet" / "tasks" / "sample.py"
    path.parent.mkdir(parents=True)
    path.write_text("import edudet.ops\n\nclass A:\n    def f(self):\n        import edudet.draw\n")
    assert imported_groups(path) == ["ops", "draw"]
    assert imported_groups(path, on_demand=False) == ["ops"]


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
            late = level_of(path) >= LEVEL["course"]
            allowed = LEVEL[used] + late <= level_of(path) and group != "cases"
            assert allowed, f"{path.name}: {group} must not import {used}"
            if used in ONLY_FROM_THE_COURSE_ON:
                at_once = set(imported_groups(path, on_demand=False))
                drawn = (group, used) == ("tasks", "draw") and used not in at_once
                assert late or drawn, f"{path.name}: only the last levels import {used}"


def test_no_import_circle():
    """No file needs itself, through whatever others, wherever the imports stand."""
    files = {}
    for path in (ROOT / "edudet").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if path.stem == "__init__" else parts)] = path
    graph = {}
    for name, path in files.items():
        graph[name] = set()
        for base, taken in imports(path):
            inside = [f"{base}.{one}" for one in taken]
            graph[name] |= {file for file in inside if file in files}
            if base in files and not all(file in files for file in inside):
                graph[name].add(base)
        graph[name].discard(name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_a_figure_uses_those_of_its_room_and_of_rooms_before_it():
    """draw/ops knows draw/ops and the top of draw/; the style and the steps there know no room."""
    draw = ROOT / "edudet" / "draw"
    for path in draw.rglob("*.py"):
        for name in imported_names(path):
            room = draw / Path(*name.split(".")[2:3])
            if name.startswith("edudet.draw.") and room.is_dir():
                allowed = path.parent != draw and level_of(room / "x.py") <= level_of(path)
                assert allowed, f"{path.name} must not import {name}"


# The pyramid is taught as a model; what makes it is nn's, since several models share it.
DRAWN_ELSEWHERE = {("models", "fpn"): "nn"}


def test_a_figure_has_the_stem_of_what_it_draws():
    figures = [(p.parent.name, p.stem) for p in (ROOT / "edudet" / "draw").glob("*/[!_]*.py")]
    stray = [
        f"{room}/{stem}" for room, stem in figures
        if not list((ROOT / "edudet" / DRAWN_ELSEWHERE.get((room, stem), room)).rglob(f"{stem}.py"))
    ]  # fmt: skip
    assert set(DRAWN_ELSEWHERE) <= set(figures)
    assert not stray, f"figures of nothing: {', '.join(stray)}"


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


# What is shown to people is written with rich; all others say how far they are (progress.py).
ROOMS_WITH_RICH = {"progress", "emulator", "info", "grading", "student", "demo", "cli"}


def test_rich_is_for_what_is_shown():
    users = set()
    for path in (ROOT / "edudet").rglob("*.py"):
        if any(base.split(".")[0] == "rich" for base, _ in imports(path)):
            users.add(path.relative_to(ROOT / "edudet").parts[0].removesuffix(".py"))
    assert users == ROOMS_WITH_RICH


def test_no_room_without_a_name():
    tracked = tracked_files(ROOT)
    forbidden = {"utils", "common", "helpers", "misc"}
    guilty = [
        name for name in tracked if Path(name).suffix == ".py" and Path(name).stem in forbidden
    ]
    assert not guilty
