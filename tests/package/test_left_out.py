"""setup.py on a project of five small files: what does not compile is left out, no more."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import require

ROOT = Path(__file__).parents[2]
# What -fsanitize=thread makes the compiler call: watched code brings it along.
WATCHERS = "".join(
    f'extern "C" void __tsan_{name}(void*) {{}}\n'
    for name in ("init", "func_entry", "func_exit", "read4", "write4")
)
FILES = {
    "cpu/twice.cpp": 'extern "C" float twice_cpu(float x) { return 2 * x; }',
    "bind/twice.cpp": 'extern "C" float twice_bound(float x) { return x; }',
    "cuda/twice.cu": "__global__ void twice(float* x) { *x *= 2; }",
    "emulator/engine.cpp": 'extern "C" int engine() { return 1; }',
    "emulator/include/cuda_runtime.h": (
        f"#define __global__\n#ifdef EDUDET_CHECKED\n{WATCHERS}#endif\n"
    ),
}
BUILT = {"_emulator", "_native_cpu", "_native_emulated", "_native_checked"}
# A compiler that takes all but what has $FAULT in its command line.
COMPILER = """#!/bin/sh
case "$*" in *-dumpversion*|*--version*) exec {gxx} "$@" ;; *{fault}*)
  echo 'In file included from <somewhere>:' >&2
  echo 'csrc/x.cpp:12:3: error: no such thing' >&2
  echo 'csrc/x.cpp:13:3: error: nor this' >&2; exit 1 ;; esac
exec {gxx} "$@"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """`build()` gives the libraries that lie in the folder then, and the reasons for the others."""
    require(None if shutil.which("g++") else "g++ is not installed", "native")
    root = tmp_path / "my projéct"
    for name, text in FILES.items():
        path = root / "csrc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (root / "edudet" / "emulator").mkdir(parents=True)
    shutil.copy(ROOT / "edudet" / "emulator" / "rewrite.py", root / "edudet" / "emulator")
    shutil.copy(ROOT / "csrc" / "emulator" / "exports.map", root / "csrc" / "emulator")
    shutil.copy(ROOT / "setup.py", root)
    spec = importlib.util.spec_from_file_location("small_setup", root / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("EDUDET_CUDA", "0")
    monkeypatch.delenv("EDUDET_SANITIZE", raising=False)
    monkeypatch.delenv("CXX", raising=False)

    class Project:
        folder, setup = root, module

        def build(self, fault=None):
            if fault:
                program = tmp_path / "compiler"
                program.write_text(COMPILER.format(gxx=shutil.which("g++"), fault=fault))
                program.chmod(0o755)
                monkeypatch.setenv("CXX", str(program))
            else:
                monkeypatch.delenv("CXX", raising=False)
            reasons = module.build(root / "edudet")
            reasons.pop("cuda")
            return {path.stem for path in (root / "edudet").glob("*.so")}, reasons

    made = Project()
    require(headers(module), "native")
    return made


def headers(module):
    found = Path(module.sysconfig.get_path("include"), "Python.h").exists()
    return None if found else "Python.h is missing: apt install python3-dev"


@pytest.mark.parametrize(
    ("fault", "left_out", "without"),
    [
        ("fsanitize=thread", {"checked"}, {"_native_checked"}),
        ("cpu/twice.cpp", {"cpu"}, {"_native_cpu"}),
        ("EDUDET_EMULATED", {"emulated", "checked"}, {"_native_emulated", "_native_checked"}),
        (
            "engine.cpp",
            {"emulated", "checked"},
            {"_emulator", "_native_emulated", "_native_checked"},
        ),
    ],
)
def test_the_rest_is_built_and_the_fault_heals(project, fault, left_out, without):
    files, reasons = project.build(fault)
    assert files == BUILT - without
    assert reasons == dict.fromkeys(
        left_out, "did not compile: csrc/x.cpp:12:3: error: no such thing"
    )
    assert project.build() == (BUILT, {})
    # And what was built before does not stay beside newer sources.
    (project.folder / "csrc" / "cpu" / "twice.cpp").write_text("int changed;\n")
    (project.folder / "csrc" / "cuda" / "twice.cu").write_text("int also;\n")
    (project.folder / "csrc" / "emulator" / "engine.cpp").write_text("int engine;\n")
    files, reasons = project.build(fault)
    assert (files, set(reasons)) == (BUILT - without, left_out)


def test_nothing_is_compiled_again(project, capfd):
    project.build()
    assert "compiling" in capfd.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in (project.folder / "edudet").glob("*.so")}
    project.build()
    assert "compiling" not in capfd.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_missing_headers_heal(project, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(project.setup.sysconfig, "get_path", lambda name: "/nowhere")
        files, reasons = project.build()
    assert files == {"_native_cpu"}
    assert reasons["emulated"] == "Python.h is missing: apt install python3-dev"
    assert project.build() == (BUILT, {})


def test_a_missing_compiler_heals(project, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    reasons = project.setup.build(project.folder / "edudet")
    assert set(reasons) == set(project.setup.LIBRARIES)
    assert reasons["cpu"].startswith("no-such-compiler is not installed: apt install g++")
    assert project.build() == (BUILT, {})


def test_what_was_demanded_must_compile(project, monkeypatch):
    monkeypatch.setenv("EDUDET_SANITIZE", "address")
    with pytest.raises(SystemExit, match=r"the cpu kernels did not compile: .*no such thing"):
        project.build("cpu/twice.cpp")


def test_the_reasons_are_said_once(project):
    """By the command itself: `make` calls it each time."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    said = [
        subprocess.run(command, cwd=project.folder, capture_output=True, text=True).stderr
        for _ in range(2)
    ]
    assert "built without the cuda kernels: EDUDET_CUDA=0" in said[0]
    assert "built without" not in said[1]
    assert set(json.loads((project.folder / "edudet" / "_build.json").read_text())) == {"cuda"}


def test_what_is_for_one_compiler_goes_to_it_alone(project, monkeypatch, tmp_path):
    """clang++ refuses a flag of g++'s with an error, and does not watch as g++ does."""
    asked = tmp_path / "asked"
    for name, version in (("g++", "g++ (Debian 14.2.0)"), ("clang++", "clang version 19.1.7")):
        stub = tmp_path / name
        stub.write_text(
            f'#!/bin/sh\ncase "$*" in --version) echo "{version}";; *-dump*) echo 19.1.7;; '
            f'*) echo "$*" >> {asked}; exit 1;; esac\n'
        )
        stub.chmod(0o755)
        monkeypatch.setenv("CXX", str(stub))
        reasons = project.setup.build(project.folder / "edudet")
        assert reasons["emulated"].startswith("did not compile: ")
        assert ("needs g++" in reasons["checked"]) == (name == "clang++")
        assert ("-fno-tree-sra" in asked.read_text()) == (name == "g++")
        assert f"-DEDUDET_COMPILER={name}-19.1.7" in asked.read_text()
        asked.unlink()


@pytest.mark.slow
def test_clang_builds_all_but_the_checker(project, monkeypatch):
    require(None if shutil.which("clang++") else "clang++ is not installed (apt install clang)")
    monkeypatch.setenv("CXX", "clang++")
    reasons = project.setup.build(project.folder / "edudet")
    assert reasons.pop("checked") == "the checker needs g++, and CXX=clang++ is another"
    assert set(reasons) == {"cuda"}
    libraries = {path.stem for path in (project.folder / "edudet").glob("*.so")}
    assert libraries == BUILT - {"_native_checked"}
