"""The C++ kernels under AddressSanitizer and UndefinedBehaviorSanitizer, on the tests' inputs."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import require
from edudet import native

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("install")]


def path_of(compiler, name):
    command = [*compiler, f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return path if Path(path).is_absolute() else None


def test_kernels_are_clean_under_sanitizers(tmp_path):
    require(native.missing("cpu"), "native")
    compiler = shlex.split(os.environ.get("CXX") or "g++")
    # Both must be there before Python: ASan wraps the C++ library's throw, so it must find it.
    runtimes = [path_of(compiler, name) for name in ("libasan.so", "libstdc++.so")]
    if None in runtimes:
        pytest.skip("this compiler brings no AddressSanitizer")
    build = [sys.executable, "setup.py", "-q", "build", "--build-lib", str(tmp_path)]
    env = {**os.environ, "EDUDET_SANITIZE": "address,undefined"}
    subprocess.run(build, cwd=ROOT, env=env, check=True, capture_output=True)

    # The tests that call the kernels directly; torch.compile would only add minutes.
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tests += ["-k", "native and not compile and not cuda and not registration and not opencv"]
    tests += [str(ROOT / "tests" / group) for group in ("ops", "proposals", "metrics")]
    env = {
        **os.environ,
        "LD_PRELOAD": " ".join(runtimes),
        "PYTHONPATH": str(tmp_path),
        # Python keeps memory until it ends, which is no leak of ours.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    done = subprocess.run(tests, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert " passed" in done.stdout
