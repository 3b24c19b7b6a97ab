"""Planted faults: the checker names each by its kind and its line, and says nothing of its twin.

Every zoo/<fault>.cu holds a kernel `faulty`, in which a comment "FAULT kind" or "SLOW kind" marks
the line, and the same kernel `fixed`.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from edudet import emulator

pytestmark = pytest.mark.usefixtures("compiles_cuda")

ZOO = sorted((Path(__file__).parent / "zoo").glob("*.cu"))
SIZE = 100  # numbers: fills no block of 64
# These need whole blocks: (grid, block, numbers).
LAUNCH = {
    "bank_conflict": (1, 32, 1024),
    "uncoalesced": (1, 32, 1024),
    "missing_barrier": (2, 64, 128),
    "missing_second_barrier": (2, 64, 128),
    "missing_fence": (4, 32, 128),
    "misaligned": (1, 32, 128),
}
FRESH = {"uninitialised_output": ["out"]}


def run(path, kernel, **options):
    grid, block, size = LAUNCH.get(path.stem, (2, 64, SIZE))
    values = np.arange(size, dtype=np.float32) % 10
    out = np.zeros(size, dtype=np.float32)
    program = emulator.compile(path)
    fresh = FRESH.get(path.stem, [])
    done = program[kernel][grid, block](values, out, size, fresh=fresh, check=True, **options)
    return done, out


def marks(path):
    """[(FAULT or SLOW, kind, line)] of the comments in the file."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.search(r"// (FAULT|SLOW) (.*)", line)
        if match:
            found.append((match[1], match[2], number))
    return found


@pytest.mark.parametrize("shuffle", [None, 1])
@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_the_fault_is_caught_by_name_and_line(path, shuffle):
    ((severity, kind, line),) = marks(path)
    done, _ = run(path, "faulty", shuffle=shuffle)
    found = done.findings if severity == "FAULT" else done.slow
    assert kind in {f.kind for f in found}, done.report()
    hit = [f for f in found if f.kind == kind and line in f.lines]
    assert hit, done.report()
    assert hit[0].places[0].file == path.name
    assert f"{path.name}:{line}" in done.report() and kind in done.report()


@pytest.mark.parametrize("shuffle", [None, 1])
@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_the_checker_finds_nothing_in_the_twin(path, shuffle):
    done, _ = run(path, "fixed", shuffle=shuffle)
    assert not done.findings and not done.slow, done.report()
    assert done.launches and done.statistics


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_only_faults_that_are_planted_are_found(path):
    ((_, kind, _),) = marks(path)
    done, _ = run(path, "faulty")
    allowed = {kind, *CONSEQUENCES.get(path.stem, [])}
    assert {f.kind for f in (*done.findings, *done.slow)} <= allowed


# What else is wrong in a kernel with this fault.
CONSEQUENCES = {
    "missing_barrier": ["uninitialised read"],
    "missing_syncwarp": ["uninitialised read"],
}


def test_a_conflict_is_counted():
    done, _ = run(next(p for p in ZOO if p.stem == "bank_conflict"), "faulty")
    (conflict,) = done.slow
    assert "32-way" in conflict.message
    assert max(line.worst_passes for line in done.statistics) == 32


def test_sectors_are_counted():
    path = next(p for p in ZOO if p.stem == "uncoalesced")
    ((_, _, line),) = marks(path)
    faulty, _ = run(path, "faulty")
    fixed, _ = run(path, "fixed")
    slow = next(s for s in faulty.statistics if s.place.line == line)
    fast = next(s for s in fixed.statistics if s.regions == ("in",))
    assert (slow.sectors_per_request, slow.efficiency) == (32, 1 / 8)
    assert (fast.sectors_per_request, fast.efficiency) == (4, 1)


def test_the_source_is_annotated():
    path = next(p for p in ZOO if p.stem == "off_by_one")
    done, _ = run(path, "faulty")
    ((_, kind, line),) = marks(path)
    text = done.annotated(path.read_text(), path.name).splitlines()[line - 1]
    assert text.startswith(f"{line:4d}") and f"<-- {kind}" in text
