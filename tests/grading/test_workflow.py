"""The Snakemake workflow: 100 submissions, killed and resumed."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edudet.course import units
from edudet.grading import bundle

ROOT = Path(__file__).parents[2]
SUBMISSIONS = int(os.environ.get("EDUDET_WORKFLOW_SUBMISSIONS", "6"))


@pytest.fixture
def command(walls, tmp_path):
    if not importlib.util.find_spec("snakemake"):
        pytest.skip("snakemake, for clusters, is not installed")
    exercise = units.load("box_iou")
    made = bundle.build(tmp_path / "course", ["box_iou"])
    for i in range(SUBMISSIONS):
        folder = tmp_path / "submissions" / f"s {i:03}"
        folder.mkdir(parents=True)
        (folder / "box_iou.py").write_text(exercise.alternatives["loops"])
    # `edudet` as the workflow calls it, from this checkout.
    program = tmp_path / "bin" / "edudet"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m edudet "$@"\n')
    program.chmod(0o755)
    words = [sys.executable, "-m", "snakemake", "-s", ROOT / "edudet/grading/workflow/Snakefile",
             "--cores", "2", "--config", f"submissions={tmp_path / 'submissions'}",
             f"bundle={made.folder}", f"out={tmp_path / 'results'}"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT),
                   "PATH": f"{program.parent}:{os.environ['PATH']}"}  # fmt: skip
    return [str(word) for word in words], environment, tmp_path


@pytest.mark.slow
def test_killed_and_resumed(command):
    words, environment, folder = command
    out = folder / "results"

    def finished():
        return {p: p.stat().st_mtime_ns for p in out.glob("*/result.json")}

    first = subprocess.Popen(
        words, env=environment, cwd=folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(finished()) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = finished()
    assert 2 <= len(before) < SUBMISSIONS
    subprocess.run([*words, "--unlock"], env=environment, cwd=folder, capture_output=True)
    again = subprocess.run(
        [*words, "--rerun-incomplete"], env=environment, cwd=folder, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr[-2000:]
    after = finished()
    # Those that were being written when the kill came are made again: one for each core at most.
    assert len(after) == SUBMISSIONS
    assert sum(after[path] != before[path] for path in before) <= 2
    assert all(json.loads(path.read_text())["score"] == 10 for path in after)
    assert (out / "grades.csv").read_text().count("\n") == SUBMISSIONS + 1
    assert (out / "report.html").exists()
    shutil.rmtree(folder)
