"""CUDA kernels in pictures: which thread does what, which bytes a warp touches, what a barrier
separates.

`trace` is what `emulator.run(..., trace=True).trace` holds: the accesses in their order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.patches import Rectangle

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS

WARP, SECTOR = 32, 32  # threads that run together; bytes that memory moves at a time
MOST_SECTORS = 64      # of a range that is shown whole


def draw_threads(axes: Any, items: Sequence[Sequence[str | None]], marked: int = -1) -> None:
    """Draw blocks of threads, a row each: items[b][t] is what thread t of block b works on, None if
    it has nothing to do. Block `marked` stands out."""
    for b, block in enumerate(items):
        for t, item in enumerate(block):
            colour = "faint" if item is None else "marked" if b == marked else "kept"
            _cell(axes, t, b * 1.5, colour, item or "", hatch="" if item else "////")
            axes.text(t + 0.04, b * 1.5 - 0.04, str(t), fontsize=6, color=COLOURS["faint"],
                      va="bottom")  # fmt: skip
        axes.text(-0.15, b * 1.5 + 0.5, f"block {b}", fontsize=9, ha="right", va="center")
    _frame(axes, max(len(block) for block in items), len(items) * 1.5 - 0.5, left=1.3)


class Request(NamedTuple):
    """What a warp asks of memory at one time. offsets: lane -> first byte."""

    place: Any
    operation: str
    region: str
    size: int  # bytes a lane
    offsets: dict[int, int]


def warp_requests(
    trace: Sequence[Any], block: tuple[int, int, int] = (0, 0, 0), warp: int = 0
) -> list[Request]:
    """The requests of one warp: the lanes' first times at a line together, then their second
    times, and so on, from barrier to barrier."""
    found: dict[tuple[Any, ...], Request] = {}
    times: dict[tuple[Any, ...], int] = defaultdict(int)
    barriers: dict[int, int] = defaultdict(int)
    for access in trace:
        if access.block != block or access.thread // WARP != warp:
            continue
        if access.operation == "barrier":
            barriers[access.thread] += 1
            continue
        line = (barriers[access.thread], access.place, access.operation, access.region)
        mine = (*line, access.thread)
        key = (*line, times[mine])
        times[mine] += 1
        request = found.setdefault(key, Request(*line[1:], access.bytes, {}))
        request.offsets[access.thread % WARP] = access.offset
    return list(found.values())


def draw_lanes(axes: Any, offsets: Mapping[int, int], size: int, title: str = "") -> None:
    """Draw which bytes the lanes of a warp touch, and the 32-byte sectors that must be moved.

    offsets: lane -> first byte. Sectors far from each other are drawn side by side.
    """
    touched = sorted({byte // SECTOR for o in offsets.values() for byte in (o, o + size - 1)})
    whole = touched[-1] - touched[0] < MOST_SECTORS
    shown = list(range(touched[0], touched[-1] + 1)) if whole else touched
    place = {sector: k for k, sector in enumerate(shown)}
    for sector in touched:
        axes.axvspan(place[sector], place[sector] + 1, color=COLOURS["marked"], alpha=0.3, lw=0)
    for lane, offset in offsets.items():
        x = place[offset // SECTOR] + offset % SECTOR / SECTOR
        axes.add_patch(Rectangle((x, lane), size / SECTOR, 1, color=COLOURS["kept"], lw=0.8))
    for k in range(len(shown) + 1):
        apart = 0 < k < len(shown) and shown[k] != shown[k - 1] + 1
        axes.axvline(k, color=COLOURS["faint"], linewidth=1.6 if apart else 0.4)
    every = -(-len(shown) // 8)
    axes.set_xticks(range(0, len(shown), every), [SECTOR * s for s in shown[::every]], fontsize=8)
    axes.set(xlim=(0, len(shown)), ylim=(WARP, 0), ylabel="lane", yticks=range(0, WARP + 1, 8))
    axes.set_xlabel("byte" if whole else "byte where a sector begins (others left out)")
    useful = len({o + byte for o in offsets.values() for byte in range(size)})
    many = f"{len(touched)} sector{'s' * (len(touched) > 1)}"
    share = f"{useful / SECTOR / len(touched):.0%} used"
    axes.set_title(f"{title}{': ' if title else ''}{many}, {share}", fontsize=9, loc="left")


def step_lanes(
    trace: Sequence[Any], regions: Sequence[str], block: tuple[int, int, int] = (0, 0, 0),
    warp: int = 0, most: int = 12,
) -> Steps:  # fmt: skip
    """One warp on its way through a kernel: a step for each of its first requests of `regions`."""
    asked = [r for r in warp_requests(trace, block, warp) if r.region in regions][:most]

    def draw(axes: Any, i: int) -> None:
        draw_lanes(axes, asked[i].offsets, asked[i].size)

    return Steps([_caption(r) for r in asked], draw, 6.4, 3.8)


def _caption(request: Request) -> str:
    place = request.place
    verb = {"read": "read", "write": "write", "atomic": "add to"}[request.operation]
    file, line = place.callers[-1] if place.callers else (place.file, place.line)
    return f"{Path(file).name}, line {line}: {len(request.offsets)} lanes {verb} {request.region}"


def step_barriers(trace: Sequence[Any], threads: int, values: Sequence[Sequence[Any]] = (),
                  size: int = 4) -> Steps:  # fmt: skip
    """Block (0, 0, 0) from barrier to barrier: who reads what (above), who writes what (below).

    values[k]: what the cells hold before step k; one more at the end. size: bytes of a cell.
    """
    parts: dict[int, list[Any]] = defaultdict(list)
    passed: dict[int, int] = defaultdict(int)
    for access in trace:
        if access.block == (0, 0, 0):
            parts[passed[access.thread]].append(access)
            passed[access.thread] += access.operation == "barrier"
    steps = [part for _, part in sorted(parts.items()) if any(a.region for a in part)]
    captions = []
    for k, part in enumerate(steps):
        busy = {a.thread for a in part if a.operation != "barrier"}
        word = "thread works" if len(busy) == 1 else "threads work"
        captions.append(f"{'after barrier ' + str(k) if k else 'at the start'}: {len(busy)} {word}")

    def draw(axes: Any, k: int) -> None:
        busy = {a.thread for a in steps[k] if a.operation != "barrier"}
        for t in range(threads):
            _cell(axes, t, 2, "marked" if t in busy else "faint", str(t))
        for row, reads in ((0, True), (4, False)):
            part = [a for a in steps[k] if a.region and (a.operation == "read") == reads]
            cells = {(a.thread, a.offset // size) for a in part}
            known = values[k if reads else k + 1] if values else []
            last = max([c for _, c in cells] + [len(known) - 1])
            for c in range(last + 1):
                now = any(cell == c for _, cell in cells)
                colour = ("kept" if reads else "dropped") if now else "faint"
                _cell(axes, c, row, colour, str(known[c]) if len(known) else "")
            for t, c in cells:
                above, below = (c, t) if reads else (t, c)
                axes.annotate("", (below + 0.5, 2 if reads else 4), (above + 0.5, row + 1 if reads
                              else 3), arrowprops={"arrowstyle": "->", "lw": 0.9})  # fmt: skip
            name = ", ".join(dict.fromkeys(a.region for a in part))
            verb = "read" if reads else "write"
            axes.text(-0.2, row + 0.5, f"{verb} {name}" if part else "", ha="right", va="center",
                      fontsize=9)  # fmt: skip
        axes.text(-0.2, 2.5, "thread", ha="right", va="center", fontsize=9)
        _frame(axes, threads, 5, left=2.3)

    return Steps(captions, draw, 6.4, 3.4)


def _cell(axes: Any, x: float, y: float, colour: str, text: str, hatch: str = "") -> None:
    axes.add_patch(
        Rectangle((x + 0.04, y), 0.92, 1, facecolor=COLOURS[colour], alpha=0.35, hatch=hatch, lw=0)
    )
    axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=8)


def _frame(axes: Any, width: float, height: float, left: float) -> None:
    axes.set(xlim=(-left, width), ylim=(height, -0.5))
    axes.set_axis_off()
