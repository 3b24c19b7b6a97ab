"""Two processes, started by torch's launcher."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

TINY = Path(__file__).with_name("tiny.py")
ROOT = Path(__file__).parents[2]
# Adding four gradients in another order changes last bits; twelve steps make more of them.
TOLERANCE = 1e-4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (dist.is_available() and dist.is_gloo_available()),
        reason="torch was built without gloo",
    ),
]
SECONDS = 90


def start(out, processes, *options, **given):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone",
                f"--nproc-per-node={processes}", *options]  # fmt: skip
    program = launcher if processes else [sys.executable]
    environment = {**os.environ, "OMP_NUM_THREADS": "1",
                   "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}  # fmt: skip
    return subprocess.Popen(
        [*program, str(TINY), str(out), json.dumps({"dropout": 0.0, **given})],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class NoConnection(Exception):
    """The processes did not find each other: the machine's network, not the run's doing."""


def ended(process):
    try:
        _, told = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise NoConnection(f"nothing happened for {SECONDS} seconds") from None
    if process.returncode and "connectFullMesh failed" in told:
        raise NoConnection("gloo could not connect two processes")
    return process.returncode, told


def connected(test):
    """Try a test again where gloo fails to connect two processes, as it does in some sandboxes."""

    @functools.wraps(test)
    def tried(tmp_path, **given):
        for attempt in range(3):
            try:
                return test(tmp_path / str(attempt), **given)
            except NoConnection as error:
                why = error
        return pytest.skip(f"{why}, three times")

    return tried


@connected
def test_two_processes_do_what_one_does(tmp_path):
    for name, processes in (("one", 0), ("two", 2)):
        code, told = ended(start(tmp_path / name, processes))
        assert code == 0, told
    one, two = (torch.load(tmp_path / name / "state.pt") for name in ("one", "two"))
    difference = max(float((one[key] - two[key]).abs().max()) for key in one)
    assert difference < TOLERANCE
    losses = [(tmp_path / name / "losses.csv").read_text().split() for name in ("one", "two")]
    assert len(losses[0]) == len(losses[1]) == 13
    last = [float(lines[-1].split(",")[3]) for lines in losses]
    assert last[0] == pytest.approx(last[1], rel=TOLERANCE)


def workers_of(launcher):
    """The processes that a launcher has started, by their parent's id."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has just ended
            continue
        if int(fields[1]) == launcher.pid:
            found.append(int(status.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("victim", [0, 1])
@connected
def test_one_of_two_killed_and_restarted(tmp_path, victim):
    run = {"iterations": 60, "checkpoint_every": 2, "pause": 0.01}
    code, told = ended(start(tmp_path / "whole", 2, "--max-restarts=2", **{**run, "pause": 0.0}))
    assert code == 0, told
    out = tmp_path / "killed"
    launcher = start(out, 2, "--max-restarts=2", **run)
    while not (out / "checkpoint.pt").exists() and launcher.poll() is None:
        time.sleep(0.01)
    workers = sorted(workers_of(launcher))
    os.kill(workers[victim], signal.SIGKILL)
    code, told = ended(launcher)
    assert code == 0, told
    assert len(workers) == 2 and "exitcode: -9" in told  # the launcher has seen it
    assert (out / "digest").read_text() == (tmp_path / "whole" / "digest").read_text()


@connected
def test_a_batch_that_cannot_be_shared(tmp_path):
    code, told = ended(start(tmp_path, 2, batch_size=3))
    assert code != 0
    assert "batch_size must be a multiple of the number of processes, 2, got 3" in told
