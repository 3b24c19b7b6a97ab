"""The two commands on a bare Debian; for a person who asks for it, as it takes half an hour."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fresh_root"


@pytest.mark.slow
def test_the_two_commands_on_a_bare_debian():
    """EDUDET_FRESH_ROOT=trixie make slow TESTS=tests/package/test_fresh_root.py"""
    suite = os.environ.get("EDUDET_FRESH_ROOT")
    if not suite:
        pytest.skip("takes half an hour: EDUDET_FRESH_ROOT=trixie asks for it, as root")
    if os.getuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap (apt install debootstrap)")
    words = [SCRIPT, suite, "demo", "demo", "test"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    figures = re.findall(r"^fresh_root: .*", done.stdout, re.M)
    print("\n".join(figures))
    assert done.returncode == 0, done.stdout[-6000:]
    megabytes = [int(re.search(r"(\d+) MB downloaded", line)[1]) for line in figures[1:]]
    assert len(megabytes) == 3
    if "without CUDA" in done.stdout:
        assert megabytes[0] <= 400
    assert megabytes[1] == megabytes[0], "nothing is downloaded twice"
