"""The C++ of the CPU kernels, of the emulator and of the kernels on it, as aarch64 compiles it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = "aarch64-linux-gnu-g++"
SOURCES = [
    path.relative_to(ROOT).as_posix()
    for room in ("cpu/*.cpp", "bind/*.cpp", "emulator/*.cpp", "cuda/*.cu")
    for path in sorted((ROOT / "csrc").glob(room))
]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("source", SOURCES)
def test_it_compiles(source, tmp_path):
    if not shutil.which(COMPILER):
        pytest.skip(f"{COMPILER} is not installed (apt install g++-aarch64-linux-gnu)")
    spec = importlib.util.spec_from_file_location("edudet_setup", ROOT / "setup.py")
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    torch = Path(importlib.util.find_spec("torch").origin).parent / "include"
    room = Path(source).parent.name
    includes = []
    flags = setup.OPTIMISE if room in ("cpu", "bind") else setup.EMULATE
    if room == "bind":
        includes = ["-isystem", torch, f"-DTORCH_TARGET_VERSION={setup.TARGET_VERSION}"]
    if source.endswith("emulator/bind.cpp"):
        pybind11 = pytest.importorskip("pybind11", reason="pybind11 is not installed")
        python = setup.sysconfig.get_path("include")
        includes = ["-isystem", pybind11.get_include(), "-isystem", python]
    if room == "cuda":
        rewriter, made = ROOT / "edudet" / "emulator" / "rewrite.py", tmp_path / "rewritten.cpp"
        subprocess.run([sys.executable, rewriter, source, made], cwd=ROOT, check=True)
        includes = ["-Icsrc/emulator/include", "-DEDUDET_WITH_CUDA", "-DEDUDET_EMULATED"]
        source = made
    words = ["-fsyntax-only", "-Wno-sign-compare", "-Wno-psabi", *setup.BASIC, *flags, *includes]
    done = subprocess.run([COMPILER, *words, source], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr[-3000:]
