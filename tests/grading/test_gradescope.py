"""The Gradescope package: what is in it, and what its program writes."""

import json
import shutil
import zipfile

import pytest

from edudet.course import units
from edudet.grading import bundle, gradescope, gradescope_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bundle.build(tmp_path_factory.mktemp("course"), ["box_iou"])


@pytest.fixture
def root(tmp_path, made):
    """A tree as Gradescope's container has it."""
    shutil.copytree(made.folder, tmp_path / "source" / "bundle")
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission_metadata.json").write_text(json.dumps({"users": [{"id": 17}]}))
    return tmp_path


def test_the_zip_holds_programs_bundle_and_library(made, tmp_path):
    gradescope.pack(made.folder, tmp_path)
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        names = archive.namelist()
        for name in ("setup.sh", "run_autograder"):
            assert archive.getinfo(name).external_attr >> 16 & 0o111, f"{name} cannot be run"
        assert archive.read("setup.sh").startswith(b"#!/usr/bin/env bash")
        for name in ("bundle/manifest.json", "bundle/key", "edudet-source/setup.py",
                     "edudet-source/edudet/grading/worker/warm.py",
                     "edudet-source/csrc/nms.h"):  # fmt: skip
            assert name in names, name
        assert not [name for name in names if name.endswith((".so", ".pyc"))]
    first = (tmp_path / "autograder.zip").read_bytes()
    gradescope.pack(made.folder, tmp_path)
    assert (tmp_path / "autograder.zip").read_bytes() == first, "not reproducible"


def test_a_submission_gets_a_result(walls, root):
    source = units.load("box_iou").alternatives["loops"]
    (root / "submission" / "box_iou.py").write_text(source)
    gradescope_run.main(root)
    result = json.loads((root / "results" / "results.json").read_text())
    assert result["score"] == 10 and "Visible tests: 5 of 5 points" in result["output"]
    assert result["stdout_visibility"] == "hidden" and result["extra_data"]["sandbox"] == walls
    assert all(test["status"] == "passed" for test in result["tests"])


def test_an_empty_submission_gets_a_result(walls, root):
    assert gradescope_run.main(root)["score"] == 0


def test_if_the_grader_fails_the_staff_reads_why(root):
    (root / "source" / "bundle" / "manifest.json").write_text("{")
    gradescope_run.main(root)
    result = json.loads((root / "results" / "results.json").read_text())
    assert result["score"] == 0 and "not your submission's fault" in result["output"]
    (staff,) = result["tests"]
    assert staff["visibility"] == "hidden" and "BadBundle" in staff["output"]
