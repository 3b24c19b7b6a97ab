"""The broker's end of a worker: start it, send one test at a time, read what comes back.

Nothing that comes from the worker is trusted: an answer is bytes until `wire.decode` has checked
them, its size is capped, and a test that says nothing ends at its time limit.
"""

import json
import os
import select
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edudet.grading import sandbox
from edudet.grading.worker import wire

START_SECONDS = 120.0
MOST_OUTPUT = 1 << 14


class SandboxError(RuntimeError):
    """The walls could not be put up, or fell: the machine's fault, not the submission's."""


@dataclass(frozen=True)
class Limits:
    """What one test may use."""

    seconds: float = 10.0
    memory: int = 1 << 30  # bytes, beside what Python and torch take
    disk: int = 16 << 20  # bytes, in files of its own
    processes: bool = False  # whether it may start programs: only compilers do
    writes: bool = False  # whether it needs files of its own, as compiled answers do
    answer: int = 64 << 20  # bytes


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `answer` is None where none came, `problem` says why.

    problem   "timeout", "crash" (a signal or an exit), "bad_reply", or None
    output    the first bytes of what it printed
    detail    for the staff: the signal, the exit status, what was wrong with the answer
    """

    answer: Any
    problem: str | None
    detail: str
    output: str
    seconds: float
    memory: int


class Worker:
    """A sandboxed interpreter with torch imported, which forks itself for every test."""

    def __init__(self, kind: str, world: sandbox.World) -> None:
        self.kind, self.world = kind, world
        self._kit: tempfile.TemporaryDirectory[str] | None = None
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        place: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @property
    def kit(self) -> str:
        """Where the worker finds what CUDA answers are compiled and run with."""
        return sandbox.KIT if self._kit is None else self._kit.name

    def start(self) -> None:
        """Import torch behind the walls; done by the first `run` if not before."""
        self.close()
        if self.kind in ("restricted", "none"):
            self._kit = tempfile.TemporaryDirectory(prefix="edudet-kit-")
            os.chmod(self._kit.name, 0o755)
            sandbox.copy_kit(Path(self._kit.name))
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words, environment = sandbox.command(
                self.kind, self.world, theirs.fileno(), self.kit
            )
            self._process = subprocess.Popen(
                words, env=environment, pass_fds=[theirs.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        if "ready" not in self._report(START_SECONDS):
            raise SandboxError("the worker did not start")

    def close(self) -> None:
        """End the worker and, with its namespace, all that it may have left."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
        self._control = self._process = None
        if self._kit is not None:
            self._kit.cleanup()
            self._kit = None

    def run(self, request: dict[str, Any], limits: Limits) -> Outcome:
        """Run one request in a process of its own. Raises SandboxError if the walls fail."""
        if self._control is None:
            self.start()
        assert self._control is not None
        request = {**request, "kit": self.kit}
        order = {
            "seconds": limits.seconds, "memory": limits.memory, "disk": limits.disk,
            "processes": limits.processes, "writes": limits.writes,
        }  # fmt: skip
        with _Talk(wire.encode(request), limits.answer) as talk:
            words = json.dumps(order).encode()
            socket.send_fds(self._control, [words], list(talk.theirs))
            talk.close(*talk.theirs)
            # The warden ends the runner in time; the broker's own clock is for a stuck warden.
            in_time = talk.go(time.monotonic() + limits.seconds + 5)
            report = self._report(limits.seconds + 15)
        return _judge_end(talk, report, in_time)

    def _report(self, seconds: float) -> dict[str, Any]:
        assert self._control is not None
        self._control.settimeout(seconds)
        try:
            data = self._control.recv(1 << 16)
        except TimeoutError:
            data = b""
        report = json.loads(data) if data else {"failed": "the worker fell silent"}
        if "failed" in report:
            said = self._last_words()
            self.close()
            raise SandboxError(f"{report['failed']}{said}")
        return report

    def _last_words(self) -> str:
        assert self._process is not None and self._process.stderr is not None
        self._process.kill()
        said = self._process.stderr.read()[-2000:].decode(errors="replace").strip()
        return f": {said}" if said else ""


class _Talk:
    """Write the request and read answer and output, whatever the other side does."""

    def __init__(self, request: bytes, most: int) -> None:
        self.request, self.most = memoryview(request), most
        self.answer, self.output = bytearray(), bytearray()
        question, self.ask = os.pipe()
        self.hear, reply = os.pipe()
        self.listen, speak = os.pipe()
        self.theirs = (question, reply, speak)
        self.open = {*self.theirs, self.ask, self.hear, self.listen}

    def __enter__(self) -> "_Talk":
        return self

    def __exit__(self, *error: object) -> None:
        self.close(*self.open)

    def close(self, *ends: int) -> None:
        for end in self.open.intersection(ends):
            os.close(end)
            self.open.remove(end)

    def go(self, deadline: float) -> bool:
        """Whether the other side closed its ends before the deadline."""
        poll = select.poll()
        for end in self.open:
            os.set_blocking(end, False)
            poll.register(end, select.POLLOUT if end == self.ask else select.POLLIN)
        while self.open - {self.ask}:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for end, _ in poll.poll(1000 * left):
                if not self._move(end):
                    poll.unregister(end)
                    self.close(end)
        return True

    def _move(self, end: int) -> bool:
        """Move some bytes; False at the end of the stream."""
        try:
            if end == self.ask:
                self.request = self.request[os.write(end, self.request) :]
                return bool(self.request)
            part = os.read(end, 1 << 18)
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        if end == self.listen:  # a flood is read, so that it does not block, and let go
            self.output += part[: MOST_OUTPUT - len(self.output)]
        elif len(self.answer) <= self.most + 2 * wire.MOST_HEADER:
            self.answer += part
        return bool(part)


def _judge_end(talk: _Talk, report: dict[str, Any], in_time: bool) -> Outcome:
    answer, problem, detail = None, None, ""
    if report["timeout"] or not in_time:
        problem, detail = "timeout", "stopped at the time limit"
    elif talk.answer:
        try:
            answer = wire.decode(bytes(talk.answer), talk.most)
        except wire.BadMessage as error:
            problem, detail = "bad_reply", str(error)
    if answer is None and problem in (None, "bad_reply") and (report["signal"] or report["exit"]):
        problem, detail = "crash", f"signal {report['signal']}, exit status {report['exit']}"
    elif answer is None and problem is None:
        problem, detail = "crash", "ended without an answer"
    output = talk.output.decode(errors="replace")
    return Outcome(answer, problem, detail, output, report["seconds"], report["memory"])
