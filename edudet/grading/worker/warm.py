"""The warm worker: imports torch once, then forks a process of its own for every test.

    broker ── orders ──> warm worker ── fork ──> warden ── fork ──> runner: the student's code
       └───────────── request and answer, on pipes of their own ───────────┘

The warm worker and the wardens run only this folder's code. It never calls torch before it forks:
OpenMP's threads would not survive that. A warden puts its runner into fresh namespaces, watches the
clock, kills what is left with its namespace and reports how it ended.
"""

import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from . import isolate, runner

WORK = Path("/tmp")
FACTS = (Path("/proc/cpuinfo"), Path("/proc/meminfo"))  # torch looks at them


def main(config: dict[str, Any]) -> None:
    """Serve orders from file descriptor config["control"] until it is closed."""
    control = socket.socket(fileno=config["control"])
    for name in config["preload"]:
        __import__(name)
    control.send(json.dumps({"ready": True}).encode())
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not data:
            return
        warden = os.fork()
        if warden == 0:
            _watch(json.loads(data), descriptors, control, config)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(warden, 0)
        if status:
            control.send(json.dumps({"failed": f"the warden ended with {status}"}).encode())


def _watch(
    order: dict[str, Any], descriptors: list[int], control: socket.socket, config: dict[str, Any]
) -> NoReturn:
    """The warden: run one test, report how it ended."""
    begin = time.monotonic()
    try:
        if not config["namespaces"]:
            order["folder"] = _make_folder(config["user"])
        else:
            isolate.enter_user_namespace(
                isolate.CLONE_NEWNS | isolate.CLONE_NEWPID | isolate.CLONE_NEWIPC
                | isolate.CLONE_NEWNET
            )
        child = os.fork()
        if child == 0:
            _run(order, descriptors, control, config)
        for descriptor in descriptors:
            os.close(descriptor)
        ended = _wait(child, order["seconds"])
        _kill(child)
        _, status, usage = os.wait4(child, 0)
        if not config["namespaces"]:
            shutil.rmtree(order["folder"], ignore_errors=True)
    except OSError as error:
        control.send(json.dumps({"failed": f"the sandbox: {error}"}).encode())
        os._exit(0)
    report = {
        "timeout": not ended, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "seconds": time.monotonic() - begin, "memory": usage.ru_maxrss * 1024,
    }  # fmt: skip
    control.send(json.dumps(report).encode())
    os._exit(0)


def _make_folder(user: int | None) -> str:
    """A folder for one test, where no namespace can give it an empty one."""
    folder = tempfile.mkdtemp(prefix="edudet-")
    if user:
        os.chown(folder, user, user)
    return folder


def _wait(child: int, seconds: float) -> bool:
    """Whether `child` ended in time."""
    watch = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        return bool(poll.poll(1000 * seconds))
    finally:
        os.close(watch)


def _kill(child: int) -> None:
    """End the child and, where there is no namespace that dies with it, its process group."""
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL)


def _run(
    order: dict[str, Any], descriptors: list[int], control: socket.socket, config: dict[str, Any]
) -> NoReturn:
    """The runner's beginning: put on the chains, then run what the request says."""
    try:
        control.close()
        os.setsid()
        request, answer, output = descriptors
        _redirect(output)
        _confine(order, config)
        runner.serve(request, answer)
        os._exit(0)
    except BaseException as error:  # whatever it is, the process must end here
        os.write(descriptors[2], f"sandbox: {error!r}\n".encode()[:4096])
    finally:
        os._exit(70)


def _redirect(output: int) -> None:
    empty = os.open("/dev/null", os.O_RDWR)
    os.dup2(empty, 0)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, "r"), os.fdopen(1, "w", buffering=1, errors="replace"),
        os.fdopen(2, "w", buffering=1, errors="replace"),
    )  # fmt: skip


def _confine(order: dict[str, Any], config: dict[str, Any]) -> None:
    isolate.limit(resource.RLIMIT_AS, isolate.address_space() + order["memory"])
    if config["namespaces"]:
        _hide(order["disk"])
    else:
        os.chdir(order["folder"])
        os.environ["TMPDIR"] = order["folder"]
    isolate.limit(resource.RLIMIT_CPU, int(2 * order["seconds"]) + 2)
    isolate.limit(resource.RLIMIT_FSIZE, order["disk"])
    isolate.limit(resource.RLIMIT_NOFILE, 64)
    isolate.limit(resource.RLIMIT_CORE, 0)
    if config["readable"]:
        readable = [*FACTS, *map(Path, config["readable"])]
        isolate.restrict_files(readable, [Path(order["folder"])] if order["writes"] else [])
    if config["user"]:
        os.setgroups([])
        os.setresgid(*[config["user"]] * 3)
        os.setresuid(*[config["user"]] * 3)
        isolate.limit(resource.RLIMIT_NPROC, 64)
    if config["namespaces"]:
        isolate.drop_capabilities()
    if config["confined"]:
        isolate.prctl(isolate.PR_SET_DUMPABLE, 0)
        isolate.filter_system_calls(order["processes"], signals=config["namespaces"])


def _hide(disk: int) -> None:
    """An empty folder of a fixed size to write to, and a /proc that tells of the machine alone."""
    isolate.mount("none", "/", "", isolate.MS_REC | isolate.MS_PRIVATE)
    flags = isolate.MS_NOSUID | isolate.MS_NODEV
    isolate.mount("tmpfs", WORK, "tmpfs", flags, f"size={disk},nr_inodes=4096")
    # A new proc file system would be refused inside of bubblewrap's, and shows more than is needed.
    facts = {path: path.read_bytes() for path in FACTS}
    isolate.mount("tmpfs", "/proc", "tmpfs", flags, "size=1m")
    for path, content in facts.items():
        path.write_bytes(content)
    isolate.mount("none", "/proc", "", flags | isolate.MS_REMOUNT | isolate.MS_RDONLY)
    os.chdir(WORK)
