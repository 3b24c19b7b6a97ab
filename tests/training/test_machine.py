import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from edudet.training.machine import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(10_000_000)  # 40 MB: 10 000 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(), keep_freed_memory(), faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this system's malloc is not glibc's")
def test_freed_memory_is_used_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True)
    before, told, after = done.stdout.split()
    assert told == "True"
    assert int(after) < int(before) / 5, "pages were fetched anew for each tensor"


def test_elsewhere_nothing_happens(monkeypatch):
    from edudet.training import machine

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert machine.keep_freed_memory() is False
