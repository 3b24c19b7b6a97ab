"""What the checker has seen: faults, slow lines, statistics of every line, and the trace.

Faults (`Run.findings`) by kind:
    race                      two threads, the same bytes, one of them writing, nothing between
    out of bounds             the kernel is ended before the access
    misaligned access         a float4 at an address that 16 does not divide; ends the kernel
    uninitialised read        shared memory, or an output, that nobody has written
    divergent barrier         not all threads of a block at the same __syncthreads
    divergent warp operation  lanes of a warp at two operations, or with two masks
    missing lane              a warp operation that names a lane which never comes
    time limit, assertion, exception, arithmetic fault, illegal address

What is slow but right (`Run.slow`):
    bank conflict             lanes want different words of one bank of shared memory
    uncoalesced access        a warp moves twice as many 32-byte sectors as its bytes need, or more
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from edudet.emulator.lines import Place, places

if TYPE_CHECKING:
    from rich.table import Table

OPERATIONS = {"r": "read", "w": "write", "a": "atomic", "b": "barrier"}
SECTOR = 32
WORTH_A_WORD = 2.0  # times as much as necessary: from here on a line is called slow


@dataclass(frozen=True)
class Finding:
    """A fault, or a slow line. `places`: of a race, the earlier access and the later one."""

    kind: str
    message: str
    places: tuple[Place, ...]
    kernel: str = ""
    region: str | None = None
    offset: int = 0  # in bytes
    thread: tuple[int, int, int] | None = None  # None: the whole block
    block: tuple[int, int, int] | None = None
    other_thread: int | None = None  # of a race: its index in its block
    count: int = 1

    @property
    def lines(self) -> tuple[int, ...]:
        return tuple(place.line for place in self.places)

    @property
    def line(self) -> int | None:
        """The line of the access that showed it (of a race, the later one)."""
        return self.places[-1].line if self.places else None

    def __str__(self) -> str:
        where = " and ".join(place.with_caller() for place in self.places)
        who = f"block {self.block}" if self.block else ""
        if self.thread:
            who = f"thread {self.thread} of {who}"
        if self.other_thread is not None:
            who += f" against thread {self.other_thread}"
        memory = f"{self.region}, byte {self.offset}" if self.region else ""
        parts = (where, self.message, memory, who, f"{self.count} times" if self.count > 1 else "")
        return f"{self.kind}: " + "; ".join(part for part in parts if part)


@dataclass
class LineStatistics:
    """What one line has asked of memory. A request is what a warp asks for at one time."""

    place: Place
    operation: str  # read, write, atomic
    memory: str  # global, shared
    regions: tuple[str, ...]
    bytes: int  # that a thread moves at a time
    requests: int = 0
    lanes: int = 0
    sectors: int = 0  # global: 32-byte sectors moved
    least_sectors: int = 0  # that would have held the bytes
    useful_bytes: int = 0
    passes: int = 0  # shared: over the banks
    least_passes: int = 0
    worst_passes: int = 0  # of one request

    @property
    def sectors_per_request(self) -> float:
        return self.sectors / self.requests

    @property
    def efficiency(self) -> float:
        """Useful bytes among those that the sectors moved."""
        return self.useful_bytes / (SECTOR * self.sectors) if self.sectors else 1.0

    @property
    def passes_per_request(self) -> float:
        return self.passes / self.requests

    @property
    def conflict(self) -> float:
        """How many times more passes than without conflicts."""
        return self.passes / self.least_passes if self.least_passes else 1.0

    def finding(self) -> Finding | None:
        """What is slow about this line, if it is."""
        at, regions = (self.place,), ", ".join(self.regions)
        if self.memory == "shared" and self.conflict >= WORTH_A_WORD:
            text = f"{self.conflict:.3g}-way: {self.passes_per_request:.3g} passes for each request"
            return Finding("bank conflict", text, at, region=regions, count=self.requests)
        if self.memory == "global" and self.sectors >= WORTH_A_WORD * self.least_sectors:
            text = (f"{self.sectors_per_request:.3g} sectors of 32 bytes for each request, "
                    f"{self.efficiency:.0%} of their bytes useful")  # fmt: skip
            return Finding("uncoalesced access", text, at, region=regions, count=self.requests)
        return None


class Access(NamedTuple):
    """One step of the trace. A barrier has no region."""

    launch: int
    block: tuple[int, int, int]
    thread: int  # its index in the block
    place: Place
    operation: str  # read, write, atomic, barrier
    region: str | None
    offset: int  # in bytes
    bytes: int


class Launch(NamedTuple):
    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int


@dataclass
class Run:
    """A run of kernels under the checker.

    result: what the operator returned; None where a kernel failed, and for programs.
    findings: the faults. error: what ended a kernel, if one was ended.
    slow, statistics: how each line used memory. trace: the accesses in their order, if asked for.
    """

    result: Any = None
    findings: list[Finding] = field(default_factory=list)
    slow: list[Finding] = field(default_factory=list)
    statistics: list[LineStatistics] = field(default_factory=list)
    trace: list[Access] = field(default_factory=list)
    trace_is_cut: bool = False
    launches: list[Launch] = field(default_factory=list)
    error: str | None = None

    def fill(self, report: dict[str, Any]) -> None:
        """Take over what _emulator.report() says."""
        at = places(report["spots"])
        self.launches = [Launch(*launch) for launch in report["launches"]]
        self.findings = _merged(self._finding(found, at) for found in report["findings"])
        self.statistics = _by_line(report["statistics"], at)
        self.slow = [found for line in self.statistics if (found := line.finding())]
        self.trace = [
            Access(launch, block, thread, at[spot], OPERATIONS[operation], region, offset, size)
            for launch, block, thread, spot, operation, region, offset, size in report["trace"]
        ]
        self.trace_is_cut = report["trace_is_cut"]

    def _finding(self, found: dict[str, Any], at: list[Place]) -> Finding:
        other = found["other_thread"]
        return Finding(
            found["kind"], found["message"], tuple(at[spot] for spot in found["spots"]),
            self.launches[found["launch"]].kernel, found["region"], found["offset"],
            found["thread"], found["block"], None if other < 0 else other, found["count"],
        )  # fmt: skip

    def report(self, width: int = 100) -> str:
        """Findings and statistics as text."""
        from rich.console import Console  # not there where kernels of students run

        out = io.StringIO()
        console = Console(file=out, width=width, highlight=False, markup=False)
        for launch in self.launches:
            shared = f", {launch.shared} bytes of shared memory" if launch.shared else ""
            console.print(f"{launch.kernel}: grid {launch.grid}, block {launch.block}{shared}")
        for found in self.findings:
            console.print(f"FAULT  {found}", soft_wrap=True)
        if not self.findings:
            console.print("no faults found" if self.launches else "nothing was watched")
        for found in self.slow:
            console.print(f"slow   {found}", soft_wrap=True)
        if self.statistics:
            console.print(self.table())
        return out.getvalue()

    __str__ = report

    def table(self) -> "Table":
        """The statistics, for rich."""
        from rich.table import Table

        table = Table("line", "does", "bytes", "region", "requests", "sectors or passes", "useful")
        for s in self.statistics:
            if s.memory == "shared":
                cost, useful = f"{s.passes_per_request:.2f} passes", ""
            else:
                cost, useful = f"{s.sectors_per_request:.2f} sectors", f"{s.efficiency:.0%}"
            table.add_row(str(s.place), s.operation, str(s.bytes), ", ".join(s.regions),
                          str(s.requests), cost, useful)  # fmt: skip
        return table

    def annotated(self, source: str, file: str | None = None) -> str:
        """The source, with what was found beside its lines. `file`: its name in the places."""
        notes: dict[int, list[str]] = {}
        for found in (*self.findings, *self.slow):
            for place in found.places:
                if file is None or place.file == file:
                    notes.setdefault(place.line, []).append(f"{found.kind}: {found.message}")
        width = max((len(line) for line in source.splitlines()), default=0)
        lines = []
        for number, line in enumerate(source.splitlines(), 1):
            texts = list(dict.fromkeys(notes.get(number, [])))
            note = "<-- " + "; ".join(texts) if texts else ""
            lines.append(f"{number:4d}  {line:<{width}}  {note}")
        return "\n".join(line.rstrip() for line in lines)


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per fault and line: a line may have many instructions, in many instances."""
    merged: dict[tuple, Finding] = {}
    for found in findings:
        # Of a race, either access may have come first.
        key = (found.kind, found.message, frozenset(found.places), found.region, found.kernel)
        first = merged.setdefault(key, found)
        if first is not found:
            merged[key] = Finding(**{**vars(first), "count": first.count + found.count})
    return list(merged.values())


def _by_line(statistics: list[dict[str, Any]], at: list[Place]) -> list[LineStatistics]:
    lines: dict[tuple, LineStatistics] = {}
    for s in statistics:
        place, regions = at[s["spot"]], tuple(s["regions"])
        operation, memory = OPERATIONS[s["operation"]], "shared" if s["shared"] else "global"
        key = (place.file, place.line, operation, memory, s["bytes"], regions)
        line = lines.setdefault(key, LineStatistics(place, operation, memory, regions, s["bytes"]))
        for name in ("requests", "lanes", "sectors", "least_sectors", "useful_bytes", "passes",
                     "least_passes"):  # fmt: skip
            setattr(line, name, getattr(line, name) + s[name])
        line.worst_passes = max(line.worst_passes, s["worst_passes"])
    return sorted(lines.values(), key=lambda line: (line.place.file, line.place.line))
