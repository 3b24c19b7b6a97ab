"""Which walls this machine can put around a submission, and the world that it sees inside.

    bubblewrap    namespaces made by the `bwrap` program
    namespaces    the same, made by ourselves (grading/start.py)
    restricted    no namespaces to be had (inside many containers): another user, Landlock, limits
    none          nothing but time and memory limits: only on request, or for one's own answers

The world is a list of what may be read: the system's libraries, Python, numpy and torch with what
they import, and the worker. No home, no network, no other submission, no test, nothing of edudet.
"""

import functools
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edudet import native

WORKER = Path(__file__).parent / "worker"
KINDS = ("bubblewrap", "namespaces", "restricted", "none")
BOX = "/box"
KIT = f"{BOX}/kit"  # the emulator, without the kernels that are asked for
DEVICES = ("null", "zero", "full", "random", "urandom")
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives",
)  # fmt: skip
FIRST_USER = 61_000  # of those that no one on the machine is, for the kind `restricted`


class NoSandbox(RuntimeError):
    """This machine cannot wall in a submission."""


@dataclass
class World:
    """What a worker sees: (source, target) read-only; folders emptied; links; variables."""

    binds: list[tuple[str, str]]
    hidden: list[str]
    links: list[tuple[str, str]]
    environment: dict[str, str]
    python: str


def make_world(secret: list[Path], extra: list[tuple[Path, str]] | None = None) -> World:
    """The world without the `secret` folders, with `extra` (source, target) in it."""
    links: list[tuple[str, str]] = []
    binds: list[tuple[str, str]] = []
    for name in (*SYSTEM, sys.base_prefix):
        path = Path(name)
        if path.is_symlink():
            links.append((name, os.readlink(path)))
        elif path.exists() and not any(_inside(path, Path(root)) for root, _ in binds):
            binds.append((name, name))
    binds += [(f"/dev/{name}", f"/dev/{name}") for name in DEVICES]
    roots = [Path(target) for _, target in binds]
    hidden = [*_packages_of_the_system(), *secret]
    binds += [(str(path), f"{BOX}/site/{path.name}") for path in imported_by("torch", "numpy")]
    binds += [(str(WORKER), f"{BOX}/worker")]
    binds += [(str(file), f"{KIT}/{name}") for name, file in _kit()]
    binds += [(str(source), target) for source, target in extra or []]
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    inside = [str(p.resolve()) for p in hidden if any(_inside(p.resolve(), r) for r in roots)]
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    return World(binds, [p for p in inside if Path(p).is_dir()], links, environment, python)


def _inside(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _packages_of_the_system() -> Iterator[Path]:
    """Where the interpreter keeps installed packages: a torchvision may lie there."""
    folders = {sysconfig.get_path(kind, vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
               for kind in ("purelib", "platlib")}  # fmt: skip
    for prefix in ("/usr", "/usr/local", sys.base_prefix):
        for pattern in ("lib*/python3*/*-packages",):
            folders |= {str(path) for path in Path(prefix).glob(pattern)}
    return (Path(folder) for folder in sorted(folders) if Path(folder).is_dir())


def _kit() -> Iterator[tuple[str, Path]]:
    """Name -> file of what a CUDA answer is compiled and run with: nothing that it should write."""
    package = Path(native.__file__).parent
    for name in ("__init__.py", "check.py", "native.py", "_emulator.so"):
        if (package / name).exists():
            yield f"edudet/{name}", package / name
    yield "edudet/emulator", package / "emulator"
    yield "csrc/emulator", native.SOURCES / "emulator"
    for name in ("half.h", "host_device.h"):
        yield f"csrc/common/{name}", native.SOURCES / "common" / name


def imported_by(*names: str) -> list[Path]:
    """The files and folders at the top of the installed distributions `names` and of all that they
    require."""
    found: dict[Path, None] = {}
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # a requirement of another platform
        for file in distribution.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not top.endswith(".pth"):
                found[Path(str(distribution.locate_file(top)))] = None
        for requirement in distribution.requires or []:
            if "extra ==" not in requirement:
                match = re.match(r"[\w.-]+", requirement)
                waiting += [match[0]] if match else []
    return [path for path in found if path.exists()]


def copy_kit(folder: Path) -> None:
    """The kit as a folder of its own, where no mount can put it together."""
    for name, file in _kit():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if file.is_dir() else shutil.copy)(file, target)


def command(
    kind: str, world: World, control: int, kit: str = KIT
) -> tuple[list[str], dict[str, str]]:
    """The program to start, and its environment."""
    walled = kind in ("bubblewrap", "namespaces")
    config: dict[str, Any] = {
        "control": control, "namespaces": walled, "confined": kind != "none",
        "readable": [], "user": None, "preload": ["numpy", "torch"],
    }  # fmt: skip
    places = [f"{BOX}/site", BOX]
    if not walled:
        inside = [Path(source) for source, target in world.binds
                  if target.startswith((f"{BOX}/site", f"{BOX}/worker"))]  # fmt: skip
        places = list(dict.fromkeys(str(path.parent) for path in inside))
    if kind == "restricted":
        # Only what lies under the world's own names is opened up, not the site-packages as such.
        config["readable"] = [source for source, _ in world.binds] + [kit]
        if os.geteuid() == 0 and _open_to_all(Path(world.python)):
            config["user"] = FIRST_USER + os.getpid() % 10_000
    program = (
        f"import sys; sys.path[:0] = {places!r}; "
        f"from worker import warm; warm.main({config!r})"
    )
    python = [world.python, "-I", "-S", "-c", program]
    if kind == "bubblewrap":
        return _bubblewrap(world, python), dict(world.environment)
    if kind == "namespaces":
        return _namespaces(world, python), {}
    return python, dict(world.environment)


def _open_to_all(path: Path) -> bool:
    """Whether another user could read this file."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _namespaces(world: World, python: list[str]) -> list[str]:
    facts = {"binds": world.binds, "hidden": world.hidden, "links": world.links,
             "environment": world.environment}  # fmt: skip
    start = str(Path(__file__).with_name("start.py"))
    return [world.python, "-I", start, str(WORKER), json.dumps(facts), *python]


def _bubblewrap(world: World, python: list[str]) -> list[str]:
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv"]
    # The wardens inside make namespaces of their own, which takes these rights inside of ours.
    words += ["--cap-add", "ALL"] if os.geteuid() == 0 else ["--unshare-user", "--uid", "0"]
    for name, value in world.environment.items():
        words += ["--setenv", name, value]
    for source, target in world.binds:
        device = target.startswith("/dev/")
        words += ["--dev-bind" if device else "--ro-bind", source, target]
    for target in world.hidden:
        words += ["--tmpfs", target]
    for link, target in world.links:
        words += ["--symlink", target, link]
    return [*words, "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp", "--", *python]


def best(unsafe: bool = False) -> str:
    """The strongest walls that this machine has; raises NoSandbox if it has none.

    unsafe: answer "none" then, instead.
    """
    reasons = {}
    for kind in KINDS[:-1]:
        reason = unavailable(kind)
        if reason is None:
            return kind
        reasons[kind] = reason
    if unsafe:
        return "none"
    listed = "; ".join(f"{kind}: {reason}" for kind, reason in reasons.items())
    raise NoSandbox(f"no sandbox can be had on this machine ({listed})")


@functools.cache
def unavailable(kind: str) -> str | None:
    """Why walls of this kind cannot be had here, or None: found out by putting them up."""
    if kind == "none":
        return None
    if kind == "bubblewrap" and not shutil.which("bwrap"):
        return "bwrap is not installed (apt install bubblewrap)"
    if kind == "restricted":
        words = [sys.executable, "-I", "-c", _TRY_RESTRICTED.format(str(WORKER.parent))]
    else:
        world = make_world([])
        inside = [world.python, "-I", "-S", "-c", _TRY_WALLED.format(BOX)]
        words = (_bubblewrap if kind == "bubblewrap" else _namespaces)(world, inside)
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or ["failed"])[-1][:200]


_TRY_WALLED = (
    "import sys; sys.path.insert(0, {!r}); from worker import isolate; "
    "isolate.enter_user_namespace(isolate.CLONE_NEWNS | isolate.CLONE_NEWPID); "
    "isolate.filter_system_calls(False)"
)
_TRY_RESTRICTED = (
    "import sys; sys.path.insert(0, {!r}); from worker import isolate; "
    "isolate.restrict_files([], []); isolate.filter_system_calls(False, signals=False)"
)
