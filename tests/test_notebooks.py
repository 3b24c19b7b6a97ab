"""The notebooks as files: short, without outputs, listed, and about every operator."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(ROOT.rglob("*.ipynb"))
NAMES = [path.relative_to(ROOT).as_posix() for path in PATHS]
MOST_CELLS, MOST_LINES, MOST_COLUMNS = 30, 15, 100


@pytest.fixture(params=PATHS, ids=NAMES)
def notebook(request):
    return nbformat.read(request.param, 4)


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_no_outputs_are_kept_in_git(notebook):
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
        assert not cell.metadata
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_short_enough_to_read(notebook):
    assert len(notebook.cells) <= MOST_CELLS
    for source in code(notebook):
        lines = [line for line in source.splitlines() if line.strip()]
        assert len(lines) <= MOST_LINES, source
        assert max(map(len, lines)) <= MOST_COLUMNS, source


def test_it_asks_shows_and_checks(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert "?" in first.source, "the first cell asks the question"
    every = "\n".join(code(notebook))
    assert "draw" in every and "assert " in every
    assert "pip install" not in every and "http" not in every


def test_the_hook_strips_what_was_computed(tmp_path):
    """As `git commit` does it, after `make hooks`: the file is as it was before it was run."""
    (hook,) = yaml.safe_load((ROOT.parent / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = hook["hooks"]
    before = PATHS[0].read_text()
    notebook = nbformat.reads(before, 4)
    notebook.metadata.language_info |= {"version": "3.11.0", "mimetype": "text/x-python"}
    notebook.metadata["widgets"] = {}
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", text="computed")]
    dirty = tmp_path / "dirty.ipynb"
    nbformat.write(notebook, dirty)
    assert "computed" in dirty.read_text()
    subprocess.run([sys.executable, "-m", "nbstripout", *hook["args"], dirty], check=True)
    assert dirty.read_text() == before


def test_the_list_names_every_notebook():
    listed = re.findall(r"\]\(([\w/]+\.ipynb)\)", (ROOT / "README.md").read_text())
    assert sorted(set(listed)) == NAMES


# Taught with the models that they belong to: CornerNet and CenterNet.
WITH_THE_MODELS = {
    ("ops", "corner_pool"), ("targets", "center_targets"), ("targets", "corner_targets"),
    ("targets", "heatmaps"),
}  # fmt: skip
# Parts of another concept.
BEHIND = {
    ("metrics", "coco"), ("metrics", "coco_overlaps"), ("metrics", "coco_records"),
    ("metrics", "run_lengths"),
}  # fmt: skip


def test_every_operator_is_taught():
    text = "\n".join(source for path in PATHS for source in code(nbformat.read(path, 4)))
    missing = []
    for group in ("ops", "proposals", "targets", "metrics"):
        for path in sorted((ROOT.parent / "edudet" / group).glob("*.py")):
            names = re.findall(r"^(?:def|class) ([a-zA-Z]\w+)", path.read_text(), re.M)
            taught = any(re.search(rf"\b{name}\b", text) for name in names)
            if path.stem != "__init__" and not taught:
                missing.append((group, path.stem))
    untaught = set(missing) - BEHIND
    assert untaught <= WITH_THE_MODELS, f"no notebook speaks of {untaught - WITH_THE_MODELS}"
    assert untaught >= WITH_THE_MODELS, "taught by now: no exception is needed"
