"""The versions in requirements/: all of them, and the same as those that are installed."""

import ast
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def lock(python):
    """{name: version}"""
    lines = (ROOT / "requirements" / f"{python}.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def project():
    # Python 3.10 cannot read the file; the others do.
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11: tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wanted(extras):
    """What pyproject.toml asks for, without the references of one extra to another."""
    table = project()["project"]
    lists = [table["dependencies"], *(table["optional-dependencies"][extra] for extra in extras)]
    found = [Requirement(text) for words in lists for text in words]
    return [requirement for requirement in found if requirement.name != "edudet"]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_all_that_the_project_asks_for(python):
    pins = lock(python)
    extras = project()["project"]["optional-dependencies"]
    build = [Requirement(text) for text in project()["build-system"]["requires"]]
    for requirement in [*wanted(extras), *build, Requirement("pip")]:
        place = {"python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker and not requirement.marker.evaluate(place):
            continue
        version = pins.get(canonicalize_name(requirement.name))
        assert version and requirement.specifier.contains(version), (requirement.name, version)


def test_what_is_one_is_one_in_all_of_them():
    """Weights and numbers were made with one torch."""
    assert {lock(python)["torch"] for python in PYTHONS} == {lock("3.11")["torch"]}
    names = [set(lock(python)) for python in PYTHONS]
    assert len(set.intersection(*names)) > 100


def test_the_script_knows_the_same_pythons_and_tools():
    text = (ROOT / "requirements" / "make_lock").read_text()
    assert all(f'"{python}"' in text for python in PYTHONS)
    assert sorted(path.stem for path in (ROOT / "requirements").glob("3.*.txt")) == sorted(PYTHONS)
    spec = importlib.util.spec_from_file_location("install", ROOT / "requirements" / "install.py")
    install = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install)
    build = {Requirement(text).name for text in project()["build-system"]["requires"]}
    assert build - {"torch"} == set(install.TOOLS) - {"pip"}


def test_each_command_asks_for_extras_that_exist():
    text = (ROOT / "Makefile").read_text()
    asked = {extra for words in re.findall(r"@\$\(INSTALL\) (.*)", text) for extra in words.split()}
    assert {"demo", "test", "lint"} <= asked
    assert asked <= set(project()["project"]["optional-dependencies"])
    # The first command is the one that everybody waits for.
    names = {requirement.name for requirement in wanted(["demo"])}
    assert names.isdisjoint({"jupyterlab", "mypy", "snakemake", "playwright", "pytest"})


def test_what_is_installed_is_what_is_locked():
    """All that edudet's extras bring, direct or not, as far as it is installed."""
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("this environment was not made by make")
    pins = lock("{}.{}".format(*sys.version_info))
    extras = importlib.metadata.metadata("edudet").get_all("Provides-Extra")
    todo = [("edudet", extra) for extra in ("", *extras)] + [("pip", ""), ("ninja", "")]
    seen, other = set(), []
    while todo:
        name, extra = todo.pop()
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that no command has asked for yet
        if name != "edudet" and found.version.split("+")[0] != pins.get(name):
            other.append((name, found.version, pins.get(name)))
        for text in found.requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                for part in ("", *needed.extras):
                    step = (canonicalize_name(needed.name), part)
                    if step not in seen:
                        seen.add(step)
                        todo.append(step)
    assert not other, "make_lock and `make` disagree: (name, installed, locked)"
    assert len(seen) > 20


def test_every_file_is_read_by_the_oldest_python():
    """install.py by older ones, too: it must be able to say what is wrong."""
    files = [
        path for room in ("edudet", "tests", "benchmarks") for path in (ROOT / room).rglob("*.py")
    ]
    files = [path for path in files if "hostile" not in path.parts]  # some are no Python on purpose
    assert len(files) > 300
    for path in [*files, ROOT / "setup.py"]:
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 10))
    ast.parse((ROOT / "requirements" / "install.py").read_text(), feature_version=(3, 7))
