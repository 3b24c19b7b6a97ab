"""Hostile submissions: none crashes the run, leaks a hidden test, gains a point, or leaves a
process or a file behind. Behind the strongest walls that this machine has; with EDUDET_WALLS=all,
as `make walls` sets it, behind every kind.
"""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from edudet.course import units
from edudet.grading import hostile, sandbox

# Some of them are C++ and CUDA.
pytestmark = pytest.mark.usefixtures("compiles_cpp", "compiles_cuda")


@pytest.fixture(scope="module", params=[
    pytest.param(kind, marks=pytest.mark.xdist_group(f"hostile-{kind}"))
    for kind in sandbox.KINDS[:-1]
])  # fmt: skip
def graded(request, tmp_path_factory):
    reason = sandbox.unavailable(request.param)
    if reason:
        pytest.skip(f"{request.param}: {reason}")
    if request.param != sandbox.best() and os.environ.get("EDUDET_WALLS") != "all":
        pytest.skip(f"{request.param}: not the strongest walls here; `make walls` tries all kinds")
    root = tmp_path_factory.mktemp("hostile")
    before = set(left_over())  # this process may have other workers
    expected, results = hostile.grade(root, request.param)
    yield request.param, expected, results, stays(before)
    shutil.rmtree(root)


def stays(before, seconds=20):
    """What is left over for good: a process that was killed may take a moment to go."""
    end = time.monotonic() + seconds
    while (left := set(left_over()) - before) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def left_over():
    """What runs or lies about after the run: workers of this process, files that were forbidden."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            parent = (path / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"warm.main" in command and int(parent) in (1, os.getpid()):
            yield f"process {path.name}"
    yield from (str(path) for path in Path("/tmp").glob("edudet-was-here"))
    yield from (str(path) for path in Path("/tmp").glob("seen"))


def test_each_gets_what_it_deserves(graded):
    kind, expected, results, _ = graded
    assert len(expected) >= 100
    assert {result["sandbox"] for result in results.values()} == {kind}
    failures = {
        name: (hostile.wrong(one, results.get(name)), [
            (test["status"], test["staff_message"]) for test in results[name]["tests"]
            if test["exercise"] == one.exercise
        ])
        for name, one in expected.items() if hostile.wrong(one, results.get(name))
    }  # fmt: skip
    assert not failures


def test_each_has_a_result_for_every_test(graded):
    _, expected, results, _ = graded
    assert sorted(results) == sorted(expected)
    tests = sum(len(units.load(name).tests) for name in hostile.EXERCISES.values())
    assert {len(result["tests"]) for result in results.values()} == {tests}


def test_nothing_of_a_hidden_test_leaks(graded):
    _, _, results, _ = graded
    for result in results.values():
        for test in result["tests"]:
            # What the compiler says is of the student's own file: it has seen no test.
            if test["visibility"] != "visible" and "not compile" not in test["message"]:
                assert "SECRET" not in test["message"] and "[[" not in test["message"]
                assert len(test["message"]) < 120
                lines = re.findall(r"in line (\d+)", test["message"])
                assert all(int(line) < 1000 for line in lines), "a number that is no line"


def test_nothing_is_left_behind(graded):
    *_, left = graded
    assert not left
