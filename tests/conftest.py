import functools
import os
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch

from edudet import native

# The same commit passes or fails alike everywhere; EDUDET_EXPLORE=1 tries other inputs each time.
hypothesis.settings.register_profile(
    "edudet", deadline=None, derandomize=not os.environ.get("EDUDET_EXPLORE")
)
hypothesis.settings.load_profile("edudet")

# Workers of one run share the cores: with all of torch's threads each, they would only wait for one
# another.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
torch.set_num_threads(max(torch.get_num_threads() // _WORKERS, 1))

DEVICES = ["cpu", "cuda"]
REQUIRED = os.environ.get("EDUDET_REQUIRE", "").split(",")  # e.g. "native,cuda" on a GPU machine


def require(reason: str | None, *what: str) -> None:
    """Skip with `reason`, or fail if this machine has promised to have it."""
    if reason and any(w in REQUIRED for w in what):
        pytest.fail(f"EDUDET_REQUIRE={','.join(REQUIRED)}, but {reason}")
    if reason:
        pytest.skip(reason)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    reason = None if request.param == "cpu" or torch.cuda.is_available() else "no CUDA device"
    require(reason, request.param)
    return request.param


def no_compiler() -> str | None:
    """Why nothing can be compiled at run time, or None."""
    gxx = shlex.split(os.environ.get("CXX") or "g++")[0]
    return None if shutil.which(gxx) else f"{gxx} is not installed"


@pytest.fixture(scope="session")
def compiles_cpp() -> None:
    """What the grader needs for answers in C++, which it compiles with g++."""
    require(no_compiler() or (None if shutil.which("g++") else "g++ is not installed"), "native")


@pytest.fixture(scope="session")
def compiles_cuda() -> None:
    """What `emulator.compile` needs: the emulator, and a compiler."""
    require(native.missing("checked") or no_compiler(), "native")


@functools.cache
def no_inductor() -> str | None:
    """Why torch.compile's default backend cannot compile C++ here, or None."""
    if reason := no_compiler():
        return reason
    if " " in torch.__file__:
        return "torch 2.13 calls g++ with its own folder unquoted, and this one's path has a space"
    headers = sysconfig.get_path("include")
    if not Path(headers, "Python.h").exists():
        return "Python.h is missing: apt install python3-dev"
    gxx = shlex.split(os.environ.get("CXX") or "g++")
    command = [*gxx, "-fopenmp", "-fsyntax-only", "-x", "c++", "-"]
    tried = subprocess.run(command, input="#include <omp.h>\n", capture_output=True, text=True)
    return f"{gxx[0]} has no OpenMP" if tried.returncode else None


@pytest.fixture(autouse=True)
def _compiled_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that calls torch.compile skips where its default backend cannot compile."""
    compile_ = torch.compile

    def compile_or_skip(*args, **options):
        if options.get("backend", "inductor") == "inductor" and (reason := no_inductor()):
            require(f"torch.compile: {reason}", "native")
        return compile_(*args, **options)

    monkeypatch.setattr(torch, "compile", compile_or_skip)


def require_native(op: str, device: str) -> None:
    require(native.obstacle(op, torch.empty(0, device=device)), "native")


def emulated(form: Callable) -> Callable:
    """The native form, with the CUDA kernels executed by the CPU in place of the C++ ones."""

    def run(*args, **kwargs):
        with native.namespace("edudet_emulated"):
            return form(*args, **kwargs)

    return run


def form_of(implementations: dict[str, Callable], name: str, op: str, device: str) -> Callable:
    """One form of an operator by name, or a skip that says why it cannot run here."""
    if name == "emulated":
        require("emulated kernels run on the CPU" if device != "cpu" else None)
        require(native.missing("emulated"), "native")
        return emulated(implementations["native"])
    if name == "native":
        require_native(op, device)
    return implementations[name]


def tracked_files(root: Path) -> list[str]:
    """The files of the project. No more than a test needs git, and it can do without."""
    # Also in a checkout of another user's, which git would not look at.
    command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z"]
    done = None
    if shutil.which("git"):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done is None or not done.stdout:
        pytest.skip("no git checkout, or no git: nothing says which files belong to the project")
    return done.stdout.strip("\0").split("\0")


def torchvision_ops():
    return pytest.importorskip("torchvision.ops", reason="torchvision, a peer, is not installed")


def forms(implementations: dict[str, Callable]) -> list[str]:
    return [*implementations, "emulated"]


def pytest_terminal_summary(terminalreporter) -> None:
    """Say what was skipped and why: one line a reason, not one a test."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ") if report.longrepr else "?"
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("skipped, and why")
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        terminalreporter.line(f"{count:5d}  {reason}")


def name_of(parameter):
    """An id for a test's parameter that every worker gives alike: no address of a function."""
    return getattr(parameter, "__name__", str(parameter)[:40])
